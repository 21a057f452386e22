"""The rows behind each of a job's trainings: one split for all of them, or the folds of a cross-validation.

Cross-validated, a job of k folds and R repeats trains 1 + k R times. Training 0 is the model that is stored: it learns from
all rows but those that say when to stop. Then come the folds, repeat after repeat; each model is asked the rows of its
fold, and a repeat's answers are pooled: one answer for each row, by a model that has not seen it. Whatever is measured,
for the shared model as for its rivals, is measured on pooled answers, as on the test part of one split.

What the interval then says (METHODS.md D). *Rows*: the n pooled rows, with their influence values as on one split; that
the models of two folds share most of their training rows takes nothing from it where training is stable (Bayle, Bayle,
Janson and Mackey, *Cross-validation Confidence Intervals for Test Error*, NeurIPS 2020, theorems 1 and 4). *Seeds*: every
training has a seed of its own, so a pooled loss is made with k of them at once, and v, the variance of its logarithm
between whole cross-validations, is what a user sees who runs all k again: about a k-th of that of one training. The
model that is stored is one training and varies more. The figures are those of models that learned from (k − 1)/k of
the rows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from learning.examples import Examples, build
from learning.planning import TEST, TRAIN, Plan
from learning.planning.folds import Folds
from learning.predictor import Predictor
from learning.tables import Table
from worker.training.baselines.rivals import Rivals, Sample, rivals, sampled
from worker.training.baselines.single_task import Alone
from worker.training.batches import repeat_seed
from worker.training.evaluate import Evaluation, evaluate, measured
from worker.training.prepare import Prepared, encoded
from worker.training.task_data import TaskData, collect

Outputs = Mapping[int, NDArray[np.float64]]


@dataclass(frozen=True, eq=False)
class Measured:
    """What a job's result is made of: the rows asked, the answers that count, and those of each further repeat."""

    rows: Prepared
    evaluation: Evaluation
    repeats: Sequence[Outputs]


class Course(Protocol):
    """``trainings``: how many a job runs, of which 0 is stored; ``stored``: the rows of that one."""

    @property
    def trainings(self) -> int: ...
    @property
    def stored(self) -> Prepared: ...
    def rows(self, training: int) -> Prepared: ...
    def measured(self, predictor: Predictor, others: Sequence[Outputs]) -> Measured:
        """``others``: what the trainings after 0 answer, as far as they came."""

    def rivals(self, how: Alone) -> Rivals: ...


def course_of(plan: Plan, tables: Mapping[str, Table]) -> Course:
    """Return how the rows of ``plan`` are used, with the rows read and encoded."""
    examples = build(plan, tables)
    if examples.folds is None:
        return OneSplit(encoded(plan, examples), plan.spec.repeats)
    return CrossValidation(plan, examples, examples.folds)


@dataclass(frozen=True, eq=False)
class OneSplit:
    """Every training on the same rows; the stored model is measured itself."""

    stored: Prepared
    trainings: int

    def rows(self, training: int) -> Prepared:  # noqa: ARG002  # the same for each
        return self.stored

    def measured(self, predictor: Predictor, others: Sequence[Outputs]) -> Measured:
        return Measured(self.stored, evaluate(predictor, self.stored), others)

    def rivals(self, how: Alone) -> Rivals:
        return rivals(self.stored.encoded, self.stored.tasks, how)


class CrossValidation:
    """The folds of a job; the rows of the fold that was asked for last stay in memory beside those of the stored model."""

    def __init__(self, plan: Plan, examples: Examples, folds: Folds) -> None:
        self._plan, self._examples, self._count, self._fold_of = plan, examples, folds.count, folds.fold()
        self.trainings = 1 + plan.spec.repeats * folds.count
        self.stored = encoded(plan, examples.in_fold(None))
        self._last: tuple[int, Prepared] | None = None

    def rows(self, training: int) -> Prepared:
        return self.stored if training == 0 else self._fold((training - 1) % self._count)

    def measured(self, predictor: Predictor, others: Sequence[Outputs]) -> Measured:  # noqa: ARG002  # never asked
        """Pool the answers; of a first round that was cut short the folds that it came to, and further rounds whole."""
        rounds = [others[start : start + self._count] for start in range(0, len(others), self._count)] or [()]
        first, further = rounds[0], [each for each in rounds[1:] if len(each) == self._count]
        rows = replace(self.stored, tasks=self._tested(len(first)))
        pooled = [self._pooled(answers, rows.tasks) for answers in (first, *further)]
        return Measured(rows, measured(rows, pooled[0]), pooled[1:])

    def rivals(self, how: Alone) -> Rivals:
        """Train every rival on every fold; those tasks that are trained alone are the same in each."""
        tasks = self._tested(self._count)
        single = [index for index, task in enumerate(tasks) if len(task.test) and not task.small]
        among = {single[place] for place in sampled(len(single), how.seed)}
        met = [self._met(fold, how, among) for fold in range(self._count)]
        outputs = {name: self._pooled([each.outputs[name] for each in met], tasks) for name in met[0].outputs}
        alone = [
            self._pooled([{i: answers[seed] for i, answers in each.single_task.items()} for each in met], tasks)
            for seed in range(how.repeats)
        ]
        return Rivals(
            outputs,
            {index: [answers[index] for answers in alone] for index in alone[0]},
            None if len(among) == len(single) else Sample(len(among), len(single), how.seed),
        )

    def _met(self, fold: int, how: Alone, among: set[int]) -> Rivals:
        rows = self._fold(fold)
        own = replace(
            how,
            inputs=rows.inputs,
            seed=repeat_seed(how.seed, 1 + fold),
            progress=lambda fraction: how.progress((fold + fraction) / self._count),
        )
        return rivals(rows.encoded, rows.tasks, own, among=among)

    def _fold(self, fold: int) -> Prepared:
        if self._last is None or self._last[0] != fold:
            self._last = None  # its memory is wanted
            self._last = fold, encoded(self._plan, self._examples.in_fold(fold))
        return self._last[1]

    def _tested(self, folds: int) -> tuple[TaskData, ...]:
        """Return the tasks with the stored model's training and validation rows, and the rows of ``folds`` folds as tested."""
        side = np.where(self._fold_of < folds, TEST, TRAIN)
        tested = collect(self._plan.tasks, self._examples.labels, self._examples.task_of, side)
        return tuple(replace(own, test=task.test) for own, task in zip(self.stored.tasks, tested, strict=True))

    def _pooled(self, answers: Sequence[Outputs], tasks: Sequence[TaskData]) -> dict[int, NDArray[np.float64]]:
        """Return the answers of all folds in the order of each task's test rows; none of a task that a fold left out."""
        found: dict[int, NDArray[np.float64]] = {}
        for index, task in enumerate(tasks):
            of = self._fold_of[task.test.rows]
            folds = np.unique(of).tolist()
            if not folds or not all(index in answers[fold] for fold in folds):
                continue
            # a fold answers its rows in the order in which they stand among all
            found[index] = np.empty((len(of), *answers[folds[0]][index].shape[1:]))
            for fold in folds:
                found[index][of == fold] = answers[fold][index]
        return found
