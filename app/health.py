"""Is the process alive, and can it serve: the only routes beside the documentation that need no key."""

import os
from typing import Literal

from fastapi import APIRouter
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from app.deps import Held
from app.errors import ApiError
from app.openapi import answers
from app.pages import Closed
from store.errors import StoreError

router = APIRouter(tags=["health"])


class Health(Closed):
    """The service answers."""

    status: Literal["ok"]


@router.get("/healthz")
async def alive() -> Health:
    """The process answers; nothing else is asked."""
    return Health(status="ok")


@router.get("/readyz", responses=answers(503))
def ready(held: Held) -> Health:
    """The database answers and the artifacts folder can be written."""
    try:
        with held.database.reading() as session:
            session.execute(text("SELECT 1"))
    except (SQLAlchemyError, StoreError) as error:
        raise ApiError("not-ready", "expected the database to answer, found that it does not") from error
    if not os.access(held.artifacts.root, os.W_OK):
        raise ApiError("not-ready", "expected an artifacts folder that can be written, found none")
    return Health(status="ok")
