"""Meta-models: they adapt as they were trained."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from learning.adapting.adapter import Adapter
from learning.adapting.asked import Request, Sample
from learning.adapting.check import Check, judged
from learning.adapting.delta import Delta, DeltaHeader
from learning.adapting.episodes import Episode, Episodic, Outcome, initial
from learning.adapting.folds import folds
from learning.adapting.heads import losses, without_prior
from learning.adapting.intake import Intake, Taken, parts_of
from learning.adapting.labels import Labelled, query_labels
from learning.adapting.meta_labels import check_request, meta_task
from learning.adapting.results import Adaptation
from learning.encoding.encoding import Encoded
from learning.errors import LearningError, Problem, SpecError
from learning.header import Output
from learning.learner import learner_of, method_of
from learning.model import MetaModel, ModelFileInvalid
from learning.networks.normalisation import normalises
from learning.predictor.answers import Prediction, answer


@dataclass(frozen=True, eq=False, slots=True)
class _Task:
    """One task as it is learned: its labelled rows only, and its queries, as the learner reads them."""

    sample: Sample
    asked: Labelled
    rows: Encoded
    labels: NDArray[np.float64]
    scaled: NDArray[np.float32]
    query: Encoded | None
    ways: int

    def episode(self, *, within: NDArray[np.int64] | None = None, out: NDArray[np.int64] | None = None) -> Episode:
        """All rows and the queries, or some rows and those left out."""
        if within is None or out is None:
            return Episode(self.rows, self.scaled, self.query, self.ways)
        return Episode(_some(self.rows, within), self.scaled[within], _some(self.rows, out), self.ways)


class Learned(Adapter):
    """A meta-model that adapts by its method."""

    def __init__(self, model: MetaModel) -> None:
        """Raises: ModelFileInvalid: the weights do not fit the header, or the method is not known here."""
        self.header = model.header
        try:
            method = method_of(model.header)
            self._episodic = Episodic(learner_of(model), method)
        except ModelFileInvalid:
            raise
        except (LearningError, ValueError) as error:
            raise ModelFileInvalid(f"expected a meta-model of a known method, found {str(error)[:200]}") from None
        self._tensors = {name: tensor for name, tensor in model.tensors.items() if name.startswith("trunk.")}
        self.nbytes = sum(tensor.nbytes for tensor in model.tensors.values())
        trunk = self._episodic.learner.trunk
        self._together = self.header.normalisation == "transductive" and normalises(trunk)
        features = tuple(column.name for column in self.header.encoding.columns)
        self._intake = Intake(self.header, features, (*self.header.ignored, *(c.name for c in self.header.inputs)))

    def adapt(self, request: Request, samples: Sequence[Sample], *, check: bool = True) -> list[Adaptation]:
        method = self._episodic.method
        target = check_request(self.header, method, request, samples)
        supports, queries = parts_of(samples)
        read = iter(self._intake.read([part for part in queries if part is not None], (target,)))
        asked = [None if part is None else next(read) for part in queries]
        taken = self._intake.read(supports, (target,), most=request.most_rows)
        read_rows = self._read_rows([one.rows for one in (*taken, *(query for query in asked if query is not None))])
        rest = iter(read_rows[len(taken) :])
        tasks = [
            self._task(sample, support, rows, None if query is None else next(rest), target)
            for sample, support, rows, query in zip(samples, taken, read_rows, asked, strict=False)
        ]
        represented = self._episodic.reads_representations
        outcomes = self._episodic.run([task.episode() for task in tasks], steps=request.steps, represented=represented)
        _refuse_diverged(tasks, outcomes)
        left_out = self._left_out(tasks, request) if check else [None] * len(tasks)
        return [
            self._adaptation(task, outcome, out, (support, query), request)
            for task, outcome, out, support, query in zip(tasks, outcomes, left_out, taken, asked, strict=True)
        ]

    def _read_rows(self, parts: list[Encoded]) -> list[Encoded]:
        """All rows as the tasks learn from them: where they share one trunk, as what it makes of them, in one pass."""
        if not self._episodic.reads_representations:
            return parts
        z = self._episodic.represented(
            Encoded(np.concatenate([p.numeric for p in parts]), np.concatenate([p.category for p in parts]))
        )
        ends = np.cumsum([0, *map(len, parts)]).tolist()
        return [Encoded(z.numeric[start:end], z.category[start:end]) for start, end in pairwise(ends)]

    def _task(self, sample: Sample, support: Taken, rows: Encoded, query: Encoded | None, target: str) -> _Task:
        asked = meta_task(self.header, self._episodic.method, support, target)
        ways = 1 if asked.output.type == "regression" else len(asked.output.classes or ())
        there = np.flatnonzero(asked.there)
        return _Task(
            sample,
            asked,
            _some(rows, there),
            asked.labels[asked.there],
            asked.scaled[asked.there].astype(np.float32),
            query,
            ways,
        )

    def _left_out(self, tasks: Sequence[_Task], request: Request) -> list[NDArray[np.float64] | None]:
        """The losses ``[n]`` of each task's rows by what learned from others of its rows; NaN where none was left out."""
        episodes, places = [], []
        keep = not self._episodic.method.has_head
        for index, task in enumerate(tasks):
            output = task.asked.output
            cut = folds(
                task.labels,
                classes=output.type != "regression",
                keep_classes=keep or not task.asked.known,
                tasks=len(tasks),
            )
            for within, out in cut:
                episodes.append(task.episode(within=within, out=out))
                places.append((index, out))
        represented = self._episodic.reads_representations
        outcomes = self._episodic.run(episodes, steps=request.steps, represented=represented, tensors=False)
        widths = [1 if task.asked.output.type == "binary" else task.ways for task in tasks]
        raw = [
            np.full((len(task.labels), width), np.nan, np.float32) for task, width in zip(tasks, widths, strict=True)
        ]
        for (index, out), outcome in zip(places, outcomes, strict=True):
            if outcome.raw is not None:
                raw[index][out] = _raw(tasks[index].asked.output, outcome.raw)
        return [_losses(task, own) for task, own in zip(tasks, raw, strict=True)]

    def _before(self, task: _Task) -> NDArray[np.float64] | None:
        """The losses of the initialisation, where it knows what the task asks."""
        output = task.asked.output
        if not self._episodic.method.has_head or not task.asked.known:
            return without_prior(output, task.labels)
        raw = initial(self._episodic.learner, task.rows, task.ways)
        return losses(output, _raw(output, raw), task.labels)

    def _adaptation(
        self,
        task: _Task,
        outcome: Outcome,
        left_out: NDArray[np.float64] | None,
        taken: tuple[Taken, Taken | None],
        request: Request,
    ) -> Adaptation:
        support, query = taken
        output = task.asked.output
        notices = (*support.notices, *task.asked.notices)
        prediction, asked = None, None
        if query is not None and outcome.raw is not None:
            raw = _raw(output, outcome.raw)
            prediction = Prediction({output.name: answer(output, raw)}, query.notices)
            labels = query_labels(query, output.name, output)
            asked = None if labels is None else losses(output, raw, labels)
        check: Check = judged(left_out, self._before(task), classes=output.type != "regression", query=asked)
        return Adaptation(self._delta(task, outcome, request), prediction, {output.name: check}, notices)

    def _delta(self, task: _Task, outcome: Outcome, request: Request) -> Delta:
        """The head, and what differs of the trunk."""
        output = task.asked.output
        weight, bias = outcome.weight, outcome.bias
        if output.type == "binary":
            weight, bias = weight[1:] - weight[:1], bias[1:] - bias[:1]
        own = {f"trunk.{name}": tensor for name, tensor in outcome.trunk.items()}
        told = self.header.method | ({} if request.steps is None else {"steps": request.steps})
        header = DeltaHeader(name=task.sample.name, output=output, adapted=told, batch_statistics=self._together)
        heads = {
            "heads.weight": weight[None],
            "heads.bias": bias[None],
            "heads.rows": np.full((1, 1), len(task.labels), np.float32),
        }
        return Delta(header, {n: t for n, t in own.items() if not np.array_equal(t, self._tensors[n])} | heads)


