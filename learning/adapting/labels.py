"""The targets of a support as a task: its type, its classes, its labels."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

import numpy as np
from numpy.typing import NDArray

from learning.adapting.intake import Taken
from learning.encoding.columns import moments
from learning.errors import InputError, Notice, Problem
from learning.header import MAX_SCALE, Output
from learning.predictor.values import MAX_PROBLEMS, wrong_type
from learning.tasks import TaskType, key_text

MAX_CLASSES = 1_000


@dataclass(frozen=True, eq=False, slots=True)
class Labelled:
    """A target of one support: ``labels`` ``[n]``, numbers in the user's units or class indices, NaN where none is given.

    output: what the child answers. known: whether the model answers the same question, so that its head is a prior.
    """

    output: Output
    labels: NDArray[np.float64]
    known: bool
    notices: tuple[Notice, ...]

    @property
    def there(self) -> NDArray[np.bool_]:
        """Which rows have a label."""
        return ~np.isnan(self.labels)

    @property
    def scaled(self) -> NDArray[np.float64]:
        """The labels as the head learns them: standardised numbers, or the indices."""
        return (
            (self.labels - self.output.mean) / self.output.deviation
            if self.output.type == "regression"
            else self.labels
        )


def labelled(taken: Taken, target: str, same: Output | None, *, fixed: bool) -> Labelled:
    """Read a target.

    Args:
        same: what the model answers under this name. fixed: the task must be of its type and classes.

    Raises:
        InputError: ``no-labels``, ``wrong-type``, ``non-finite-value``, ``unseen-label``, ``single-class-target``,
            ``too-many-classes``, with pointers to the rows.
    """
    values = taken.targets[target]
    given = sum(value is not None for value in values)
    if given == 0:
        raise InputError([Problem(taken.part.at, "no-labels", f"expected values of {target[:64]!r}, found only null")])
    notices: tuple[Notice, ...] = ()
    if given < len(values):
        detail = f"{len(values) - given} of {len(values)} rows have no {target[:64]!r}; they teach nothing"
        notices = (Notice("unlabelled-rows", detail, taken.part.at),)
    if same is not None and same.type == "regression" and (fixed or _numeric(values)):
        return Labelled(same, numbers(taken, target), True, notices)
    if same is None:
        return _new(taken, target, notices)
    if same.type == "regression":
        odd_one = next(value for value in values if value is not None and not _is_number(value))
        return _new(taken, target, (*notices, _other_question(same, odd_one, taken)))
    texts = class_texts(taken, target)
    odd = [row for row, text in enumerate(texts) if text is not None and text not in (same.classes or ())]
    if odd and not fixed:
        return _new(taken, target, (*notices, _other_question(same, values[odd[0]], taken)))
    refuse_unseen(taken, target, odd, same.classes or ())
    if len({text for text in texts if text is not None}) < 2:
        detail = f"the support holds one class of {target[:64]!r} only; what the model knows of the others stays"
        notices = (*notices, Notice("single-class-support", detail, taken.part.at))
    return Labelled(same, indices(texts, same.classes or ()), True, notices)


def numbers(taken: Taken, target: str) -> NDArray[np.float64]:
    """The values of a target as numbers, null as NaN. Raises: InputError."""
    values, problems = taken.targets[target], []
    for row, value in enumerate(values):
        if value is None or (isinstance(value, (int, float)) and not isinstance(value, bool) and _within(value)):
            continue
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if number:
            detail = f"expected a finite number of at most {MAX_SCALE:g} for {target[:64]!r}, found another"
            problems.append(Problem(taken.at(target, row), "non-finite-value", detail))
        else:
            found = wrong_type(value, "number", target, row, "rows")
            problems.append(Problem(taken.at(target, row), found.code, found.detail))
    if problems:
        raise InputError(problems[:MAX_PROBLEMS])
    return np.array([np.nan if value is None else float(value) for value in values])


def class_texts(taken: Taken, target: str) -> list[str | None]:
    """The values of a target as the text of their classes. Raises: InputError: ``wrong-type``."""
    values = taken.targets[target]
    wrong = [
        Problem(taken.at(target, row), "wrong-type", f"expected a text, a number or true or false for {target[:64]!r}")
        for row, value in enumerate(values)
        if isinstance(value, (list, dict)) or (isinstance(value, float) and not isfinite(value))
    ]
    if wrong:
        raise InputError(wrong[:MAX_PROBLEMS])
    return [None if value is None else key_text(float(value) if type(value) is int else value) for value in values]


def refuse_unseen(taken: Taken, target: str, odd: Sequence[int], classes: Sequence[str]) -> None:
    """Raises: InputError: ``unseen-label``, for each of the rows ``odd``."""
    some = ", ".join(repr(name[:64]) for name in classes[:10]) + (" …" if len(classes) > 10 else "")
    problems = [
        Problem(
            taken.at(target, row),
            "unseen-label",
            f"expected a class among {some}; found {str(taken.targets[target][row])[:64]!r}",
        )
        for row in odd[:MAX_PROBLEMS]
    ]
    if problems:
        raise InputError(problems)


def query_labels(taken: Taken, target: str, output: Output) -> NDArray[np.float64] | None:
    """The labels ``[n]`` of queries; null unless every one brings its own. Raises: InputError: ``unseen-label``."""
    values = taken.targets.get(target)
    if values is None or any(value is None for value in values):
        return None
    if output.type == "regression":
        return numbers(taken, target)
    texts = class_texts(taken, target)
    classes = output.classes or ()
    refuse_unseen(taken, target, [row for row, text in enumerate(texts) if text not in classes], classes)
    return indices(texts, classes)


def _new(taken: Taken, target: str, notices: tuple[Notice, ...]) -> Labelled:
    """A question that the model does not know: numbers are a regression, unless all are 0 or 1."""
    values = taken.targets[target]
    bits = all(value is None or value in (0, 1) for value in values if not isinstance(value, (list, dict)))
    if _numeric(values) and not bits:
        labels = numbers(taken, target)
        mean, deviation = moments(labels[~np.isnan(labels)])
        output = Output(
            name=target, target=target, type="regression", slot=0, group=0, mean=mean, deviation=deviation or 1.0
        )
        return Labelled(output, labels, False, notices)
    texts = class_texts(taken, target)
    output = class_output(target, tuple(sorted({text for text in texts if text is not None})), taken)
    return Labelled(output, indices(texts, output.classes or ()), False, notices)


def class_output(target: str, classes: tuple[str, ...], taken: Taken) -> Output:
    """The output of classes that a support brings. Raises: InputError: ``single-class-target``, ``too-many-classes``."""
    if len(classes) < 2:
        detail = f"expected two classes of {target[:64]!r} or more, found {classes[0][:64]!r} only"
        raise InputError([Problem(taken.part.at, "single-class-target", detail)])
    if len(classes) > MAX_CLASSES:
        detail = f"expected at most {MAX_CLASSES} classes of {target[:64]!r}, found {len(classes)}"
        raise InputError([Problem(taken.part.at, "too-many-classes", detail)])
    kind: TaskType = "binary" if len(classes) == 2 else "multiclass"
    return Output(name=target, target=target, type=kind, slot=0, group=0, classes=classes)


def _other_question(same: Output, found: Any, taken: Taken) -> Notice:
    """A slip more often than not: 1 for "yes", or "3.5" for 3.5."""
    knows = "numbers" if same.type == "regression" else ", ".join(repr(name[:64]) for name in (same.classes or ())[:10])
    detail = f"the model answers {same.target[:64]!r} by {knows}; the support has {str(found)[:64]!r}, and is learned without that"
    return Notice("other-question", detail, taken.part.at)


def _numeric(values: Sequence[Any]) -> bool:
    return all(value is None or _is_number(value) for value in values)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _within(value: float) -> bool:
    try:
        return isfinite(value) and abs(value) <= MAX_SCALE
    except OverflowError:
        return False


def indices(texts: Sequence[str | None], classes: Sequence[str]) -> NDArray[np.float64]:
    place = {name: float(index) for index, name in enumerate(classes)}
    return np.array([np.nan if text is None else place[text] for text in texts])
