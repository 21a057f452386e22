"""A child as what differs from the model that it stands on: a small file, and a whole model again by merging."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from learning.grafting.source import network_of, sharing_of
from learning.header import GroupHead, ModelHeader, Output
from learning.meta_header import MetaHeader
from learning.model import AnyHeader, MetaModel, ModelFileInvalid, TrainedModel
from learning.multitask.sharing.hard import HardPlan
from learning.planning.grouping import group_name

METADATA_KEY = "taskgraft_delta"
MAX_DELTA_TENSORS = 10_000
Base: TypeAlias = TrainedModel | MetaModel
HEADS = ("heads.bias", "heads.rows", "heads.weight")


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Added(_Part):
    """A group that was added or learned again: its key, its row ``group`` of the table of heads, and its targets' outputs."""

    key: tuple[str, ...]
    group: int = Field(ge=0)
    outputs: tuple[int, ...]


class DeltaHeader(_Part):
    """What a child says that its base does not.

    output, features: of a child with one target of its own and the base's trunk: what it answers, and which of the base's
    feature sets it reads. added: of a child that is the base with more heads: the delta's tensors hold one row for
    each. adapted: the method and its strength. batch_statistics: the child's rows are normalised with those asked together.
    """

    format: Literal[1] = 1
    name: str | None = None
    output: Output | None = None
    features: int = Field(default=0, ge=0)
    added: tuple[Added, ...] = ()
    adapted: dict[str, Any]
    batch_statistics: bool = False


@dataclass(frozen=True, eq=False)
class Delta:
    """``tensors`` are float32: the heads, and the tensors of the trunk that differ from the base's."""

    header: DeltaHeader
    tensors: Mapping[str, NDArray[np.float32]]

    @property
    def nbytes(self) -> int:
        """Bytes of the tensors."""
        return sum(tensor.nbytes for tensor in self.tensors.values())

    def save(self, path: Path) -> None:
        """Write the file; equal deltas make equal bytes."""
        told = self.header.model_dump(mode="json", exclude_defaults=True, exclude_none=True)
        header = json.dumps(told, sort_keys=True, separators=(",", ":"))
        tensors = {name: np.ascontiguousarray(self.tensors[name]) for name in sorted(self.tensors)}
        save_file(tensors, path, metadata={METADATA_KEY: header})

    @classmethod
    def load(cls, path: Path) -> "Delta":
        """Read a file that `save` wrote; its hash is the caller's to check.

        Raises:
            OSError: no such file, or not readable.
            ModelFileInvalid: it is no delta.
        """
        try:
            with safe_open(path, framework="numpy") as file:
                header = _header(file.metadata())
                names = list(file.keys())
                if len(names) > MAX_DELTA_TENSORS or not set(HEADS) <= set(names):
                    raise ModelFileInvalid(f"expected a delta with heads, found {len(names)} tensors")
                tensors = {name: file.get_tensor(name) for name in names}
        except SafetensorError as error:
            raise ModelFileInvalid(f"expected a delta, found a file that does not read: {error}") from None
        for name, tensor in tensors.items():
            if tensor.dtype != np.float32 or not (name in HEADS or name.startswith("trunk.")):
                raise ModelFileInvalid(f"expected float32 heads and parts of a trunk, found {name[:64]!r}")
        return cls(header, tensors)


def _header(metadata: Mapping[str, str] | None) -> DeltaHeader:
    try:
        return DeltaHeader.model_validate_json((metadata or {}).get(METADATA_KEY, ""))
    except ValidationError:
        raise ModelFileInvalid("expected the header of a delta, found another") from None


def merge(base: Base, delta: Delta) -> TrainedModel:
    """Return the whole child of the model that the delta stands on.

    Raises:
        ModelFileInvalid: it stands on another one.
    """
    header = child_header(base.header, delta.header)
    if not delta.header.added:
        kept = {name: tensor for name, tensor in base.tensors.items() if name.startswith("trunk.")}
        own = {name for name in delta.tensors if name.startswith("trunk.")}
        if not all(name in kept and kept[name].shape == delta.tensors[name].shape for name in own):
            raise ModelFileInvalid("expected a delta on this model's trunk, found one on another")
        return TrainedModel(header, kept | dict(delta.tensors))
    if not isinstance(base, TrainedModel):
        raise ModelFileInvalid("expected a delta on this model, found one with groups on a meta-model")
    trunk = {name: tensor for name, tensor in base.tensors.items() if name.startswith("trunk.")}
    return TrainedModel(header, trunk | _head_rows(_plain_heads(base), delta))


