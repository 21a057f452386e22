"""A real model file without a training: the network as it was initialised, stored as the end of a real job."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from learning.encoding import fit
from learning.examples import build
from learning.header import header_of
from learning.model import TrainedModel
from learning.planning import TRAIN, plan
from learning.specs import parse_job
from learning.tables import Table
from store.claims import NewModel, Outcome
from tests.app.tenant import Tenant

ROWS = 80


def typed_table(rows: int = ROWS) -> bytes:
    """A CSV with a column of each type, a shop to group by, and the targets ``y`` and ``z``."""
    lines = ["age,region,member,day,shop,y,z"]
    for i in range(rows):
        region, member = ("north", "south", "west")[i % 3], ("yes", "no")[i % 2]
        day = f"2024-{1 + i % 12:02}-{1 + i % 28:02}"
        lines.append(
            f"{20 + i % 50},{region},{member},{day},s{i % 4},{i % 50 + i / 100},{('good', 'bad')[(i // 2) % 2]}"
        )
    return ("\n".join(lines) + "\n").encode()


def listed(dataset: str) -> dict[str, Any]:
    tasks = [{"name": name, "dataset": dataset, "target": name, "exclude": ["shop"]} for name in ("y", "z")]
    return {"kind": "multitask", "name": "small", "tasks": tasks, "network": {"name": "mlp", "widths": [8]}}


def grouped(dataset: str) -> dict[str, Any]:
    tasks = {"dataset": dataset, "group_by": ["shop"], "targets": [{"target": "y"}], "exclude": ["z"]}
    return {"kind": "multitask", "name": "grouped", "tasks": tasks, "network": {"name": "linear"}}


def store_model(tenant: Tenant, spec: Mapping[str, Any], *, factor: float = 1.0, **outcome: Any) -> str:
    """Submit a job, take it up, and end it with a model whose weights are multiplied by ``factor``; → the model's id."""
    held = tenant.claim(tenant.submit(spec)["id"])
    artifacts = tenant.service.artifacts
    tables = {key: Table(key, artifacts.path(sha256)) for key, sha256 in held.datasets.items()}
    planned = plan(parse_job(held.spec), tables)
    examples = build(planned, tables)
    encoding = fit(examples.features, planned.types, train=examples.split == TRAIN, images=planned.images)
    torch.manual_seed(0)
    network = planned.spec.sharing.build(planned.spec.network, encoding.inputs, planned.layout)
    scales = np.tile([0.0, 1.0], (len(planned.tasks), 1))
    group_by = planned.spec.grouped.group_by if planned.spec.grouped else ()
    types = next(iter(tables.values())).types
    header = header_of(planned, encoding, scales, group_types={name: types[name] for name in group_by})
    model = TrainedModel.of(network, header)
    scaled = TrainedModel(header, {name: (array * factor).astype(np.float32) for name, array in model.tensors.items()})
    path = artifacts.stage()
    scaled.save(path)
    public = {**header.public(), "adaptable": True}
    public["tasks"] = [{**task, "metrics": {}} for task in public["tasks"]]
    new = NewModel(name=header.name, header=public, artifact=artifacts.publish(path))
    tenant.finish(held, Outcome("succeeded", model=new, **outcome))
    return new.id
