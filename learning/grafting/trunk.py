"""The trunk of a stored model as the beginning of another: what has to agree, and its weights."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from learning.model import ModelFileInvalid
from learning.networks.base import NetworkSpec, Trunk
from learning.planning.findings import Findings


def check_network(network: NetworkSpec, source: Mapping[str, Any], pointer: str, findings: Findings) -> None:
    """A problem that names every difference between a job's network and that of the model it starts from.

    Args:
        source: the network as it stands in the model's header.
    """
    here = network.model_dump(mode="json")
    differ = [
        f"{name} ({source.get(name)!r} there, {here.get(name)!r} here)"
        for name in sorted({*here, *source}, key=lambda name: (name != "name", name))
        if here.get(name) != source.get(name)
    ]
    if differ:
        told = f"expected the network of the model to start from, found another {', '.join(differ)}"
        findings.problem(pointer, "source-architecture", told)


def load_trunk(trunk: Trunk, tensors: Mapping[str, NDArray[np.float32]]) -> None:
    """Fill ``trunk`` with the weights of a stored model, which are named ``trunk.…``.

    Raises:
        ModelFileInvalid: the weights do not fit the model's own header.
    """
    weights = {
        name.removeprefix("trunk."): torch.from_numpy(tensor.copy())
        for name, tensor in tensors.items()
        if name.startswith("trunk.")
    }
    try:
        trunk.load_state_dict(weights)
    except RuntimeError as error:
        raise ModelFileInvalid(f"expected weights that fit the header, found {str(error)[:200]}") from None