def _plain_heads(base: TrainedModel) -> Mapping[str, NDArray[np.float32]]:
    """The table of heads as hard sharing has it, whatever the base makes its heads of."""
    header = base.header
    if header.sharing["name"] == "hard":
        return base.tensors
    plan = sharing_of(header).plan(network_of(header), base.tensors, header.layout)
    if not isinstance(plan, HardPlan):
        raise ModelFileInvalid(f"expected a model with one trunk, found sharing {header.sharing['name']!r}")
    # the last is the mean head, which the others make
    return {
        "heads.weight": plan.heads.weight[:-1],
        "heads.bias": plan.heads.bias[:-1],
        "heads.rows": base.tensors["heads.rows"],
    }


def _head_rows(tensors: Mapping[str, NDArray[np.float32]], delta: Delta) -> dict[str, NDArray[np.float32]]:
    """The table of heads of the base with the delta's rows in their places. Raises: ModelFileInvalid."""
    places = [added.group for added in delta.header.added]
    found = {}
    for name in HEADS:
        table, rows = tensors[name], delta.tensors[name]
        if rows.shape[1:] != table.shape[1:] or len(rows) != len(places):
            raise ModelFileInvalid(f"expected {name} of {len(places)} groups as the model's, found {rows.shape}")
        more = max(0, max(places) + 1 - len(table))
        grown = np.concatenate([table, np.zeros((more, *table.shape[1:]), np.float32)])
        grown[places] = rows
        found[name] = grown
    return found


def child_header(base: AnyHeader, delta: DeltaHeader) -> ModelHeader:
    """Return the header of the child, from that of the model it stands on.

    Raises:
        ModelFileInvalid: it stands on another one.
    """
    try:
        if isinstance(base, MetaHeader):
            return _of_meta(base, delta)
        return _with_groups(base, delta) if delta.added else _with_target(base, delta)
    except (ValueError, IndexError) as error:
        raise ModelFileInvalid(
            f"expected a delta on this model, found one on another: {type(error).__name__}"
        ) from None


def _own(delta: DeltaHeader) -> dict[str, Any]:
    """What every child with one target says alike."""
    output = delta.output
    if output is None:
        raise ModelFileInvalid("expected a delta with an output or with groups, found neither")
    return {
        "kind": "adapt",
        "name": delta.name,
        "groups": 1,
        "slots": ((output.type, len(output.classes or ()) if output.type == "multiclass" else 1),),
        "outputs": (output,),
        "tasks": ((output.name, 0),),
        "sharing": {"name": "hard"},
        "balancing": {"name": "static"},
        "adapted": delta.adapted,
    }


def _with_target(base: ModelHeader, delta: DeltaHeader) -> ModelHeader:
    encoded = {column.name for column in base.encoding.columns}
    keys = tuple(name for name in base.group_by if name not in encoded)
    own = () if delta.output is None else (delta.output.target,)
    others = {output.target for output in base.outputs} - {*encoded, *keys, *base.ignored, *own}
    return ModelHeader(
        inputs=tuple(column for column in base.inputs if column.name not in keys),
        # rows may still say which group they are of, and what else the parent answers: they may be those of the support
        ignored=(*base.ignored, *keys, *sorted(others)),
        feature_sets=(base.feature_sets[delta.features],),
        network=base.network,
        encoding=base.encoding,
        **_own(delta),
    )


def _of_meta(base: MetaHeader, delta: DeltaHeader) -> ModelHeader:
    network = base.network | ({"statistics": "batch"} if delta.batch_statistics else {})
    return ModelHeader(
        inputs=base.inputs,
        ignored=base.ignored,
        feature_sets=(tuple(column.name for column in base.encoding.columns),),
        network=network,
        encoding=base.encoding,
        **_own(delta),
    )


def _with_groups(base: ModelHeader, delta: DeltaHeader) -> ModelHeader:
    heads = {head.key: head for head in base.heads}
    tasks = dict(base.tasks)
    for added in delta.added:
        heads[added.key] = GroupHead(key=added.key, group=added.group)
        name = group_name(dict(zip(base.group_by, added.key, strict=True)))
        tasks |= {f"{name}/{base.outputs[place].name}": place for place in added.outputs}
    groups = max(base.groups, 1 + max(added.group for added in delta.added))
    changed = {
        "kind": "adapt",
        "name": delta.name,
        "groups": groups,
        "heads": tuple(heads.values()),
        "tasks": tuple(tasks.items()),
        "sharing": {"name": "hard"},
        "adapted": delta.adapted,
        "transfer": None,
        "job": None,
    }
    return ModelHeader(**{name: getattr(base, name) for name in ModelHeader.model_fields} | changed)
