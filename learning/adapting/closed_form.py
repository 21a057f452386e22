"""Models that were never meta-trained: a head in closed form on their trunk, held to the mean of their heads."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from learning.adapting.adapter import Adapter
from learning.adapting.asked import Request, Sample, names_of
from learning.adapting.delta import Delta, DeltaHeader
from learning.adapting.groups import NewGroups
from learning.adapting.heads import Head, check_of, heads
from learning.adapting.intake import Intake, Taken, parts_of
from learning.adapting.labels import Labelled, labelled, query_labels
from learning.adapting.prior import Known, check_target, known
from learning.adapting.results import Adaptation
from learning.encoding.encoding import Encoded
from learning.errors import InputError, Problem, SpecError
from learning.grafting.source import network_of, sharing_of
from learning.model import ModelFileInvalid, TrainedModel
from learning.multitask.sharing.hard import HardPlan
from learning.networks.base import TrunkPlan
from learning.predictor.answers import Prediction, answer
from learning.predictor.shared import trunk_plan

CHUNK_ROWS = 8_192


class ClosedForm(Adapter):
    """Ridge and logistic regression on a trained trunk."""

    def __init__(self, model: TrainedModel, *, delta: Delta | None, trunk: TrunkPlan | None) -> None:
        """Raises: ModelFileInvalid: the weights do not fit the header."""
        header = model.header
        try:
            plan = sharing_of(header).plan(network_of(header), model.tensors, header.layout)
            self.trunk = trunk or trunk_plan(model)
        except (KeyError, ValueError, IndexError, TypeError) as error:
            raise ModelFileInvalid(f"expected weights that fit the header, found {error}") from None
        if not isinstance(plan, HardPlan):
            raise ModelFileInvalid(f"expected a model with one trunk, found sharing {header.sharing['name']!r}")
        self.header, self.heads = header, plan.heads
        self.nbytes = plan.heads.weight.nbytes + plan.heads.bias.nbytes
        self._delta = delta

    def adapt(self, request: Request, samples: Sequence[Sample], *, check: bool = True) -> list[Adaptation]:
        if request.steps is not None:
            detail = "expected no steps for a model that adapts in closed form, found some"
            raise SpecError([Problem("/steps", "no-steps", detail)])
        if any(sample.task_key is not None for sample in samples):
            return NewGroups(self, self._delta).adapt(request, samples, check=check)
        target, pointer = self._target(request)
        what = known(self.header, self.heads, target, names_of(samples[0].support))
        check_target(self.header, target, what.features, pointer)
        supports, queries = self.read(request, samples, what.features, (target,))
        tasks = [_task(taken, target, what, pointer) for taken in supports]
        z = self.represent([taken.rows for taken in supports])
        asked = self.represent([taken.rows for taken in queries if taken is not None])
        found = heads(tasks, z, what.prior)
        rest = iter(asked)
        return [
            self._adaptation(sample, head, what, taken, query, None if query is None else next(rest), check)
            for sample, head, taken, query in zip(samples, found, supports, queries, strict=True)
        ]

    def read(
        self, request: Request, samples: Sequence[Sample], features: int, targets: tuple[str, ...]
    ) -> tuple[list[Taken], list[Taken | None]]:
        """Return the supports and the queries. Raises: InputError."""
        own = self.header.feature_sets[features]
        # Rows of the parent's own kind may be taught from as they are, with what else it reads and answers.
        others = {column.name for column in self.header.inputs} | {output.target for output in self.header.outputs}
        intake = Intake(self.header, own, {*self.header.ignored, *others} - set(targets))
        supports, queries = parts_of(samples)
        asked = iter(intake.read([part for part in queries if part is not None], targets))
        read = intake.read(supports, targets, most=request.most_rows)
        return read, [None if part is None else next(asked) for part in queries]

    def represent(self, parts: Sequence[Encoded]) -> list[NDArray[np.float32]]:
        """Return the representations ``[n, h]`` of each part's rows, in few passes."""
        if not parts:
            return []
        if self.header.network.get("statistics") == "batch" and len(parts) > 1:
            # rows that are normalised together are those of one support, or of one query
            return [z for part in parts for z in self.represent([part])]
        numeric, category = (
            np.concatenate([getattr(part, name) for part in parts]) for name in ("numeric", "category")
        )
        with np.errstate(over="ignore", invalid="ignore"):
            z = np.concatenate(
                [
                    self.trunk(numeric[start : start + CHUNK_ROWS], category[start : start + CHUNK_ROWS])
                    for start in range(0, len(numeric), CHUNK_ROWS)
                ]
            )
        return np.split(z, np.cumsum([len(part) for part in parts])[:-1])

    def _target(self, request: Request) -> tuple[str, str]:
        if len(request.targets) > 1:
            detail = "expected a task_key for several targets, which make a new group; found none"
            raise SpecError([Problem("/task_key", "missing-field", detail)])
        if request.targets:
            return request.targets[0], "/target"
        if len(self.header.outputs) > 1:
            some = ", ".join(repr(output.target[:64]) for output in self.header.outputs[:10])
            detail = f"expected a target for a model that answers several ({some}), found none"
            raise SpecError([Problem("/target", "missing-field", detail)])
        return self.header.outputs[0].target, "/target"

    def _adaptation(
        self,
        sample: Sample,
        head: Head,
        what: Known,
        taken: Taken,
        query: Taken | None,
        z: NDArray[np.float32] | None,
        check: bool,
    ) -> Adaptation:
        output, labels, prediction = head.task.output, None, None
        notices = (*taken.notices, *head.task.notices)
        if query is not None and z is not None:
            labels = query_labels(query, output.name, output)
            prediction = Prediction({output.name: answer(output, head.raw(z))}, query.notices)
        judged = check_of(head, query=None if z is None or labels is None else (z, labels), left=check)
        return Adaptation(
            delta=self._delta_of(sample, head, what),
            predictions=prediction,
            checks={output.name: judged},
            notices=notices,
        )

    def _delta_of(self, sample: Sample, head: Head, what: Known) -> Delta:
        """The trunk's own tensors, if it has any beside its base, and the head."""
        parent = self._delta
        own = {name: t for name, t in parent.tensors.items() if name.startswith("trunk.")} if parent else {}
        header = DeltaHeader(
            name=sample.name,
            output=head.task.output,
            features=parent.header.features if parent and parent.header.output else what.features,
            adapted=taught(head),
            batch_statistics=parent.header.batch_statistics if parent else False,
        )
        tensors = {
            "heads.weight": head.weight[None],
            "heads.bias": head.bias[None],
            "heads.rows": np.full((1, 1), head.rows, np.float32),
        }
        return Delta(header, own | tensors)


def taught(head: Head) -> dict[str, object]:
    """The method of a head, as a child tells it: λ over the mean squared length of the rows; null: the prior is kept."""
    name = "ridge" if head.task.output.type == "regression" else "logistic"
    return {"name": name, "strength": head.strength, "towards": "mean_head" if head.task.known else "zero"}


def _task(taken: Taken, target: str, what: Known, pointer: str) -> Labelled:
    if target not in taken.targets:
        detail = f"expected the rows of the support to bring {target[:64]!r}, found none that does"
        raise InputError([Problem(pointer, "target-not-found", detail)])
    return labelled(taken, target, what.output, fixed=False)
