"""All rivals of a job's shared model, trained on its training rows and answering its test rows."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # it publishes no types

from learning.encoding import Encoded
from worker.training.baselines.boosted_trees import boosted_trees
from worker.training.baselines.design import Fit, shrunk
from worker.training.baselines.linear import linear
from worker.training.baselines.one_model import one_model, pools
from worker.training.baselines.per_task import per_task
from worker.training.baselines.single_task import Alone, Stopped, single_task
from worker.training.baselines.trivial import trivial
from worker.training.task_data import TaskData

Output = NDArray[np.float64]
T = TypeVar("T")

#: Beyond this many tasks the trainings that cost most per task run on a sample.
MOST_TRAINED_ALONE = 200
#: What is trained on the sample alone.
SAMPLED = ("boosted_trees", "single_task")
#: Share of the time that single-task training is expected to take, for the progress.
_ALONE_SHARE = 0.6

_FITS: Mapping[str, Fit] = {"linear": linear, "boosted_trees": boosted_trees}
_ONE_MODEL: Mapping[str, str] = {"one_model_linear": "linear", "one_model_trees": "boosted_trees"}


@dataclass(frozen=True)
class Sample:
    """Which tasks got every rival: ``tasks`` of ``of``, drawn by ``seed``; ``baselines`` are those that only they got."""

    tasks: int
    of: int
    seed: int
    baselines: tuple[str, ...] = SAMPLED


@dataclass(frozen=True, eq=False)
class Rivals:
    """What each rival answers on the test rows of each task, by the task's index.

    outputs: by rival (``trivial``, ``linear``, ``boosted_trees``, ``one_model_linear``, ``one_model_trees``), ``[m]``
    values or probabilities of class 1, or ``[m, classes]``. single_task: one such answer per seed. sample: None when
    every task got every rival.
    """

    outputs: Mapping[str, Mapping[int, Output]]
    single_task: Mapping[int, Sequence[Output]]
    sample: Sample | None


def rivals(encoded: Encoded, tasks: Sequence[TaskData], how: Alone, *, among: Collection[int] | None = None) -> Rivals:
    """Train every rival.

    Tasks without a test row have no rivals; a small group's own task has only those that learn from all groups.

    Args:
        among: the tasks that may be trained alone, drawn by the caller; by default they are drawn here (`sampled`).

    Raises:
        Stopped: ``how.stop()`` returned true; a single fit of scikit-learn is not interrupted.
    """
    tested = [index for index, task in enumerate(tasks) if len(task.test)]
    single = [index for index in tested if len(tasks[index].train) and not tasks[index].small]
    drawn = among if among is not None else {single[place] for place in sampled(len(single), how.seed)}
    alone = [index for index in single if index in drawn]
    found: dict[str, dict[int, Output]] = {"trivial": {index: trivial(tasks[index]) for index in tested}}
    steps = _Steps(how, len(single) + len(alone) + 2 * len(pools(tasks)))
    small = shrunk(encoded, how.inputs.image)
    # the OpenMP of scikit-learn is not torch's: without this it takes every core
    with threadpool_limits(limits=torch.get_num_threads()):
        for name, indices in (("linear", single), ("boosted_trees", alone)):
            found[name] = {
                index: steps.after(per_task(_FITS[name], small, tasks[index], seed=how.seed)) for index in indices
            }
        for name, fit in _ONE_MODEL.items():
            found[name] = _pooled(fit, small, tasks, found[fit], how.seed, steps)
    outputs = single_task(encoded, [tasks[index] for index in alone], steps.rest()) if alone else []
    return Rivals(
        found,
        dict(zip(alone, outputs, strict=True)),
        None if len(alone) == len(single) else Sample(len(alone), len(single), how.seed),
    )


def sampled(tasks: int, seed: int) -> list[int]:
    """Return which of so many tasks are trained alone, ascending: all, or a seeded sample of `MOST_TRAINED_ALONE`."""
    if tasks <= MOST_TRAINED_ALONE:
        return list(range(tasks))
    return sorted(np.random.default_rng(seed).choice(tasks, MOST_TRAINED_ALONE, replace=False).tolist())


def _pooled(
    fit: str, encoded: Encoded, tasks: Sequence[TaskData], own: Mapping[int, Output], seed: int, steps: "_Steps"
) -> dict[int, Output]:
    found: dict[int, Output] = {}
    for members in pools(tasks):
        if len(members) == 1 and members[0] in own:
            # a lone task is its own pool, and this model is trained already
            answers = [own[members[0]]]
        else:
            answers = one_model(_FITS[fit], encoded, [tasks[index] for index in members], seed=seed)
        found |= {index: answer for index, answer in zip(members, answers, strict=True) if len(tasks[index].test)}
        steps.after(None)
    return found


class _Steps:
    """Counts what is done before single-task training, and asks for the stop after each piece."""

    def __init__(self, how: Alone, total: int) -> None:
        self._how, self._total, self._done = how, max(1, total), 0

    def after(self, result: T) -> T:
        if self._how.stop():
            raise Stopped
        self._done += 1
        self._how.progress((1 - _ALONE_SHARE) * self._done / self._total)
        return result

    def rest(self) -> Alone:
        report: Callable[[float], None] = self._how.progress
        return replace(self._how, progress=lambda fraction: report(1 - _ALONE_SHARE * (1 - fraction)))
