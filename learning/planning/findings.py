"""What planning finds on its way, gathered so that all of it is told at once."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from learning.errors import Notice, Problem


@dataclass(frozen=True, slots=True)
class Findings:
    problems: list[Problem] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)

    def problem(self, pointer: str, code: str, detail: str) -> None:
        self.problems.append(Problem(pointer, code, detail))

    def notice(self, code: str, detail: str, pointer: str | None = None) -> None:
        # What many tasks of one table share is said once, where it is met first.
        if not any((known.code, known.detail) == (code, detail) for known in self.notices):
            self.notices.append(Notice(code, detail, pointer))


def listing(names: Iterable[object], *, limit: int = 10) -> str:
    """Some names for a sentence: the first ten, and how many more there are."""
    known = [repr(str(name)[:64]) for name in names]
    more = f" and {len(known) - limit} more" if len(known) > limit else ""
    return ", ".join(known[:limit]) + more
