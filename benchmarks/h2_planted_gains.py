"""H2: does the 95 % interval cover a gain of known size, and is a gain of 10 % found?

A gain is planted in one arm in two ways. *Even*: every error of a regression is made smaller by it, as in the trial that
TARGETS quotes. *Uneven*: a random share of the test rows is answered perfectly, which in expectation takes that share
off the error rate, 1 − auc or the squared error; the gain then differs from row to row, and is harder to see.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student

from benchmarks.harness import Figure, Record, write
from benchmarks.verdict_pairs import REPEATS, SHARED, Arms, Trained, rate, trained
from learning.tasks import Metric
from learning.verdict import Moderated, Verdict, compare, moderated, verdicts

GAINS = (0.0, 0.05, 0.1, 0.2)
DRAWS = 3
LEAST_COVERED = 93.0
#: The share of gains of 10 % to find, by the number of repeats.
LEAST_FOUND = {SHARED: 50.0, REPEATS: 80.0}
_COUNTED = {SHARED: "one repeat", REPEATS: "three repeats"}
#: The tables of the trial that the target of power was set by (METHODS.md D), all of them regressions.
TRIAL = ("enb", "wq", "jura", "sarcos", "parkinsons", "atp1d")

_READING = (
    "Power is before the correction over tasks; brackets are 95 % intervals. Where it is missed, the recipe as written, by "
    "which the target was set, misses it on the same pairs: test parts of at most 300 rows and the seeds of the default "
    "network leave intervals this wide."
)

Plant = Callable[[Metric, NDArray[np.float64], NDArray[np.float64], float], NDArray[np.float64]]


def even(metric: Metric, labels: NDArray[np.float64], output: NDArray[np.float64], gain: float) -> NDArray[np.float64]:
    """The output with every error smaller by ``gain``."""
    if metric != "rmse":
        raise ValueError(f"expected a regression, as classes have no half errors; found {metric}")
    return labels + (1 - gain) * (output - labels)


def uneven(rng: np.random.Generator) -> Plant:
    """Plants a gain of expected size ``gain`` in rows that ``rng`` draws."""

    def plant(
        metric: Metric, labels: NDArray[np.float64], output: NDArray[np.float64], gain: float
    ) -> NDArray[np.float64]:
        lucky = rng.random(len(labels)) < (1 - (1 - gain) ** 2 if metric == "rmse" else gain)
        if metric == "roc_auc":
            # one class is enough: each pair has a row of it
            return np.where(lucky & (labels == 1), np.inf, output)
        if output.ndim == 2:
            return np.where(lucky[:, None], np.eye(output.shape[1])[labels.astype(np.int64)], output)
        return np.where(lucky, labels, output)

    return plant


def judged(tasks: Sequence[Arms], gain: float, plant: Plant) -> list[tuple[Verdict, bool]]:
    """The verdicts of one job with the gain planted in every task, and whether the recipe as written would find it."""
    comparisons = [
        compare(
            task.metric,
            task.labels,
            [plant(task.metric, task.labels, output, gain) for output in task.shared],
            task.alone,
        )
        for task in tasks
    ]
    known = moderated([comparison for comparison in comparisons if comparison is not None])
    found = [verdict for verdict in verdicts(comparisons) if verdict is not None]
    return [(v, v.gain > 0 and as_written(m) < 0.05) for v, m in zip(found, known, strict=True)]


def as_written(task: Moderated) -> float:
    """The p-value of METHODS.md D to the letter: s²_rows + c v′, the noise of the rows in both."""
    c = task.comparison
    seeds = task.seeds * (1 / c.shared + 1 / c.alone)
    variance = c.rows + seeds
    if variance == 0:
        return 1.0
    freedom = variance**2 / (c.rows**2 / (c.units - 1) + seeds**2 / (task.prior_freedom + c.freedom))
    return float(2 * student.sf(abs(c.theta) / variance**0.5, freedom))


class Planted:
    """What became of each gain under one way to plant it."""

    def __init__(self, name: str, repeats: int, jobs: Sequence[Sequence[Arms]], plant: Plant, *, draws: int) -> None:
        self.name, self._least = f"{_COUNTED[repeats]}, {name}", LEAST_FOUND[repeats]
        pairs = {
            gain: [pair for tasks in jobs for _ in range(draws if gain else 1) for pair in judged(tasks, gain, plant)]
            for gain in GAINS
        }
        self.found = {gain: [verdict for verdict, _ in own] for gain, own in pairs.items()}
        self.as_written = {gain: float(np.mean([hit for _, hit in own])) for gain, own in pairs.items()}

    def covered(self) -> list[bool]:
        return [v.interval[0] <= gain <= v.interval[1] for gain, own in self.found.items() for v in own]

    def power(self, gain: float) -> tuple[float, float, float]:
        """Before the correction over tasks."""
        return rate([v.p < 0.05 and v.gain > 0 for v in self.found[gain]])

    def figure(self) -> Figure:
        power = self.power(0.1)
        return Figure(f"gains of 10 % found, {self.name}", "%", *power, f"≥ {self._least:g}", power[0] >= self._least)

    def note(self) -> str:
        each = "; ".join(
            f"{100 * gain:.0f} %: covered {np.mean([v.interval[0] <= gain <= v.interval[1] for v in own]):.3f}, "
            f"found {self.power(gain)[0] / 100:.2f} ({np.mean([v.verdict == 'helped' for v in own]):.2f} after the correction)"
            for gain, own in self.found.items()
        )
        widths = [(v.interval[1] - v.interval[0]) / 2 for v in self.found[0.0]]
        written = ", ".join(f"{found:.2f}" for found in self.as_written.values())
        return (
            f"{self.name}: {len(self.found[0.0])} pairs, median half-width {np.median(widths):.3f}. {each}. "
            f"The recipe as written finds {written} of the same."
        )

    def samples(self) -> dict[str, list[float]]:
        """For each gain the estimates, then the lower ends of their intervals."""
        return {
            f"{self.name}, planted {gain:g}, {what}": [round(value, 4) for value in values]
            for gain, own in self.found.items()
            for what, values in (
                ("estimate", [v.gain for v in own]),
                ("lower end", [v.interval[0] for v in own]),
                ("upper end", [v.interval[1] for v in own]),
            )
        }


def planted(jobs: Sequence[Trained], repeats: int) -> list[Planted]:
    """Every way to plant a gain, in the jobs of so many repeats."""
    jobs = [job for job in jobs if job.repeats == repeats]
    trial = [job.tasks for job in jobs if job.table in TRIAL]
    regressions = [[task for task in job.tasks if task.metric == "rmse"] for job in jobs]
    ways = [
        Planted("even, all regressions", repeats, [tasks for tasks in regressions if tasks], even, draws=1),
        Planted(
            "uneven, all tasks", repeats, [job.tasks for job in jobs], uneven(np.random.default_rng(0)), draws=DRAWS
        ),
    ]
    if trial:
        ways.insert(0, Planted("even, the six tables of the trial", repeats, trial, even, draws=1))
    return ways


def main() -> None:
    jobs = trained(seed=1000)
    figures, notes = [], []
    samples: dict[str, list[float]] = {}
    for repeats in (SHARED, REPEATS):
        ways = planted(jobs, repeats)
        coverage = rate([hit for way in ways[-2:] for hit in way.covered()])
        what = f"planted gains inside the 95 % interval, {_COUNTED[repeats]}"
        figures.append(Figure(what, "%", *coverage, f"≥ {LEAST_COVERED:g}", coverage[0] >= LEAST_COVERED))
        figures += [way.figure() for way in ways]
        notes += [way.note() for way in ways]
        samples |= {name: values for way in ways for name, values in way.samples().items()}
    write(Record("h2", "is a gain of known size covered and found?", figures, samples, [*notes, _READING]))


if __name__ == "__main__":
    main()
