"""A model file from elsewhere: what must be true before it is stored beside those that were trained here."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel, ValidationError

from learning.errors import LearningError
from learning.header import ModelHeader
from learning.model import ModelFileInvalid, TrainedModel
from learning.predictor import Predictor
from learning.registry import registry
from learning.specs import MAX_TASK_NAME_BYTES

FAMILIES = ("network", "sharing", "balancing")
_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")


def admit(path: Path) -> ModelHeader:
    """Return the header of a file that is a whole and sound model, its methods written as this version writes them.

    The weights must be exactly those of the network that the header names, finite, and answer a row. Weights that are
    finite and yet overflow on some input are told at the prediction, as those of a model of our own.

    Raises:
        OSError: not readable.
        ModelFileInvalid: anything else is wrong with it.
    """
    model = TrainedModel.load(path)
    header = model.header
    _check_text(header)
    _check_tasks(header)
    methods = {family: _spec(family, getattr(header, family)) for family in FAMILIES}
    _check_weights(model, methods)
    Predictor(model)
    return header.model_copy(update={family: spec.model_dump(mode="json") for family, spec in methods.items()})


def _check_text(header: ModelHeader) -> None:
    """Of all text of the header, shown or not: jobs that ask the model store what it names, which no database can."""
    if _NUL.search(json.dumps(header.model_dump(mode="json"))):
        raise ModelFileInvalid("expected text without NUL in the header, found one")


def _check_tasks(header: ModelHeader) -> None:
    names = [name for name, _ in header.tasks]
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


def _check_weights(model: TrainedModel, methods: Mapping[str, Any]) -> None:
    header, held = model.header, {name: tensor.shape for name, tensor in model.tensors.items()}
    inputs = header.encoding.inputs
    if sentence := methods["network"].misfit(inputs):
        raise ModelFileInvalid(sentence)
    needed = methods["sharing"].parameters(methods["network"], inputs, header.layout)
    found = sum(tensor.size for tensor in model.tensors.values())
    if needed > found:  # so that building it costs no more than the file did
        raise ModelFileInvalid(f"expected the {needed} weights of the network in the header, found {found}")
    built = methods["sharing"].build(methods["network"], inputs, header.layout).state_dict()
    wanted = {name: tuple(tensor.shape) for name, tensor in built.items()}
    for name in sorted(wanted.keys() | held.keys()):
        if wanted.get(name) != held.get(name):
            expected, has = (_shape(shapes.get(name)) for shapes in (wanted, held))
            raise ModelFileInvalid(f"expected {expected} for {name!r} by the network in the header, found {has}")
    for name, tensor in model.tensors.items():
        if not np.isfinite(tensor).all():
            raise ModelFileInvalid(f"expected finite weights, found NaN or infinity in {name!r}")


def _shape(shape: tuple[int, ...] | None) -> str:
    return "no tensor" if shape is None else f"a tensor of shape {list(shape)}"
