"""Small models of every shape, with random weights: what tests of models and predictors share."""

from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
import torch

from learning.encoding.encoding import fit
from learning.header import GroupHead, Input, ModelHeader, Output
from learning.model import TrainedModel
from learning.multitask.sharing.hard import Hard
from learning.networks.mlp import Mlp

TYPES = {"age": "number", "member": "boolean", "joined": "date", "region": "category", "only_b": "number"}


def table(rows=40, *, missing=True):
    """One column of every kind; with ``missing`` each has an empty cell."""
    draw = np.random.default_rng(7)
    columns: dict[str, list[Any]] = {
        "age": [float(value) for value in draw.normal(40, 12, rows)],
        "member": [bool(value) for value in draw.integers(0, 2, rows)],
        "joined": [datetime.fromisoformat(f"2020-{1 + m:02}-{1 + d:02}") for m, d in draw.integers(0, 12, (rows, 2))],
        "region": [["north", "south", "east"][int(value)] for value in draw.integers(0, 3, rows)],
        "only_b": [float(value) for value in draw.normal(0, 1e6, rows)],
    }
    if missing:
        for row, values in enumerate(columns.values()):
            values[row] = None
    kinds = [pa.float64(), pa.bool_(), pa.timestamp("us"), pa.string(), pa.float64()]
    return pa.table({name: pa.array(values, kind) for (name, values), kind in zip(columns.items(), kinds, strict=True)})


def json_columns(rows: pa.Table):
    """The same cells as a client writes them."""
    return {
        name: [value.isoformat() if isinstance(value, datetime) else value for value in rows[name].to_pylist()]
        for name in rows.column_names
    }


def encoding_of(rows: pa.Table):
    return fit(rows, TYPES, train=np.ones(rows.num_rows, bool))


def trained(header: ModelHeader, *, rows=None, seed=1) -> TrainedModel:
    torch.manual_seed(seed)
    network = Mlp.model_validate(header.network)
    inputs = header.encoding.inputs
    model = Hard().build(network, inputs, header.layout, rows=None if rows is None else torch.tensor(rows))
    with torch.no_grad():
        for parameter in model.head_parameters():
            parameter.normal_(std=0.5)
    return TrainedModel.of(model, header)


def _header(encoding, **parts):
    return ModelHeader(
        name="toy",
        inputs=(
            *[Input(name=c.name, type=c.type, values=c.values or None) for c in encoding.columns],
            *parts.pop("keys", ()),
        ),
        network=Mlp(widths=(8, 6), dropout=0.0).model_dump(mode="json"),
        sharing=Hard().model_dump(mode="json"),
        balancing={"name": "static"},
        encoding=encoding,
        **parts,
    )


def listed_header(*, missing=True):
    """Three listed tasks of two sources: ``price`` and ``kind`` read four columns, ``sold`` a fifth as well."""
    own = ("age", "member", "joined", "region")
    price = Output(name="price", target="price", type="regression", slot=0, group=0, mean=100.0, deviation=20.0)
    sold = Output(name="sold", target="sold", type="binary", slot=1, group=1, features=1, classes=("no", "yes"))
    kind = Output(name="kind", target="kind", type="multiclass", slot=2, group=0, classes=("a", "b", "c"))
    return _header(
        encoding_of(table(missing=missing)),
        feature_sets=(own, (*own, "only_b")),
        groups=2,
        slots=(("regression", 1), ("binary", 1), ("multiclass", 3)),
        outputs=(price, sold, kind),
        tasks=(("price", 0), ("sold", 1), ("kind", 2)),
        ignored=("note",),
    )


def grouped_header(*, key_type="category"):
    """Two targets over the shops 17 and 18; shop 99 is known but has no head."""
    outputs = (
        Output(name="demand", target="demand", type="regression", slot=0, mean=5.0, deviation=2.0),
        Output(name="stockout", target="stockout", type="binary", slot=1, classes=("false", "true")),
    )
    return _header(
        encoding_of(table()),
        feature_sets=(tuple(TYPES),),
        keys=(Input(name="shop", type=key_type),),
        group_by=("shop",),
        groups=2,
        slots=(("regression", 1), ("binary", 1)),
        outputs=outputs,
        heads=tuple(GroupHead(key=(key,), group=group) for key, group in (("17", 0), ("18", 1), ("99", -1))),
        tasks=tuple((f"shop={key}/{o.name}", at) for key in (17, 18) for at, o in enumerate(outputs)),
    )


def predict_rows(predictor, rows):
    """The answers to rows as a client writes them, each an object with the same names."""
    return predictor.predict({name: [row[name] for row in rows] for name in rows[0]}, pointer_style="rows")
