"""Predictors of children that read what one trunk computes: it is planned once for all of them."""

from typing import Any

from learning.model import MetaModel, ModelFileInvalid, TrainedModel
from learning.multitask.sharing.hard import HardPlan
from learning.networks.base import TrunkPlan
from learning.networks.heads import HeadPlan
from learning.predictor.predictor import Predictor
from learning.registry import registry

_TRUNK = "trunk."


def trunk_plan(model: TrainedModel | MetaModel) -> TrunkPlan:
    """The inference of the model's one trunk."""
    network: Any = registry().spec("network", model.header.network["name"]).model_validate(model.header.network)
    own = {name[len(_TRUNK) :]: array for name, array in model.tensors.items() if name.startswith(_TRUNK)}
    plan: TrunkPlan = network.plan(own)
    return plan


def predictor_on(trunk: TrunkPlan, child: TrainedModel) -> Predictor:
    """The predictor of a child with hard sharing whose trunk is planned already; its bytes are those of its heads.

    Raises:
        ModelFileInvalid: the heads do not fit the header.
    """
    heads = {name: array for name, array in child.tensors.items() if not name.startswith(_TRUNK)}
    layout = child.header.layout
    try:
        own = HeadPlan(layout, heads["heads.weight"], heads["heads.bias"], heads["heads.rows"])
    except (KeyError, ValueError) as error:
        raise ModelFileInvalid(f"expected weights that fit the header, found {error}") from None
    return Predictor(TrainedModel(child.header, heads), plan=HardPlan(trunk, own))
