"""Which models adapt, and how each does."""

from learning.adapting.adapter import Adapter
from learning.adapting.closed_form import ClosedForm
from learning.adapting.delta import Delta
from learning.adapting.learned import Learned
from learning.errors import LearningError
from learning.grafting.source import has_one_trunk
from learning.meta_header import MetaHeader
from learning.model import AnyHeader, MetaModel, TrainedModel
from learning.networks.base import TrunkPlan


def is_adaptable(header: AnyHeader) -> bool:
    """Whether models with this header adapt: meta-models, and all whose tasks read what one trunk computes."""
    return isinstance(header, MetaHeader) or has_one_trunk(header)


def adapter_of(
    model: TrainedModel | MetaModel, *, delta: Delta | None = None, trunk: TrunkPlan | None = None
) -> Adapter:
    """Return what adapts the model.

    Args:
        model: a whole model, merged where it is stored as a delta. delta: that delta: the new ones stand on the same base.
        trunk: the inference of the model's trunk where somebody planned it already (`learning.predictor.trunk_plan`).

    Raises:
        LearningError: ``not-adaptable``.
        ModelFileInvalid: the weights do not fit the header.
    """
    if isinstance(model, MetaModel):
        return Learned(model)
    if not has_one_trunk(model.header):
        sharing = model.header.sharing["name"]
        raise LearningError(
            "not-adaptable", f"expected a model with one trunk for all its tasks, found sharing {sharing!r}"
        )
    return ClosedForm(model, delta=delta, trunk=trunk)
