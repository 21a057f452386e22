"""A trained model and its file: one safetensors file whose JSON header says everything that is no weight (DESIGN D6)."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Self, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file
from torch import nn

from learning.errors import LearningError
from learning.header import ModelHeader
from learning.meta_header import MetaHeader

METADATA_KEY = "taskgraft"
# What a reader accepts from a file of unknown origin. A header names each group once: 64 MiB are some 500,000 groups.
MAX_HEADER_BYTES = 64 << 20
MAX_TENSORS = 10_000
MAX_BYTES = 16 << 30
TENSOR_NAME = re.compile(r"[A-Za-z0-9_]+(\.[A-Za-z0-9_]+)*")


class ModelFileInvalid(LearningError, ValueError):
    """A file that is not a model as this room writes it."""

    def __init__(self, detail: str) -> None:
        super().__init__("model-corrupt", detail)


AnyHeader: TypeAlias = ModelHeader | MetaHeader
_Header = TypeVar("_Header", ModelHeader, MetaHeader)


@dataclass(frozen=True, eq=False)
class _Stored(Generic[_Header]):
    """``tensors`` are the arrays of the model's ``state_dict`` by name, float32."""

    header: _Header
    tensors: Mapping[str, NDArray[np.float32]]

    @classmethod
    def of(cls, model: nn.Module, header: _Header) -> Self:
        """The model as it stands: a copy of its weights."""
        state = {name: tensor.detach().cpu().numpy().copy() for name, tensor in model.state_dict().items()}
        return cls(header, state)

    def save(self, path: Path) -> None:
        """Write the file; equal models make equal bytes.

        Raises:
            ModelFileInvalid: a weight that is not float32, or a header past the bound of what a reader accepts.
        """
        header = json.dumps(self.header.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
        if len(header.encode()) > MAX_HEADER_BYTES:
            raise ModelFileInvalid(f"expected a header of at most {MAX_HEADER_BYTES} bytes, found {len(header)}")
        for name, tensor in self.tensors.items():
            if tensor.dtype != np.float32:
                raise ModelFileInvalid(f"expected float32 for {name!r}, found {tensor.dtype}")
        tensors = {name: np.ascontiguousarray(self.tensors[name]) for name in sorted(self.tensors)}
        save_file(tensors, path, metadata={METADATA_KEY: header})


class TrainedModel(_Stored[ModelHeader]):
    """A model that answers."""

    @classmethod
    def load(cls, path: Path) -> "TrainedModel":
        """Read a file that `save` wrote; its hash is the caller's to check.

        Raises:
            OSError: no such file, or not readable.
            ModelFileInvalid: another format, too large, parts that do not fit together, or a meta-model.
        """
        found = load_model(path)
        if not isinstance(found, cls):
            raise ModelFileInvalid(
                "expected a model that answers, found a meta-model, which answers once it is adapted"
            )
        return found


class MetaModel(_Stored[MetaHeader]):
    """A model that adapts: ``trunk.*``, and ``head.*`` where its method has a head."""


def load_model(path: Path) -> TrainedModel | MetaModel:
    """Read a file that `save` wrote, of either kind; its hash is the caller's to check.

    Raises:
        OSError: no such file, or not readable.
        ModelFileInvalid: another format, too large, or parts that do not fit together.
    """
    _check_size(path)
    try:
        with safe_open(path, framework="numpy") as file:
            names = list(file.keys())
            _check_tensors({name: file.get_slice(name).get_dtype() for name in names})
            header = _header(file.metadata())
            tensors = {name: file.get_tensor(name) for name in names}
    except SafetensorError as error:
        raise ModelFileInvalid(f"expected a safetensors file, found one that does not read: {error}") from None
    return MetaModel(header, tensors) if isinstance(header, MetaHeader) else TrainedModel(header, tensors)


def read_header(path: Path) -> AnyHeader:
    """The header of a file that `save` wrote, without its weights.

    Raises:
        OSError: no such file, or not readable.
        ModelFileInvalid: it is no header of a model.
    """
    _check_size(path)
    try:
        with safe_open(path, framework="numpy") as file:
            return _header(file.metadata())
    except SafetensorError as error:
        raise ModelFileInvalid(f"expected the header of a model, found {type(error).__name__}") from None


def _header(metadata: Mapping[str, str] | None) -> AnyHeader:
    text = (metadata or {}).get(METADATA_KEY, "")
    try:
        told = json.loads(text)
        meta = isinstance(told, dict) and told.get("kind") == "meta"
        return MetaHeader.model_validate_json(text) if meta else ModelHeader.model_validate_json(text)
    except (ValueError, RecursionError) as error:
        detail = "no JSON"
        if isinstance(error, ValidationError):
            first = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(str(part) for part in first["loc"]) or "the whole"
            detail = f"at {where}: {first['msg']}"
        raise ModelFileInvalid(f"expected the header of a model, found {detail}") from None


def _check_size(path: Path) -> None:
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise ModelFileInvalid(f"expected a file of at most {MAX_BYTES} bytes, found {size}")
    with path.open("rb") as file:
        # The first eight bytes of the format: the length of its header.
        length = int.from_bytes(file.read(8), "little")
    if not 0 < length <= min(size, 2 * MAX_HEADER_BYTES):
        raise ModelFileInvalid(f"expected a header within {size} bytes of file, found one of {length}")


def _check_tensors(dtypes: Mapping[str, Any]) -> None:
    if len(dtypes) > MAX_TENSORS:
        raise ModelFileInvalid(f"expected at most {MAX_TENSORS} tensors, found {len(dtypes)}")
    for name, dtype in dtypes.items():
        if not TENSOR_NAME.fullmatch(name) or len(name) > 200:
            raise ModelFileInvalid(f"expected the name of a parameter, found {name[:64]!r}")
        if dtype != "F32":
            raise ModelFileInvalid(f"expected float32 for {name!r}, found {dtype}")
