"""The target of a support as a task of a meta-model: of the kind that it was trained for."""

from collections.abc import Sequence

from learning.adapting.asked import Request, Sample
from learning.adapting.intake import Taken
from learning.adapting.labels import Labelled, class_output, class_texts, indices, numbers, refuse_unseen
from learning.errors import InputError, Notice, Problem, SpecError
from learning.header import Output
from learning.meta.base import MetaSpec
from learning.meta_header import MetaHeader


def check_request(header: MetaHeader, method: MetaSpec, request: Request, samples: Sequence[Sample]) -> str:
    """Return the column of labels.

    Raises:
        SpecError: ``not-grouped``, ``too-many-targets``, ``no-steps``, ``target-is-feature``.
    """
    problems = [
        Problem(
            sample.key_at, "not-grouped", "expected a model with groups, to which one can be added; found one without"
        )
        for sample in samples
        if sample.task_key is not None
    ]
    if len(request.targets) > 1:
        detail = f"expected one target of a meta-model, found {len(request.targets)}"
        problems.append(Problem("/targets", "too-many-targets", detail))
    # What a method without a head of its own makes of a support, it makes at once.
    if request.steps is not None and not method.has_head:
        name = header.method["name"]
        problems.append(Problem("/steps", "no-steps", f"expected no steps for {name}, which has none; found some"))
    target = request.targets[0] if request.targets else header.target
    if any(column.name == target for column in header.encoding.columns):
        detail = f"expected a column that the model does not read, found its feature {target[:64]!r}"
        problems.append(Problem("/target", "target-is-feature", detail))
    if problems:
        raise SpecError(problems[:50])
    return target


def meta_task(header: MetaHeader, method: MetaSpec, taken: Taken, target: str) -> Labelled:
    """Read the labels of a support.

    Raises:
        InputError: ``target-not-found``, ``no-labels``, ``single-class-target``, ``too-many-ways``, ``unseen-label``,
            and what numbers and classes may not be.
    """
    if target not in taken.targets:
        detail = f"expected the rows of the support to bring {target[:64]!r}, found none that does"
        raise InputError([Problem("/target", "target-not-found", detail)])
    values = taken.targets[target]
    given = sum(value is not None for value in values)
    if given == 0:
        raise InputError([Problem(taken.part.at, "no-labels", f"expected values of {target[:64]!r}, found only null")])
    notices = []
    if given < len(values):
        detail = f"{len(values) - given} of {len(values)} rows have no {target[:64]!r}; they teach nothing"
        notices.append(Notice("unlabelled-rows", detail, taken.part.at))
    if header.type == "regression":
        output = Output(
            name=target, target=target, type="regression", slot=0, group=0, mean=header.mean, deviation=header.deviation
        )
        notices += _fewer(header, given, f"{given} rows", taken)
        return Labelled(output, numbers(taken, target), True, tuple(notices))
    texts = class_texts(taken, target)
    brought = tuple(sorted({text for text in texts if text is not None}))
    if header.classes is not None:
        refuse_unseen(
            taken, target, [i for i, t in enumerate(texts) if t is not None and t not in header.classes], header.classes
        )
        output = class_output(target, header.classes, taken)
        notices += _fewer(header, given, f"{given} rows", taken)
    else:
        output = class_output(target, brought, taken)
        notices += _ways(header, method, len(brought), taken)
        least = min(texts.count(name) for name in brought)
        notices += _fewer(header, least, f"{least} of the smallest class", taken)
    return Labelled(output, indices(texts, output.classes or ()), header.classes is not None, tuple(notices))


def _ways(header: MetaHeader, method: MetaSpec, found: int, taken: Taken) -> list[Notice]:
    """Raises: InputError: ``too-many-ways``."""
    if not method.has_head or found == header.ways:
        return []
    if found > header.ways:
        detail = f"expected at most {header.ways} classes, as many as the model's head answers; found {found}"
        raise InputError([Problem(taken.part.at, "too-many-ways", detail)])
    detail = f"the model was trained with {header.ways} classes a task, the support has {found}"
    return [Notice("fewer-ways", detail, taken.part.at)]


def _fewer(header: MetaHeader, shots: int, found: str, taken: Taken) -> list[Notice]:
    if shots >= header.shots:
        return []
    each = "of each class " if header.episodes and header.type != "regression" else ""
    detail = f"the model was trained with {header.shots} rows {each}a task, the support has {found}"
    return [Notice("fewer-shots", detail, taken.part.at)]
