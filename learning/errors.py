"""What can be wrong in the learning room: one root, and the values that say where."""

from collections.abc import Iterable
from dataclasses import dataclass

LONGEST_KEY = 1_024


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that must be mended before a request can be served.

    ``pointer`` is a JSON pointer into the body (``/tasks/1/target``), ``code`` a stable word in kebab case.
    """

    pointer: str
    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class Notice:
    """A warning that is part of a good answer; ``pointer`` is null when it concerns the whole job."""

    code: str
    detail: str
    pointer: str | None = None


class LearningError(Exception):
    """Root of this room's errors; ``code`` is stable, ``detail`` is written for the user."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail


class ProblemsError(LearningError):
    """Several problems found together; ``problems`` is never empty."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        first = self.problems[0]
        super().__init__(first.code, f"{first.pointer or '/'}: {first.detail}")


class SpecError(ProblemsError):
    """A job spec that cannot be meant: unknown names, values out of bounds, data that does not fit."""


class InputError(ProblemsError):
    """Rows given to a predictor that do not fit the model's inputs."""


class ModelUnhealthy(LearningError):
    """A stored model answered with NaN or infinity."""

    def __init__(self, detail: str) -> None:
        super().__init__("model-unhealthy", detail)


class TrainingDiverged(LearningError):
    """The loss or the weights left the finite numbers at optimiser step ``step``."""

    def __init__(self, step: int) -> None:
        super().__init__("training-diverged", f"expected a finite loss, found NaN or infinity at step {step}")
        self.step = step


def pointer_to(*path: str | int) -> str:
    """The JSON pointer (RFC 6901) of a path of keys and indices; a key longer than any column's name is cut."""
    parts = (str(part) for part in path)
    shown = (part if len(part) <= LONGEST_KEY else part[:LONGEST_KEY] + "…" for part in parts)
    return "".join("/" + part.replace("~", "~0").replace("/", "~1") for part in shown)
