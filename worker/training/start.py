"""Where a multi-task training starts: from first values of torch's own generator, or from a stored model."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from learning.encoding import Encoding
from learning.grafting import begin, plan_warm
from learning.model import TrainedModel
from learning.multitask.sharing.base import SharedModel
from learning.multitask.sharing.one_trunk import OneTrunk
from learning.planning import Plan, plan
from learning.specs import MultitaskJob
from learning.tables import Table
from worker.training.prepare import Prepared


class Start(Protocol):
    """``plan``: what the job does."""

    @property
    def plan(self) -> Plan: ...
    def rows(self, prepared: Prepared) -> Prepared:
        """Return the rows as the model reads them; its rivals read ``prepared``, which is of the job's own rows alone."""

    def encoding(self, prepared: Prepared) -> Encoding:
        """Return how the model reads rows, in training and ever after."""

    def begin(self, model: SharedModel, prepared: Prepared) -> None:
        """Give a model that was just built the values it starts from."""


def start_of(job: MultitaskJob, tables: Mapping[str, Table], models: Mapping[str, Path]) -> Start:
    """Return the start of ``job``, whose plan may hold problems."""
    if job.init is None:
        return _Cold(plan(job, tables))
    source = TrainedModel.load(models[job.init])
    return _Warm(plan_warm(job, source.header, tables), source)


@dataclass(frozen=True, eq=False)
class _Cold:
    plan: Plan

    def rows(self, prepared: Prepared) -> Prepared:
        return prepared

    def encoding(self, prepared: Prepared) -> Encoding:
        return prepared.encoding

    def begin(self, model: SharedModel, prepared: Prepared) -> None:
        """Leave the values that it was built with."""


@dataclass(frozen=True, eq=False)
class _Warm:
    plan: Plan
    source: TrainedModel

    def rows(self, prepared: Prepared) -> Prepared:
        encoding = self.encoding(prepared)
        encoded = encoding.encode(prepared.examples.features, absent=prepared.absent)
        return replace(prepared, encoding=encoding, encoded=encoded)

    def encoding(self, prepared: Prepared) -> Encoding:  # noqa: ARG002  # the source's, whatever the rows are
        return self.source.header.encoding

    def begin(self, model: SharedModel, prepared: Prepared) -> None:
        assert isinstance(model, OneTrunk), "the plan refuses every other way to share"
        begin(model, self.plan, self.source, prepared.scales)
