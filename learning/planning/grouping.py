"""Keys of groups as codes: every count over all groups in one pass, whatever their number."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

import numpy as np
import numpy.typing as npt

from learning.planning.columns import Columns, Mask
from learning.planning.targets import Labels

Codes = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Keys:
    """The distinct keys among some rows, sorted; ``codes`` ``[n]`` index ``values``, -1 for rows that have none."""

    codes: Codes
    values: tuple[tuple[str, ...], ...]


def keys_of(columns: Columns, group_by: tuple[str, ...], rows: Mask) -> Keys:
    """The keys of ``rows`` ``[n]`` of a table; a row with a missing part has no key."""
    parts = [columns.texts(name) for name in group_by]
    joint = np.zeros(columns.rows, dtype=np.int64)
    kept = rows.copy()
    for part in parts:
        kept &= part.codes >= 0
        # Renumbered at every step, so that ten columns cannot overflow.
        _, joint = np.unique(joint * (len(part.values) + 1) + part.codes + 1, return_inverse=True)
    first, inverse = np.unique(joint[kept], return_index=True, return_inverse=True)[1:]
    codes = np.full(columns.rows, -1, dtype=np.int32)
    codes[kept] = inverse
    example = np.flatnonzero(kept)[first]
    values = zip(*([part.values[code] for code in part.codes[example]] for part in parts), strict=True)
    return Keys(codes, tuple(values))


def group_name(key: Mapping[str, str]) -> str:
    """``shop=17``, or ``shop=17/region=north``; / = and % within a part are percent-encoded, as in a URL."""
    return "/".join(f"{_part(name)}={_part(value)}" for name, value in key.items())


def _part(text: str) -> str:
    return "".join(quote(character, safe="") if character in "/=%" else character for character in text)


def small_cells(codes: Codes, count: int, found: Labels, *, min_rows: int) -> Mask:
    """Which groups cannot learn a target alone, ``[count]``: too few labelled rows, one class or one number.

    Args:
        codes: ``[n]``, the group of each row, -1 for none.
        found: ``[n]``, labels, NaN where missing.
    """
    labelled = (codes >= 0) & ~np.isnan(found)
    group, values = codes[labelled], found[labelled]
    rows = np.bincount(group, minlength=count)
    lowest, highest = np.full(count, np.inf), np.full(count, -np.inf)
    np.minimum.at(lowest, group, values)
    np.maximum.at(highest, group, values)
    # Class indices and numbers alike: a target that never changes has nothing to teach a head of its own.
    small: Mask = (rows < min_rows) | ~(lowest < highest)
    return small
