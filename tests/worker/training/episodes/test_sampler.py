"""Episodes: which rows they have, and that they are a function of the seed."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from learning.episodes.pool import Units, pool
from worker.training.episodes.sampler import distinct, of_classes, of_tasks, stream

ROWS = 200


def units(labels=None):
    """Ten classes or tasks of twenty rows, in no order."""
    codes = stream(7, 0).permutation(np.arange(ROWS) % 10)
    return Units(tuple("abcdefghij"), codes, labels)


def classes_of(pool, count, random, **how):
    return of_classes(pool, count, random, **how)


def drawn_from(found, which, least, classes=None):
    member = np.isin(np.arange(10), which)
    return pool(found, member, least=least, classes=classes)


@settings(max_examples=50, deadline=None)
@given(counts=st.lists(st.integers(1, 40), min_size=1, max_size=20), share=st.floats(0.01, 1.0), seed=st.integers(0, 9))
def test_numbers_drawn_are_different_and_below_their_count(counts, share, seed):
    k = max(1, int(min(counts) * share))
    found = distinct(np.array(counts), k, stream(seed, 0))
    assert found.shape == (len(counts), k)
    assert all(len(set(row)) == k and min(row) >= 0 for row in found.tolist())
    assert (found.max(axis=1) < counts).all()


def test_every_number_comes_as_often_in_every_place():
    found = distinct(np.full(20_000, 5), 3, stream(0, 0))
    for place in range(3):
        share = np.bincount(found[:, place], minlength=5) / len(found)
        assert np.abs(share - 0.2).max() < 0.015


def test_an_episode_of_classes_has_rows_of_its_ways_and_no_row_twice():
    found = units()
    drawn = classes_of(drawn_from(found, range(6), 8), 30, stream(3, 0), ways=4, shots=3, queries=5)
    assert drawn.support.shape == (30, 12)
    assert drawn.query.shape == (30, 20)
    for episode in range(30):
        rows = np.concatenate([drawn.support[episode], drawn.query[episode]])
        way = np.concatenate([drawn.support_class[episode], drawn.query_class[episode]])
        assert len(set(rows)) == 32
        classes = [set(found.codes[rows[way == each]]) for each in range(4)]
        assert [len(each) for each in classes] == [1] * 4
        assert len(set.union(*classes)) == 4
        assert set.union(*classes) <= set(range(6))


def test_a_turned_class_is_a_class_of_its_own():
    drawn = classes_of(drawn_from(units(), [0, 1], 4), 50, stream(3, 0), ways=8, shots=1, queries=1, turns=4)
    assert drawn.turn.shape == (50, 16)
    pairs = list(zip(drawn.support[0], drawn.turn[0, :8], strict=True))
    assert len({(units().codes[row], turn) for row, turn in pairs}) == 8
    assert (drawn.turn[:, :8] == drawn.turn[:, 8:]).all()


def test_an_episode_of_a_task_has_rows_of_that_task_alone():
    found = units(np.zeros(ROWS))
    drawn = of_tasks(drawn_from(found, [2, 5, 9], 20), 40, stream(0, 0), shots=12, queries=8)
    assert (found.codes[drawn.support] == drawn.unit[:, None]).all()
    assert (found.codes[drawn.query] == drawn.unit[:, None]).all()
    assert all(len({*rows, *asked}) == 20 for rows, asked in zip(drawn.support, drawn.query, strict=True))


def test_episodes_that_are_judged_ask_every_task_as_often():
    found = units(np.zeros(ROWS))
    drawn = of_tasks(drawn_from(found, [1, 2, 5, 9], 4), 10, stream(0, 0), shots=2, queries=2, evenly=True)
    assert sorted(np.bincount(drawn.unit, minlength=10)[[1, 2, 5, 9]]) == [2, 2, 3, 3]


def test_where_classes_must_be_known_every_support_has_a_row_of_each():
    labels = np.where(np.arange(ROWS) % 7 == 0, 1.0, 0.0)
    found = units(labels)
    rows = drawn_from(found, range(10), 6, classes=2)
    assert rows.first is not None
    drawn = of_tasks(rows, 200, stream(0, 0), shots=3, queries=3)
    assert (np.sort(labels[drawn.support], axis=1)[:, [0, -1]] == [0, 1]).all()
    assert all(len({*a, *b}) == 6 for a, b in zip(drawn.support, drawn.query, strict=True))
    assert (found.codes[drawn.support] == drawn.unit[:, None]).all()


def test_a_task_without_a_row_of_some_class_is_left_out_there():
    labels = np.where(units().codes == 4, 0.0, np.arange(ROWS) % 2)
    kept = drawn_from(units(labels), range(10), 4, classes=2)
    assert 4 not in kept.units
    assert len(kept) == 9


@pytest.mark.parametrize("place", [(0, 5), (1, 4)])
def test_the_same_place_of_a_seed_draws_the_same_and_another_place_something_else(place):
    rows = drawn_from(units(), range(10), 6)

    def draw(*at):
        return classes_of(rows, 4, stream(1, *at), ways=3, shots=1, queries=5).support

    assert (draw(0, 4) == draw(0, 4)).all()
    assert (draw(0, 4) != draw(*place)).any()
