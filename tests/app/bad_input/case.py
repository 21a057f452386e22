"""One row of BAD_INPUT.md, or one of the inputs that a row lists."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx

from tests.app.bad_input.world import World

Send = Callable[[World], httpx.Response]
Check = Callable[[dict[str, Any]], None]


@dataclass(frozen=True)
class Case:
    """What is sent, and what must come back.

    ``row`` is the number in BAD_INPUT.md; ``pointer`` is where the first error is said to be; ``check`` looks at the
    answer's JSON. A status below 400 is an input that must be accepted. ``by_server``: what arrives is no request of
    HTTP, so that the server answers in a word, and hangs up, before the API hears of it.
    """

    row: int
    label: str
    send: Send
    status: int
    code: str | None = None
    pointer: str | None = None
    check: Check | None = None
    by_server: bool = False

    @property
    def id(self) -> str:
        return f"{self.row}-{self.label}" if self.label else str(self.row)


def warns(*codes: str) -> Check:
    """The answer has these warnings."""

    def check(answer: dict[str, Any]) -> None:
        found = {warning["code"] for warning in answer["warnings"]}
        assert set(codes) <= found, f"expected {codes}, found {found}"

    return check


def types(**expected: str) -> Check:
    """The dataset's columns have these types."""

    def check(answer: dict[str, Any]) -> None:
        found = {column["name"]: column["type"] for column in answer["columns"]}
        assert expected.items() <= found.items(), f"expected {expected}, found {found}"

    return check


def both(*checks: Check) -> Check:
    def check(answer: dict[str, Any]) -> None:
        for one in checks:
            one(answer)

    return check
