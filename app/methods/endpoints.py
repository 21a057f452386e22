"""Methods: list."""

from fastapi import APIRouter

from app.deps import NO_QUERY
from app.methods import service
from app.methods.schemas import Methods

router = APIRouter(prefix="/methods", tags=["methods"])


@router.get("", dependencies=[NO_QUERY])
async def list_methods() -> Methods:
    """Every network and method that a job may name, with its parameters and its paper."""
    return service.methods()
