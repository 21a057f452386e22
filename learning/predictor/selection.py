"""Which outputs a request asks for, and what they read: decided once for each choice of tasks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from learning.encoding.absent import Absent
from learning.errors import InputError, Problem, pointer_to
from learning.header import ModelHeader, Output
from learning.predictor.inputs import Reader


@dataclass(frozen=True, slots=True)
class Pass:
    """The outputs that read one set of features, computed together.

    absent: the encoding's other columns. groups: the heads of listed tasks. places: (position in the selection,
    position in ``groups``, the columns of its slot) of each output.
    """

    absent: Absent | None
    groups: tuple[int, ...]
    places: tuple[tuple[int, int, slice], ...]


@dataclass(frozen=True, slots=True)
class Selection:
    """The outputs asked for. ``features`` and ``required``: the columns they read, without and with the group keys."""

    outputs: tuple[Output, ...]
    passes: tuple[Pass, ...]
    features: frozenset[str]
    required: frozenset[str]
    reader: Reader

    @classmethod
    def of(cls, header: ModelHeader, tasks: Sequence[str] | None) -> Self:
        """The outputs named ``tasks``, or all.

        Raises:
            InputError: ``unknown-task``.
        """
        outputs = header.outputs if tasks is None else _named(header, tasks)
        sets = dict.fromkeys(output.features for output in outputs)
        features = frozenset(name for own in sets for name in header.feature_sets[own])
        return cls(
            outputs=outputs,
            passes=tuple(_pass(header, own, outputs) for own in sets),
            features=features,
            required=features | set(header.group_by),
            reader=Reader(header.encoding, features),
        )


def _named(header: ModelHeader, tasks: Sequence[str]) -> tuple[Output, ...]:
    known: Mapping[str, Output] = {output.name: output for output in header.outputs}
    some = ", ".join(repr(name[:64]) for name in list(known)[:10]) + (" …" if len(known) > 10 else "")
    problems = [
        Problem(pointer_to("tasks", place), "unknown-task", f"expected one of {some}; found {name[:64]!r}")
        for place, name in enumerate(tasks)
        if name not in known
    ]
    if problems:
        raise InputError(problems)
    return tuple(known[name] for name in dict.fromkeys(tasks))


def _pass(header: ModelHeader, own: int, outputs: Sequence[Output]) -> Pass:
    features = set(header.feature_sets[own])
    absent: Absent = {column.name: True for column in header.encoding.columns if column.name not in features}
    members = [(place, output) for place, output in enumerate(outputs) if output.features == own]
    groups = list(dict.fromkeys(output.group or 0 for _, output in members))
    offsets = header.layout.offsets
    return Pass(
        absent=absent or None,
        groups=tuple(groups),
        places=tuple(
            (
                place,
                groups.index(output.group or 0),
                slice(offsets[output.slot], offsets[output.slot] + header.slots[output.slot][1]),
            )
            for place, output in members
        ),
    )
