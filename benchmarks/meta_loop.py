"""Meta-training as the recipe does it and as one would write it without us: what T1 and T2 compare."""

import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn
from torch.func import functional_call

from benchmarks.recipe import DATASET, Silence
from learning.episodes import plan_meta
from learning.meta.base import Learner
from learning.specs import MetaJob, parse_spec
from learning.tables import Table
from worker.training.device import prepare_device
from worker.training.episodes.fitting import meta_fit
from worker.training.episodes.material import Material, material
from worker.training.episodes.sampler import TRAINING, stream
from worker.training.fitting import Checkpoints
from worker.training.meta import PHASES
from worker.training.optimizers import build_optimizer
from worker.training.progress import Progress

#: Inputs and labels of a task's support, then of its queries.
Task: TypeAlias = tuple[Tensor, Tensor, Tensor, Tensor]


def prepared(spec: Mapping[str, Any], table: Path) -> Material:
    """The rows of a meta job, planned and encoded."""
    device, _ = prepare_device("cpu", threads=1, version="benchmark")
    job, tables = parse_spec(dict(spec)), {DATASET: Table(DATASET, table)}
    assert isinstance(job, MetaJob)
    plan = plan_meta(job, tables)
    if plan.problems:
        raise ValueError(f"expected a plan, found {plan.problems}")
    return material(plan, tables, device)


def built(rows: Material) -> Learner:
    torch.manual_seed(0)
    spec, plan = rows.plan.spec, rows.plan
    return spec.method.build(
        spec.network, rows.encoding.inputs, plan.question, ways=plan.ways, normalisation=spec.normalisation
    )


def by_recipe(rows: Material) -> float:
    """CPU seconds a task of the recipe's whole loop: episodes, steps, validation, checkpoints and reports."""
    with tempfile.TemporaryDirectory() as folder:
        channel, learner, training = Silence(), built(rows), rows.plan.spec.training
        began = time.process_time()
        meta_fit(
            learner,
            rows,
            checkpoints=Checkpoints(Path(folder), 1, ()),
            channel=channel,
            progress=Progress(channel, phases=PHASES),
        )
        return (time.process_time() - began) / training.iterations / training.tasks_per_batch


def by_steps(rows: Material, *, iterations: int) -> float:
    """CPU seconds a task of drawing episodes, meta-gradient and step of the optimiser, without validation."""
    learner, plan = built(rows).train(), rows.plan
    training = plan.spec.training
    optimizer = build_optimizer(learner, training)
    assert plan.train is not None
    began = time.process_time()
    for step in range(iterations):
        random = stream(0, TRAINING, step)
        drawn = rows.draw(plan.train, training.tasks_per_batch, plan.training, random, training=True)
        optimizer.zero_grad(set_to_none=True)
        plan.spec.method.add_gradient(learner, rows.episodes(drawn), ways=plan.ways)
        optimizer.step()
    return (time.process_time() - began) / iterations / training.tasks_per_batch


def by_hand(
    model: nn.Module,
    draw: Callable[[], Task],
    loss_of: Callable[[Tensor, Tensor], Tensor],
    *,
    iterations: int,
    tasks: int,
    inner_rate: float,
) -> float:
    """CPU seconds a task of second-order MAML in a loop over tasks, each with a graph of its own, as learn2learn does it."""
    weights: dict[str, Tensor] = dict(model.named_parameters())
    optimizer = torch.optim.AdamW(weights.values(), lr=0.001, weight_decay=0.0)
    began = time.process_time()
    for _ in range(iterations):
        optimizer.zero_grad()
        for _ in range(tasks):
            x, y, x_query, y_query = draw()
            support = loss_of(functional_call(model, weights, (x,)), y)
            slopes = torch.autograd.grad(support, list(weights.values()), create_graph=True)
            adapted = {
                name: weight - inner_rate * slope for (name, weight), slope in zip(weights.items(), slopes, strict=True)
            }
            query = loss_of(functional_call(model, adapted, (x_query,)), y_query)
            torch.autograd.backward(query / tasks)
        optimizer.step()
    return (time.process_time() - began) / iterations / tasks
