"""Model cards: show."""

from typing import Annotated, Any

from fastapi import APIRouter, Header
from fastapi.responses import Response

from app.cards import service
from app.cards.markdown import markdown
from app.cards.negotiation import preferred
from app.cards.schemas import ModelCard
from app.deps import NO_QUERY, Held, Who
from app.openapi import answers

router = APIRouter(prefix="/models/{model_id}/card", tags=["models"])
_MARKDOWN, _JSON = "text/markdown", "application/json"
_FORMS: dict[int | str, dict[str, Any]] = {
    200: {"description": "The card.", "content": {_MARKDOWN: {"schema": {"type": "string"}}}}
}


@router.get("", response_model=ModelCard, responses={**_FORMS, **answers(404)}, dependencies=[NO_QUERY])
def show(
    model_id: str,
    held: Held,
    who: Who,
    accept: Annotated[
        str | None, Header(description="`application/json` for machines; else the card is Markdown.")
    ] = None,
) -> Any:
    """What is on record of a model: tasks with rivals and verdicts, data, spec, environment and limits."""
    card = service.card(held, who, model_id)
    headers = {"Vary": "Accept"}
    if preferred(accept, (_MARKDOWN, _JSON)) == _JSON:
        return Response(card.model_dump_json(), media_type=_JSON, headers=headers)
    return Response(markdown(card), media_type=f"{_MARKDOWN}; charset=utf-8", headers=headers)
