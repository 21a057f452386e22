"""A new group of a grouped model: one more row of its table of heads, of as many targets as the support brings."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from learning.adapting.asked import Request, Sample, names_of, placed, values_of
from learning.adapting.delta import HEADS, Added, Delta, DeltaHeader
from learning.adapting.heads import Head, check_of, heads
from learning.adapting.intake import Part, Taken, parts_of
from learning.adapting.labels import labelled, query_labels
from learning.adapting.prior import head_of
from learning.adapting.results import Adaptation
from learning.errors import InputError, Notice, Problem, SpecError, pointer_to
from learning.header import Output
from learning.planning.grouping import group_name
from learning.predictor.answers import Prediction, answer
from learning.predictor.inputs import Found, read_keys

if TYPE_CHECKING:
    from learning.adapting.closed_form import ClosedForm

Key = tuple[str, ...]


class NewGroups:
    """Adds groups to the grouped model of an adapter; a group that it has is learned again and replaced."""

    def __init__(self, model: "ClosedForm", delta: Delta | None) -> None:
        self._model, self._delta = model, delta
        self._header = model.header
        types = {column.name: column.type for column in self._header.inputs}
        self._types = {name: types[name] for name in self._header.group_by}

    def adapt(self, request: Request, samples: Sequence[Sample], *, check: bool) -> list[Adaptation]:
        """Return the children, each the model with one more head. Raises as `Adapter.adapt`."""
        keys = [self._key(sample) for sample in samples]
        outputs = self._outputs(request)
        names = tuple(output.target for output in outputs)
        for sample, key in zip(samples, keys, strict=True):
            self._check_rows(sample, key)
        supports, queries = self._model.read(request, samples, outputs[0].features, names)
        z = self._model.represent([taken.rows for taken in supports])
        asked = iter(self._model.represent([taken.rows for taken in queries if taken is not None]))
        of_query = [None if taken is None else next(asked) for taken in queries]
        solved = []
        for output in outputs:
            tasks = []
            for taken in supports:
                if output.target not in taken.targets:
                    detail = f"expected the rows of the support to bring {output.target[:64]!r}, found none that does"
                    raise InputError([Problem("/targets", "target-not-found", detail)])
                tasks.append(labelled(taken, output.target, output, fixed=True))
            solved.append(heads(tasks, z, head_of(self._header, self._model.heads, output)))
        return [
            self._adaptation(sample, key, outputs, own, (taken, query, rows), check)
            for sample, key, own, taken, query, rows in zip(
                samples, keys, zip(*solved, strict=True), supports, queries, of_query, strict=True
            )
        ]

    def _outputs(self, request: Request) -> list[Output]:
        by_target = {output.target: output for output in self._header.outputs}
        single = len(request.targets) == 1
        unknown = [
            Problem(
                "/target" if single else f"/targets/{place}",
                "unknown-task",
                f"expected a target of the model among {', '.join(map(repr, list(by_target)[:10]))}; found {name[:64]!r}",
            )
            for place, name in enumerate(request.targets)
            if name not in by_target
        ]
        if unknown:
            raise SpecError(unknown)
        return [by_target[name] for name in request.targets] or list(self._header.outputs)

    def _key(self, sample: Sample) -> Key:
        """The group's key as text, in the order of group_by."""
        if not self._types:
            detail = "expected a model with groups, to which one can be added; found one without"
            raise SpecError([Problem(sample.key_at, "not-grouped", detail)])
        given = sample.task_key
        wanted = ", ".join(repr(name[:64]) for name in self._types)
        if given is None or given.keys() != self._types.keys():
            found = "none" if given is None else ", ".join(repr(str(name)[:64]) for name in given)
            detail = f"expected a value for each of {wanted}, found {found}"
            raise SpecError([Problem(sample.key_at, "task-key-mismatch", detail)])
        key = self._keys_of({name: [given[name]] for name in self._types}, sample.key_at, single=True)[0]
        empty = [name for name, part in zip(self._types, key, strict=True) if part is None]
        if empty:
            detail = "expected the value of the group, found null"
            raise SpecError([Problem(sample.key_at + pointer_to(empty[0]), "wrong-type", detail)])
        return tuple(part or "" for part in key)

    def _keys_of(
        self, columns: Mapping[str, Sequence[Any]], at: str, *, single: bool = False
    ) -> list[tuple[str | None, ...]]:
        try:
            return read_keys(columns, self._types, Found([], []), "rows")
        except InputError as error:
            if single:
                moved = [Problem("/" + p.pointer.split("/", 3)[3], p.code, p.detail) for p in error.problems]
                raise InputError(placed(InputError(moved), at)) from None
            raise InputError(placed(error, at)) from None

    def _check_rows(self, sample: Sample, key: Key) -> None:
        """Rows say nothing of their group, or that they are of this one."""
        supports, queries = parts_of([sample])
        for part in (*supports, *(query for query in queries if query is not None)):
            told = [name for name in self._types if name in names_of(part.cells)]
            if not told:
                continue
            for name, wanted in zip(self._types, key, strict=True):
                if name in told:
                    self._check_column(part, name, wanted)

    def _check_column(self, part: Part, name: str, wanted: str) -> None:
        values = values_of(part.cells, name)
        if isinstance(part.cells, pa.Table):
            values = [value.isoformat() if hasattr(value, "isoformat") else value for value in values]
        try:
            own = read_keys({name: values}, {name: self._types[name]}, Found([], []), part.style)
        except InputError as error:
            raise InputError(placed(error, part.at)) from None
        for row, (found,) in enumerate(own):
            if found != wanted:
                where = ("rows", row, name) if part.style == "rows" else ("columns", name, row)
                detail = f"expected rows of the new group {wanted[:64]!r} only, found {str(found)[:64]!r}"
                raise InputError([Problem(part.at + pointer_to(*where), "other-group", detail)])

    def _adaptation(
        self,
        sample: Sample,
        key: Key,
        outputs: Sequence[Output],
        own: Sequence[Head],
        rows: tuple[Taken, Taken | None, NDArray[np.float32] | None],
        check: bool,
    ) -> Adaptation:
        taken, query, z = rows
        notices = [*taken.notices, *(notice for head in own for notice in head.task.notices)]
        answers, checks = {}, {}
        for output, head in zip(outputs, own, strict=True):
            labels = None
            if query is not None and z is not None:
                labels = query_labels(query, output.target, output)
                answers[output.name] = answer(output, head.raw(z))
            checks[output.name] = check_of(head, query=None if z is None or labels is None else (z, labels), left=check)
        place, replaced = self._place(key)
        if replaced:
            named = group_name(dict(zip(self._types, key, strict=True)))
            notices.append(
                Notice("group-replaced", f"the model had a head for {named[:200]}; it is replaced", sample.key_at)
            )
        prediction = Prediction(answers, query.notices) if query is not None else None
        return Adaptation(
            delta=self._grown(sample.name, key, place, outputs, own),
            predictions=prediction,
            checks=checks,
            notices=tuple(notices),
        )

    def _place(self, key: Key) -> tuple[int, bool]:
        """The row of the group in the table of heads, and whether it was there."""
        group = next((head.group for head in self._header.heads if head.key == key), -1)
        return (group, True) if group >= 0 else (self._header.groups, False)

    def _grown(self, name: str | None, key: Key, place: int, outputs: Sequence[Output], own: Sequence[Head]) -> Delta:
        """The delta of the model itself, and one more row."""
        layout = self._header.layout
        width = own[0].weight.shape[1]
        row = {
            "heads.weight": np.zeros((1, layout.units, width), np.float32),
            "heads.bias": np.zeros((1, layout.units), np.float32),
            "heads.rows": np.zeros((1, len(layout.slots)), np.float32),
        }
        for output, head in zip(outputs, own, strict=True):
            first = layout.offsets[output.slot]
            units = slice(first, first + layout.slots[output.slot].units)
            row["heads.weight"][0, units], row["heads.bias"][0, units] = head.weight, head.bias
            row["heads.rows"][0, output.slot] = head.rows
        told = {head.task.output.target: {"strength": head.strength, "rows": head.rows} for head in own}
        added = Added(key=key, group=place, outputs=tuple(self._header.outputs.index(output) for output in outputs))
        before = self._delta.header.added if self._delta else ()
        kept = [index for index, other in enumerate(before) if other.key != key]
        tensors = row
        if self._delta and kept:
            tensors = {part: np.concatenate([self._delta.tensors[part][kept], row[part]]) for part in HEADS}
        header = DeltaHeader(
            name=name,
            added=(*(before[index] for index in kept), added),
            adapted={"name": "new_group", "group": list(key), "targets": told},
        )
        return Delta(header, tensors)
