"""A stored meta-model as the learner that adapts, and a learner as the meta-model that is stored."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from learning.meta.base import Learner, MetaSpec, Question
from learning.meta_header import MetaHeader
from learning.model import AnyHeader, MetaModel, ModelFileInvalid
from learning.networks.base import NetworkSpec
from learning.registry import registry


def method_of(header: MetaHeader) -> MetaSpec:
    """The method of a stored meta-model.

    Raises:
        LearningError: ``unknown-value``, a method that this installation does not know.
        ValidationError: parameters out of its bounds.
    """
    spec: Any = registry().spec("meta", str(header.method.get("name")))
    method: MetaSpec = spec.model_validate(header.method)
    return method


def network_of(header: AnyHeader) -> NetworkSpec:
    """The network of a stored model, of a meta-model too. Raises as `method_of`."""
    spec: Any = registry().spec("network", str(header.network.get("name")))
    network: NetworkSpec = spec.model_validate(header.network)
    return network


def question_of(header: MetaHeader) -> Question:
    """What its tasks ask for."""
    return "regression" if header.type == "regression" else "classification"


def built(header: MetaHeader) -> Learner:
    """A learner of the header's shape, with weights of torch's own generator. Raises as `method_of`."""
    return method_of(header).build(
        network_of(header),
        header.encoding.inputs,
        question_of(header),
        ways=header.ways,
        normalisation=header.normalisation,
    )


def learner_of(model: MetaModel) -> Learner:
    """The learner with the stored weights, in evaluation mode; torch's generator is as it was.

    Raises:
        ModelFileInvalid: the weights do not fit the header.
    """
    with torch.random.fork_rng(devices=()):
        learner = built(model.header)
    state = {name: torch.from_numpy(tensor.copy()) for name, tensor in model.tensors.items()}
    try:
        learner.load_state_dict(state)
    except RuntimeError as error:
        raise ModelFileInvalid(f"expected weights that fit the header, found {str(error)[:200]}") from None
    return learner.eval()


def begin(learner: Learner, tensors: Mapping[str, NDArray[np.float32]], *, head: bool) -> None:
    """Fill a new learner with the trunk of a stored model, and with its head where that goes on.

    Raises:
        ModelFileInvalid: the weights do not fit.
    """
    kept = ("trunk.", "head.") if head else ("trunk.",)
    own = learner.state_dict()
    found = {name: torch.from_numpy(tensor.copy()) for name, tensor in tensors.items() if name.startswith(kept)}
    if {name for name in own if name.startswith(kept)} != found.keys():
        raise ModelFileInvalid("expected the tensors of the trunk, found others")
    try:
        learner.load_state_dict({**own, **found})
    except RuntimeError as error:
        raise ModelFileInvalid(f"expected weights that fit the header, found {str(error)[:200]}") from None
