"""A model file from elsewhere: what must be true before it is stored beside those that were trained here."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel, ValidationError
from torch import nn

from learning.errors import LearningError
from learning.header import ModelHeader
from learning.learner import built
from learning.meta_header import MetaHeader
from learning.model import AnyHeader, MetaModel, ModelFileInvalid, TrainedModel, load_model
from learning.predictor import Predictor
from learning.registry import registry
from learning.specs import MAX_TASK_NAME_BYTES

#: The methods that a header names: its field, and the family whose methods are known.
FAMILIES = {"network": "network", "sharing": "sharing", "balancing": "balancing"}
META_FAMILIES = {"network": "network", "method": "meta"}
_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")


def admit(path: Path) -> AnyHeader:
    """Return the header of a file that is a whole and sound model, its methods written as this version writes them.

    The weights must be exactly those of the network that the header names, finite, and answer a row; those of a
    meta-model, which answers nothing by itself, exactly those of its learner. Weights that are finite and yet overflow on
    some input are told at the prediction, as those of a model of our own.

    Raises:
        OSError: not readable.
        ModelFileInvalid: anything else is wrong with it.
    """
    model = load_model(path)
    _check_text(model.header)
    return _admit_meta(model) if isinstance(model, MetaModel) else _admit_answering(model)


def _admit_answering(model: TrainedModel) -> ModelHeader:
    header = model.header
    _check_tasks([name for name, _ in header.tasks])
    methods = {field: _spec(family, getattr(header, field)) for field, family in FAMILIES.items()}
    network, sharing, inputs = methods["network"], methods["sharing"], header.encoding.inputs
    if sentence := network.misfit(inputs) or sharing.misfit(network):
        raise ModelFileInvalid(sentence)
    _check_weights(
        model,
        sharing.parameters(network, inputs, header.layout),
        lambda: sharing.build(network, inputs, header.layout),
    )
    Predictor(model)
    return header.model_copy(update={field: spec.model_dump(mode="json") for field, spec in methods.items()})


def _admit_meta(model: MetaModel) -> MetaHeader:
    header = model.header
    _check_tasks([header.target])
    methods = {field: _spec(family, getattr(header, field)) for field, family in META_FAMILIES.items()}
    network, method, inputs = methods["network"], methods["method"], header.encoding.inputs
    if sentence := network.misfit(inputs):
        raise ModelFileInvalid(sentence)
    if method.needs_classes and header.type == "regression":
        raise ModelFileInvalid(f"expected a method that can answer with a number, found {method.name!r}")
    head = (network.out_features(inputs) + 1) * header.ways if method.has_head else 0
    _check_weights(model, network.parameters(inputs) + head, lambda: built(header))
    return header.model_copy(update={field: spec.model_dump(mode="json") for field, spec in methods.items()})


def _check_text(header: AnyHeader) -> None:
    """Of all text of the header, shown or not: jobs that ask the model store what it names, which no database can."""
    if _NUL.search(json.dumps(header.model_dump(mode="json"))):
        raise ModelFileInvalid("expected text without NUL in the header, found one")


def _check_tasks(names: Sequence[str]) -> None:
    if len(set(names)) < len(names):
        raise ModelFileInvalid("expected tasks with names of their own, found two of one name")
    longest = max((len(name.encode()) for name in names), default=0)
    if longest > MAX_TASK_NAME_BYTES:
        raise ModelFileInvalid(f"expected names of tasks of at most {MAX_TASK_NAME_BYTES} bytes, found {longest}")


def _spec(family: str, told: Mapping[str, Any]) -> Any:
    """The method that the header names, with its parameters in their bounds."""
    try:
        spec: type[BaseModel] = registry().spec(family, str(told.get("name")))
        return spec.model_validate(told)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join([family, *map(str, first["loc"])])
        raise ModelFileInvalid(f"expected the header of a model, found at {where[:200]}: {first['msg']}") from None
    except LearningError as error:
        raise ModelFileInvalid(error.detail) from None


def _check_weights(model: TrainedModel | MetaModel, needed: int, build: Callable[[], nn.Module]) -> None:
    held = {name: tensor.shape for name, tensor in model.tensors.items()}
    found = sum(tensor.size for tensor in model.tensors.values())
    if needed > found:  # so that building it costs no more than the file did
        raise ModelFileInvalid(f"expected the {needed} weights of the network in the header, found {found}")
    wanted = {name: tuple(tensor.shape) for name, tensor in build().state_dict().items()}
    for name in sorted(wanted.keys() | held.keys()):
        if wanted.get(name) != held.get(name):
            expected, has = (_shape(shapes.get(name)) for shapes in (wanted, held))
            raise ModelFileInvalid(f"expected {expected} for {name!r} by the network in the header, found {has}")
    for name, tensor in model.tensors.items():
        if not np.isfinite(tensor).all():
            raise ModelFileInvalid(f"expected finite weights, found NaN or infinity in {name!r}")


def _shape(shape: tuple[int, ...] | None) -> str:
    return "no tensor" if shape is None else f"a tensor of shape {list(shape)}"
