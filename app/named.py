"""What a request's path names, by id or by alias, found without the database where that is warm."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from app.parts import Parts
from store.errors import NotFound
from store.keys import Principal

MOST_MOVES = 5
"""How often an alias may move away under one request before the request is told that its model is gone."""

Found = TypeVar("Found")


async def named(
    parts: Parts, who: Principal, reference: str, load: Callable[[str, str], Awaitable[Found]]
) -> tuple[Found, str]:
    """What ``load(project id, model id)`` makes of the model that ``reference`` names, and the model's id.

    Raises:
        NotFound: no such model or alias in this project; and what ``load`` raises.
    """
    model_id = await parts.pointers.model(who.project_id, reference)
    for _ in range(MOST_MOVES):
        try:
            return await load(who.project_id, model_id), model_id
        except NotFound:
            if model_id == reference:
                raise
            # another process may have moved the alias, and then deleted the model that it pointed to here
            parts.pointers.forget(who.project_id, reference)
            now = await parts.pointers.model(who.project_id, reference)
            if now == model_id:
                raise
            model_id = now
    return await load(who.project_id, model_id), model_id
