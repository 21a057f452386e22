"""Models that adapt, with random weights: what the tests of this folder share."""

import numpy as np
import pyarrow as pa
import torch

from learning.adapting import Request, Sample
from learning.encoding.encoding import fit
from learning.header import Input
from learning.learner import built
from learning.meta_header import MetaHeader
from learning.model import MetaModel
from learning.networks.mlp import Mlp
from learning.registry import registry
from tests.learning.toys import TYPES, grouped_header, json_columns, listed_header, table, trained

GROUP_ROWS = [[8.0, 2.0], [2.0, 6.0]]


def grouped(**parts):
    return trained(grouped_header(**parts), rows=GROUP_ROWS)


def listed():
    return trained(listed_header())


def meta(method, kind="multiclass", **parts):
    """A meta-model of two features ``a`` and ``b``; ``method`` as a job says it."""
    draw = np.random.default_rng(3)

    rows = pa.table({name: draw.normal(size=50) for name in ("a", "b")})
    regression = kind == "regression"
    header = MetaHeader(
        name="meta",
        inputs=tuple(Input(name=name, type="number") for name in ("a", "b")),
        ignored=("note",),
        target="y",
        type=kind,
        episodes=parts.pop("episodes", not regression),
        ways=parts.pop("ways", 1 if regression else 5),
        shots=parts.pop("shots", 5),
        queries=5,
        network=Mlp(widths=(16, 8), dropout=0.0).model_dump(mode="json"),
        method=registry().spec("meta", method["name"]).model_validate(method).model_dump(mode="json"),
        encoding=fit(rows, {"a": "number", "b": "number"}, train=np.ones(50, bool)),
        **parts,
    )
    torch.manual_seed(5)
    return MetaModel.of(built(header), header)


def blobs(ways=3, shots=4, *, seed=0, labels=None):
    """Classes around points of their own, as columns."""
    draw = np.random.default_rng(seed)
    centres = 3 * draw.normal(size=(ways, 2))
    names = labels or [f"class {index}" for index in range(ways)]
    points = np.repeat(centres, shots, axis=0) + 0.3 * draw.normal(size=(ways * shots, 2))
    return {"a": points[:, 0].tolist(), "b": points[:, 1].tolist(), "y": [name for name in names for _ in range(shots)]}


def line(rows=10, *, seed=0):
    """A regression of ``y`` on ``a`` and ``b``."""
    draw = np.random.default_rng(seed)
    points = draw.normal(size=(rows, 2))
    y = points @ draw.normal(size=2) + 3 + 0.1 * draw.normal(size=rows)
    return {"a": points[:, 0].tolist(), "b": points[:, 1].tolist(), "y": y.tolist()}


def support(rows=30, *, seed=1, targets=("demand", "stockout")):
    """Rows of the columns of the toys' tables, with the targets of the grouped one."""
    draw = np.random.default_rng(seed)
    columns = json_columns(table(max(rows, 5)).slice(0, rows))
    age = np.array([40.0 if value is None else value for value in columns["age"]])
    demand = 5 + 0.2 * (age - 40) + draw.normal(size=rows)
    made = {
        "demand": demand.tolist(),
        "stockout": (demand + draw.normal(size=rows) > 5).tolist(),
        "kind": [["a", "b", "c"][int(value)] for value in np.digitize(age, [35, 45])],
        "colour": [["red", "green", "blue"][int(value)] for value in np.digitize(age, [35, 45])],
    }
    return {name: columns[name] for name in TYPES} | {name: made[name] for name in targets}


def sample(columns, *, query=None, **parts):
    return Sample(support=columns, query=query, style="columns", query_style="columns", **parts)


def one(adapter, columns, *, targets=(), steps=None, query=None, check=True, **parts):
    """The adaptation of a single sample."""
    request = Request(targets=targets, steps=steps)
    return adapter.adapt(request, [sample(columns, query=query, **parts)], check=check)[0]


def told(prediction, name="y"):
    """The answers of one target."""
    return prediction.by_task[name]
