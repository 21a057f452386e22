"""A stored model, ready to answer: the only way from rows to predictions, in serving and in evaluation alike."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from learning.encoding.absent import Absent
from learning.encoding.encoding import Encoded
from learning.errors import InputError, LearningError, ModelUnhealthy, Problem, pointer_to
from learning.model import ModelFileInvalid, TrainedModel
from learning.multitask.sharing.base import ServingPlan
from learning.predictor.answers import Prediction, answer
from learning.predictor.groups import GroupTable
from learning.predictor.inputs import Found, check_names
from learning.predictor.selection import Selection
from learning.predictor.table_inputs import check_table, unseen_in_table
from learning.predictor.values import ColumnValues, PointerStyle
from learning.registry import registry

#: Rows computed at a time, and the numbers of so many: their activations stay near the core.
CHUNK_ROWS, CHUNK_NUMBERS = 8_192, 1 << 22
MAX_SELECTIONS = 64
_Heads = NDArray[np.int64] | None
_Encode = Callable[[Absent | None], Encoded]


class Predictor:
    """The compiled form of a model: rows in, `Prediction` out. Threads may share it."""

    def __init__(self, model: TrainedModel, *, plan: ServingPlan | None = None) -> None:
        """Args: ``plan`` is the model's inference, by default made from its own weights.

        Raises: ModelFileInvalid: the weights do not fit the header.
        """
        header = model.header
        self.header = header
        # The plan holds its own order of the weights beside the stored one.
        self.nbytes = 2 * sum(tensor.nbytes for tensor in model.tensors.values()) + 512 * len(header.heads)
        self._groups = GroupTable(header) if header.group_by else None
        self._known = frozenset((*(column.name for column in header.inputs), *header.ignored))
        self._every = Selection.of(header, None)
        self._selections: dict[tuple[str, ...], Selection] = {}
        try:
            self._plan = _planned(model) if plan is None else plan
            self._raw(self._every, lambda _: _extremes(self), np.full(2, -1))
        except ModelUnhealthy:
            pass  # weights that overflow are told to whoever asks for a prediction
        except LearningError as error:
            raise ModelFileInvalid(error.detail) from None
        except (KeyError, ValueError, IndexError, TypeError) as error:
            raise ModelFileInvalid(f"expected weights that fit the header, found {error}") from None

    @classmethod
    def load(cls, path: Path) -> Self:
        """Raises: OSError, ModelFileInvalid."""
        return cls(TrainedModel.load(path))

    def reads(self, tasks: Sequence[str] | None = None) -> frozenset[str]:
        """The columns that a table must bring for these outputs, all by default. Raises: InputError: ``unknown-task``."""
        return self._selected(tasks).required

    def predict(
        self,
        columns: ColumnValues,
        *,
        tasks: Sequence[str] | None = None,
        strict: bool = False,
        pointer_style: PointerStyle = "columns",
    ) -> Prediction:
        """Answer for JSON values, one list for each input, all of one length.

        Args:
            tasks: Names of outputs, all by default; only what these read is required.
            strict: Refuse groups and categories that training did not see, instead of a notice.
            pointer_style: Whether the client wrote rows or columns, for the pointers of problems.

        Raises:
            InputError: everything that does not fit, as problems with pointers.
            ModelUnhealthy: the model answers with infinity or NaN.
        """
        selection = self._selected(tasks)
        if columns.keys() != selection.required:
            image = self.header.encoding.image
            check_names(columns.keys(), selection.required, self._known, pointer_style, image=image)
        rows = _count_rows(columns, pointer_style)
        found = Found([], [])
        cells = selection.reader.read(columns, rows, found, strict=strict, style=pointer_style)
        group = None
        if self._groups is not None:
            group = self._groups.of_columns(columns, found, strict=strict, style=pointer_style)
        encoding = self.header.encoding
        raw = self._raw(selection, lambda absent: encoding.encode_cells(cells, absent=absent), group)
        return self._prediction(selection, raw, found)

    def predict_table(
        self, table: pa.Table, *, tasks: Sequence[str] | None = None, group: NDArray[np.integer[Any]] | None = None
    ) -> Prediction:
        """Answer for a table with canonical column types, of any length.

        Args:
            group: ``[n]``, the heads of the rows where they are known already, −1 the mean head; by default the
                table's group_by columns choose.

        Raises:
            InputError: ``missing-feature``, ``wrong-type``.
            ModelUnhealthy: the model answers with infinity or NaN.
        """
        selection = self._selected(tasks)
        check_table(table, self.header, selection.features if group is not None else selection.required)
        found = Found([], [*unseen_in_table(table, self.header.encoding, selection.features)])
        heads: _Heads = None if group is None else group.astype(np.int64)
        if self._groups is not None and heads is None:
            heads = self._groups.of_table(table, found)

        def encode(rows: pa.Table, absent: Absent | None) -> Encoded:
            return self.header.encoding.encode(rows, absent=absent)

        parts, step = [], max(1, min(CHUNK_ROWS, CHUNK_NUMBERS // max(1, self.header.encoding.numeric)))
        for start in range(0, max(1, table.num_rows), step):
            own = None if heads is None else heads[start : start + step]
            parts.append(self._raw(selection, partial(encode, table.slice(start, step)), own))
        return self._prediction(selection, [np.concatenate(pieces) for pieces in zip(*parts, strict=True)], found)

    def _selected(self, tasks: Sequence[str] | None) -> Selection:
        if tasks is None:
            return self._every
        key = tuple(tasks)
        if (selection := self._selections.get(key)) is None:
            selection = Selection.of(self.header, key)
            if len(self._selections) < MAX_SELECTIONS:
                self._selections[key] = selection
        return selection

    def _raw(self, selection: Selection, encode: _Encode, group: _Heads) -> list[NDArray[np.float32]]:
        """The raw outputs ``[n, units]`` of each output of the selection."""
        raw: list[NDArray[np.float32]] = [np.empty(0, np.float32)] * len(selection.outputs)
        for each in selection.passes:
            encoded = encode(each.absent)
            # What overflows is found below, and told in our words.
            with np.errstate(over="ignore", invalid="ignore"):
                if self._groups is not None and group is not None:
                    heads = [self._plan.per_row(encoded.numeric, encoded.category, group)]
                else:
                    heads = self._plan.per_group(encoded.numeric, encoded.category, each.groups)
            for out in heads:
                if not np.isfinite(out).all():
                    raise ModelUnhealthy("expected finite outputs of the model, found infinity or NaN")
            for place, head, units in each.places:
                raw[place] = heads[head][:, units]
        return raw

    @staticmethod
    def _prediction(selection: Selection, raw: Sequence[NDArray[np.float32]], found: Found) -> Prediction:
        answers = {output.name: answer(output, part) for output, part in zip(selection.outputs, raw, strict=True)}
        return Prediction(answers, tuple(found.notices))


def _planned(model: TrainedModel) -> ServingPlan:
    methods, header = registry(), model.header
    network = methods.spec("network", header.network["name"]).model_validate(header.network)
    sharing: Any = methods.spec("sharing", header.sharing["name"]).model_validate(header.sharing)
    plan: ServingPlan = sharing.plan(network, model.tensors, header.layout)
    return plan


def _extremes(predictor: Predictor) -> Encoded:
    """Two rows with the lowest and the highest index of every category, to try the weights on."""
    encoding = predictor.header.encoding
    highest = [cardinality - 1 for cardinality in encoding.cardinalities]
    category = np.array([[0] * len(highest), highest], np.int64)
    return Encoded(np.zeros((2, encoding.numeric), np.float32), category)


def _count_rows(columns: ColumnValues, style: PointerStyle) -> int:
    lengths = set(map(len, columns.values()))
    rows = len(next(iter(columns.values()), ()))
    if len(lengths) > 1:
        name, found = next((name, len(values)) for name, values in columns.items() if len(values) != rows)
        detail = f"expected {rows} values as in the first column, found {found}"
        raise InputError([Problem(pointer_to("columns", name), "ragged-rows", detail)])
    if rows == 0:
        raise InputError([Problem(f"/{style}", "empty-rows", "expected at least one row, found none")])
    return rows