def _losses(task: _Task, raw: NDArray[np.float32]) -> NDArray[np.float64]:
    """The losses ``[n]`` of raw outputs ``[n, units]``; NaN where there is none."""
    told = np.array(np.isfinite(raw).all(axis=1))
    found = losses(task.asked.output, np.where(told[:, None], raw, 0.0), task.labels)
    found[~told] = np.nan
    return found


def _raw(output: Output, raw: NDArray[np.float32]) -> NDArray[np.float32]:
    """The learner's outputs ``[n, ways]`` as the child's: of two classes the difference, a log odds."""
    return raw[:, 1:] - raw[:, :1] if output.type == "binary" else raw


def _some(rows: Encoded, places: NDArray[np.int64]) -> Encoded:
    return Encoded(rows.numeric[places], rows.category[places])


def _refuse_diverged(tasks: Sequence[_Task], outcomes: Sequence[Outcome]) -> None:
    """Raises: SpecError: ``training-diverged``."""
    problems = [
        Problem(task.sample.at, "training-diverged", "expected finite weights after adaptation, found infinity or NaN")
        for task, outcome in zip(tasks, outcomes, strict=True)
        if not all(np.isfinite(t).all() for t in (outcome.weight, outcome.bias, *outcome.trunk.values()))
        or (outcome.raw is not None and not np.isfinite(outcome.raw).all())
    ]
    if problems:
        raise SpecError(problems[:50])
