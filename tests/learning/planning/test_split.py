"""Which side a row is on: duplicates together, by content and seed alone, no part left empty."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from learning.encoding.cells import Texts
from learning.planning.split import (
    TEST,
    TRAIN,
    VALIDATION,
    block_hashes,
    cluster_hashes,
    sides_by_cluster,
    sides_by_column,
    sides_by_content,
    sides_by_time,
)
from learning.tables.hashing import mix

ROWS = st.integers(0, 60).flatmap(
    lambda n: st.tuples(
        hnp.arrays(np.uint64, n, elements=st.integers(0, 3)), hnp.arrays(np.uint64, n, elements=st.integers(0, 25))
    )
)
SEEDS = st.integers(0, 2**32 - 1)
FRACTIONS = st.tuples(st.floats(0.01, 0.49), st.floats(0.01, 0.49))


def split(cells, content, seed=0, validation=0.15, test=0.15):
    return sides_by_content(cells, mix(content), validation=validation, test=test, seed=seed)


@given(ROWS, SEEDS, FRACTIONS)
def test_rows_of_equal_content_in_a_cell_are_on_one_side(rows, seed, fractions):
    cells, content = rows
    sides = split(cells, content, seed, *fractions)
    seen: dict[Any, int] = {}
    for cell, value, side in zip(cells.tolist(), content.tolist(), sides.tolist(), strict=True):
        assert seen.setdefault((cell, value), side) == side


@given(ROWS, SEEDS, FRACTIONS)
def test_every_cell_with_three_distinct_rows_has_every_part(rows, seed, fractions):
    cells, content = rows
    sides = split(cells, content, seed, *fractions)
    for cell in np.unique(cells):
        if len(np.unique(content[cells == cell])) >= 3:
            assert set(sides[cells == cell].tolist()) == {TRAIN, VALIDATION, TEST}


@given(ROWS, SEEDS, st.randoms(use_true_random=False))
def test_the_side_of_a_row_does_not_depend_on_the_order_of_the_rows(rows, seed, random):
    cells, content = rows
    order = list(range(len(cells)))
    random.shuffle(order)
    assert split(cells[order], content[order], seed).tolist() == split(cells, content, seed)[order].tolist()


@given(ROWS, SEEDS)
def test_cells_are_divided_without_regard_to_each_other(rows, seed):
    cells, content = rows
    together = split(cells, content, seed)
    for cell in np.unique(cells):
        mine = cells == cell
        assert split(cells[mine], content[mine], seed).tolist() == together[mine].tolist()


def test_the_fractions_hold_within_a_row_in_every_cell_and_other_seeds_divide_otherwise():
    cells = np.repeat(np.arange(50, dtype=np.uint64), 40)
    content = np.arange(2000, dtype=np.uint64)
    sides = split(cells, content, seed=1, validation=0.1, test=0.25)
    counts = np.stack([np.bincount(cells.astype(int), weights=sides == side) for side in (TRAIN, VALIDATION, TEST)])
    assert (counts == [[26], [4], [10]]).all()
    other = split(cells, content, seed=2, validation=0.1, test=0.25)
    expected = (0.1**2 + 0.25**2 + 0.65**2) * 2000
    assert abs((sides == other).sum() - expected) < 100


def test_many_cells_of_one_row_are_divided_by_the_fractions_too():
    content = np.arange(20_000, dtype=np.uint64)
    sides = split(content, content, validation=0.2, test=0.3)
    assert np.bincount(sides, minlength=3) / 20_000 == pytest.approx([0.5, 0.2, 0.3], abs=0.02)


def named(values):
    texts = tuple(sorted(set(values)))
    return Texts(np.array([texts.index(value) for value in values], dtype=np.int32), texts)


def by_column(values, validation=0.25):
    content = mix(np.arange(len(values), dtype=np.uint64))
    cells = np.zeros(len(values), dtype=np.uint64)
    return sides_by_column(named(values), cells, content, np.arange(len(values)), validation=validation, seed=0)


def test_a_column_that_names_all_three_sides_is_followed():
    assert by_column(["train", "test", "validation", "train"]).tolist() == [TRAIN, TEST, VALIDATION, TRAIN]


def test_a_missing_validation_part_is_cut_from_train_and_test_is_left_alone():
    sides = by_column(["train"] * 40 + ["test"] * 10)
    assert sides[40:].tolist() == [TEST] * 10
    assert np.bincount(sides[:40], minlength=3).tolist() == [30, 10, 0]


CLUSTERS = st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=40)


@given(CLUSTERS, SEEDS)
def test_clusters_stay_whole_and_three_of_them_fill_every_part(names, seed):
    one_cell = np.zeros(len(names), dtype=np.uint64)
    sides, cluster = sides_by_cluster(cluster_hashes(named(names)), one_cell, validation=0.15, test=0.15, seed=seed)
    together = set(zip(names, sides.tolist(), cluster.tolist(), strict=True))
    assert len(together) == len(set(names)) == len(set(cluster.tolist()))
    if len(set(names)) >= 3:
        assert set(sides.tolist()) == {TRAIN, VALIDATION, TEST}


def test_rows_without_a_cluster_are_one_cluster():
    hashes = cluster_hashes(Texts(np.array([-1, 0, -1], dtype=np.int32), ("a",)))
    assert hashes[0] == hashes[2] != hashes[1]


@given(st.integers(1, 9), st.lists(st.integers(3, 90), min_size=1, max_size=3), SEEDS)
def test_blocks_stay_whole_and_each_dataset_of_three_blocks_has_every_part(size, lengths, seed):
    rows = np.concatenate([np.arange(length) for length in lengths])
    dataset = np.repeat(np.arange(len(lengths), dtype=np.uint64), lengths)
    hashes = block_hashes(rows, dataset, size=size)
    sides, cluster = sides_by_cluster(hashes, dataset, validation=0.15, test=0.15, seed=seed)
    blocks = list(zip(dataset.tolist(), (rows // size).tolist(), strict=True))
    assert len(set(zip(blocks, sides.tolist(), cluster.tolist(), strict=True))) == len(set(blocks))
    assert len(set(cluster.tolist())) == len(set(blocks))
    for place, length in enumerate(lengths):
        if length > 2 * size:
            assert set(sides[dataset == place].tolist()) == {TRAIN, VALIDATION, TEST}


TIMES = st.lists(st.integers(0, 30), min_size=1, max_size=60).map(np.array)


@given(TIMES, st.integers(-1, 32), st.floats(0.01, 0.99), st.sampled_from([np.int64, np.float64]))
def test_no_row_of_the_future_is_trained_on(times, test_from, validation, dtype):
    sides = sides_by_time(times.astype(dtype), test_from=test_from, validation_from=None, validation=validation)
    assert ((sides == TEST) == (times >= test_from)).all()
    before = times[times < test_from]
    if len(np.unique(before)) > 1:
        assert times[sides == TRAIN].max() < times[sides == VALIDATION].min()
    else:
        assert (sides[times < test_from] == TRAIN).all()


@given(TIMES, st.integers(1, 30), st.integers(1, 30))
def test_the_borders_of_a_split_by_time_are_kept(times, first, second):
    low, high = min(first, second), max(first, second)
    sides = sides_by_time(times, test_from=high, validation_from=low, validation=0.5)
    assert sides.tolist() == [TRAIN if t < low else VALIDATION if t < high else TEST for t in times.tolist()]


def test_the_share_for_validation_is_the_last_part_before_the_test():
    sides = sides_by_time(np.arange(100)[::-1], test_from=80, validation_from=None, validation=0.25)
    assert sides.tolist() == [TEST] * 20 + [VALIDATION] * 20 + [TRAIN] * 60
