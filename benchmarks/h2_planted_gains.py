"""H2: does the 95 % interval cover a gain of known size, and is a gain of 10 % found?

A gain is planted by answering a random share of one arm's test rows perfectly: in expectation that takes the same
share off its error rate, its 1 − auc or its squared error. So the gain differs from row to row, as real ones do.
"""

import numpy as np
from numpy.typing import NDArray

from benchmarks.harness import Figure, Record, write
from benchmarks.verdict_pairs import Arms, rate, trained
from learning.tasks import Metric
from learning.verdict import Verdict, compare, verdicts

GAINS = (0.0, 0.05, 0.1, 0.2)
DRAWS = 3
LEAST_COVERED, LEAST_FOUND = 93.0, 50.0


def planted(
    metric: Metric, labels: NDArray[np.float64], output: NDArray[np.float64], gain: float, rng: np.random.Generator
) -> NDArray[np.float64]:
    """The output with a gain of expected size ``gain``."""
    share = 1 - (1 - gain) ** 2 if metric == "rmse" else gain
    lucky = rng.random(len(labels)) < share
    if metric == "rmse":
        return np.where(lucky, labels, output)
    if metric == "roc_auc":
        # one class is enough: each pair has a row of it
        return np.where(lucky & (labels == 1), np.inf, output)
    if output.ndim == 1:
        return np.where(lucky, labels, output)
    return np.where(lucky[:, None], np.eye(output.shape[1])[labels.astype(np.int64)], output)


def judged(tasks: list[Arms], gain: float, rng: np.random.Generator) -> list[Verdict]:
    """The verdicts of one job with the gain planted in every task."""
    comparisons = [
        compare(
            task.metric,
            task.labels,
            [planted(task.metric, task.labels, output, gain, rng) for output in task.shared],
            task.alone,
        )
        for task in tasks
    ]
    return [verdict for verdict in verdicts(comparisons) if verdict is not None]


def main() -> None:
    rng = np.random.default_rng(0)
    jobs = trained(seed=1000)
    found = {
        gain: [v for job in jobs for _ in range(DRAWS if gain else 1) for v in judged(list(job.tasks), gain, rng)]
        for gain in GAINS
    }
    covered = {gain: [v.interval[0] <= gain <= v.interval[1] for v in own] for gain, own in found.items()}
    power = {gain: rate([v.p < 0.05 and v.gain > 0 for v in own]) for gain, own in found.items()}
    corrected = {gain: rate([v.verdict == "helped" for v in own]) for gain, own in found.items()}
    coverage = rate([hit for own in covered.values() for hit in own])
    figures = [
        Figure(
            "planted gains inside the 95 % interval",
            "%",
            *coverage,
            f"≥ {LEAST_COVERED:g}",
            coverage[0] >= LEAST_COVERED,
        ),
        Figure("gains of 10 % found, one repeat", "%", *power[0.1], f"≥ {LEAST_FOUND:g}", power[0.1][0] >= LEAST_FOUND),
    ]
    widths = [(v.interval[1] - v.interval[0]) / 2 for v in found[0.0]]
    each = "; ".join(
        f"{100 * gain:.0f} %: covered {rate(covered[gain])[0]:.1f} %, found {power[gain][0]:.0f} % "
        f"({corrected[gain][0]:.0f} % after the correction)"
        for gain in GAINS
    )
    notes = [
        f"{len(found[0.0])} pairs, {DRAWS} draws of each planted gain; power is before the correction over tasks; "
        "brackets are 95 % intervals.",
        f"By planted gain: {each}.",
        f"Half-width of the interval, median: {np.median(widths):.3f}.",
    ]
    samples = {f"estimate at {gain:g}": [round(v.gain, 4) for v in own] for gain, own in found.items()}
    samples |= {f"lower end at {gain:g}": [round(v.interval[0], 4) for v in own] for gain, own in found.items()}
    samples |= {f"upper end at {gain:g}": [round(v.interval[1], 4) for v in own] for gain, own in found.items()}
    write(Record("h2", "is a gain of known size covered and found?", figures, samples, notes))


if __name__ == "__main__":
    main()
