"""What a trained model knows of a target before it adapts: the mean of its heads, in the units of one of them."""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from learning.adapting.heads import Prior
from learning.errors import InputError, Problem
from learning.header import ModelHeader, Output
from learning.networks.heads import HeadPlan


@dataclass(frozen=True, eq=False, slots=True)
class Known:
    """``output``: what the model answers, null for a target that it does not know; ``prior`` its mean head."""

    output: Output | None
    prior: Prior | None
    features: int


def known(header: ModelHeader, heads: HeadPlan, target: str, offered: Collection[str]) -> Known:
    """Return what the model knows of a target; ``offered`` are the columns that choose features for a new one."""
    same = [output for output in header.outputs if output.target == target]
    same = same or [output for output in header.outputs if output.name == target]
    if not same:
        return Known(None, None, _widest(header, offered))
    first = same[0]
    alike = [o for o in same if (o.type, o.classes, o.features) == (first.type, first.classes, first.features)]
    # Listed tasks of one target learned in units of their own each: their mean is that of their answers.
    shares = [output.deviation / first.deviation / len(alike) for output in alike]
    shifts = [(output.mean - first.mean) / first.deviation / len(alike) for output in alike]
    found = [head_of(header, heads, output) for output in alike]
    weight = sum(share * own[0].astype(np.float64) for share, own in zip(shares, found, strict=True))
    bias = sum(share * own[1].astype(np.float64) for share, own in zip(shares, found, strict=True)) + sum(shifts)
    prior = (np.asarray(weight, np.float32), np.asarray(bias, np.float32))
    own = Output(**first.model_dump() | {"name": target, "target": target, "slot": 0, "group": 0, "features": 0})
    return Known(own, prior, first.features)


def head_of(header: ModelHeader, heads: HeadPlan, output: Output) -> Prior:
    """The head of an output, weight ``[units, h]`` and bias ``[units]``; of a grouped model its mean head."""
    first = header.layout.offsets[output.slot]
    own = slice(first, first + header.layout.slots[output.slot].units)
    place = -1 if output.group is None else output.group
    return heads.weight[place, own], heads.bias[place, own]


def check_target(header: ModelHeader, target: str, features: int, pointer: str) -> None:
    """Raises: InputError: ``target-is-feature``."""
    if target in header.feature_sets[features]:
        detail = f"expected a column that the model does not read, found its feature {target[:64]!r}"
        raise InputError([Problem(pointer, "target-is-feature", detail)])


def _widest(header: ModelHeader, offered: Collection[str]) -> int:
    """The largest of the feature sets that are offered whole, else the largest."""
    sets = sorted(range(len(header.feature_sets)), key=lambda place: -len(header.feature_sets[place]))
    return next((place for place in sets if set(header.feature_sets[place]) <= set(offered)), sets[0])
