"""What an adaptation returns."""

from collections.abc import Mapping
from dataclasses import dataclass

from learning.adapting.check import Check
from learning.adapting.delta import Delta
from learning.errors import Notice
from learning.predictor.answers import Prediction


@dataclass(frozen=True, eq=False, slots=True)
class Adaptation:
    """The child of one task: what differs from the model that the adapter's base is, and how good it is.

    `merge` makes the whole child of ``delta`` and the base, `Adapter.predictor` one that answers beside its parent.
    predictions: of the queries, with what to warn of them, null where nothing was asked. checks: by target. notices: of the
    support.
    """

    delta: Delta
    predictions: Prediction | None
    checks: Mapping[str, Check]
    notices: tuple[Notice, ...]
