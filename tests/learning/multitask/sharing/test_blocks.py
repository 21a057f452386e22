"""Rows of uneven groups lie in blocks of equal size."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from learning.multitask.sharing.blocks import blocks


@given(st.lists(st.integers(-1, 6), min_size=1, max_size=60))
def test_every_row_has_a_place_of_its_own_in_a_block_of_its_group(groups):
    group = np.array(groups)
    cut = blocks(group)
    assert (cut.group[cut.block] == group).all()
    assert len({*zip(cut.block.tolist(), cut.place.tolist(), strict=True)}) == len(group)
    assert cut.place.max() < cut.size
    assert (np.bincount(cut.block, minlength=len(cut.group)) > 0).all()


@given(st.integers(1, 50), st.integers(0, 3000))
def test_a_large_group_among_small_ones_wastes_no_memory(small, large):
    cut = blocks(np.r_[np.arange(small), np.zeros(large, np.int64)])
    rows = small + large
    assert len(cut.group) * cut.size <= 2 * (rows + small)


def test_no_rows_are_no_blocks():
    cut = blocks(np.empty(0, np.int64))
    assert (len(cut.group), len(cut.block), cut.size) == (0, 0, 0)
