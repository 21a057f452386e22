"""Which rows an episode has: a pure function of a seed, drawn for many tasks at once."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from learning.episodes import Pool

Ints = NDArray[np.int64]

#: The streams of a job's seed, so that no two of its draws are alike.
TRAINING, VALIDATION, EVALUATION, SCRATCH = range(4)


@dataclass(frozen=True, eq=False, slots=True)
class Drawn:
    """B episodes by rows of the table: supports ``[B, s]`` and queries ``[B, q]``, no row in both.

    support_class, query_class: the way of each row of a class episode, None where tasks have labels of their own.
    turn: quarter turns of each row's image, in the same order as ``support`` and then ``query``; None for none.
    unit: ``[B]``, the task of each episode; −1 where it is made of classes.
    """

    support: Ints
    query: Ints
    support_class: Ints | None
    query_class: Ints | None
    turn: Ints | None
    unit: Ints

    def __len__(self) -> int:
        return len(self.support)

    def __getitem__(self, part: slice) -> "Drawn":
        cut = (
            None if each is None else each[part]
            for each in (self.support, self.query, self.support_class, self.query_class, self.turn, self.unit)
        )
        return Drawn(*cut)  # type: ignore[arg-type]


def stream(seed: int, *place: int) -> np.random.Generator:
    """The random numbers of one place in a job, whatever was drawn before."""
    return np.random.default_rng([seed, *place])


def of_classes(
    pool: Pool, count: int, random: np.random.Generator, *, ways: int, shots: int, queries: int, turns: int = 1
) -> Drawn:
    """Draw ``count`` episodes of ``ways`` classes, each with ``shots`` and ``queries`` rows of its own.

    Args:
        turns: 4 where every class stands for four, its images turned; else 1.
    """
    chosen = distinct(np.full(count, len(pool) * turns), ways, random)
    unit, turn = chosen // turns, chosen % turns
    places = distinct(pool.counts[unit].ravel(), shots + queries, random).reshape(count, ways, shots + queries)
    rows = pool.rows[pool.starts[unit][:, :, None] + places]
    support, query = rows[:, :, :shots].reshape(count, -1), rows[:, :, shots:].reshape(count, -1)
    way = np.broadcast_to(np.arange(ways)[:, None], (count, ways, 1))
    both = [
        np.repeat(values, times, axis=2).reshape(count, -1)
        for values in (way, turn[:, :, None])
        for times in (shots, queries)
    ]
    turned = None if turns == 1 else np.concatenate(both[2:], axis=1)
    return Drawn(support, query, both[0], both[1], turned, np.full(count, -1))


def of_tasks(
    pool: Pool, count: int, random: np.random.Generator, *, shots: int, queries: int, evenly: bool = False
) -> Drawn:
    """Draw ``count`` episodes, each of one task.

    Args:
        evenly: every task as often as any other, within one, in an order of its own; else each by chance.
    """
    every = np.resize(random.permutation(len(pool)), count) if evenly else None
    unit = random.integers(len(pool), size=count) if every is None else every
    places = _places(pool, unit, shots + queries, random)
    rows = pool.rows[pool.starts[unit][:, None] + places]
    return Drawn(rows[:, :shots], rows[:, shots:], None, None, None, pool.units[unit])


def _places(pool: Pool, unit: Ints, rows: int, random: np.random.Generator) -> Ints:
    """Places within each task's rows ``[B, rows]``, the first of them one of each class where the pool knows classes."""
    if pool.first is None:
        return distinct(pool.counts[unit], rows, random)
    first = pool.first[unit]
    classes = first.shape[1] - 1
    one = first[:, :-1] + random.integers(np.diff(first, axis=1))
    others = distinct(pool.counts[unit] - classes, rows - classes, random)
    for each in range(classes):  # the k-th of those that are left: step over each that is taken, in ascending order
        others += others >= one[:, each, None]
    return np.concatenate([one, others], axis=1)


def distinct(counts: Ints, k: int, random: np.random.Generator) -> Ints:
    """Draw for each of N counts k different numbers below it, ``[N, k]``, in random order.

    Floyd's algorithm (Bentley and Floyd, *A sample of brilliance*, CACM 1987), over all N at once: in step i a number up
    to n − k + i is drawn, and that bound itself taken where the number was had before. Memory does not grow with n.

    Args:
        counts: ``[N]``, each at least k.
    """
    found = np.empty((len(counts), k), np.int64)
    below = counts[:, None] - k + 1 + np.arange(k)
    drawn = random.integers(below)
    for i in range(k):
        again = (found[:, :i] == drawn[:, i, None]).any(axis=1)
        found[:, i] = np.where(again, below[:, i] - 1, drawn[:, i])
    order = random.random(found.shape).argsort(axis=1)
    return np.take_along_axis(found, order, axis=1)
