"""H1: how often is the same training under other seeds called ``helped`` or ``hurt``?"""

from collections import defaultdict

from scipy.stats import norm

from benchmarks.harness import Figure, Record, write
from benchmarks.verdict_pairs import SHARED, Trained, rate, trained
from learning.verdict import Comparison, Verdict, compare, verdicts

MOST = 5.0


def judged(job: Trained) -> list[tuple[Comparison, Verdict]]:
    """The comparisons that can be made of one job, with their verdicts."""
    comparisons = [compare(task.metric, task.labels, task.shared, task.alone) for task in job.tasks]
    pairs = zip(comparisons, verdicts(comparisons), strict=True)
    return [(comparison, verdict) for comparison, verdict in pairs if comparison is not None and verdict is not None]


def by_rows_alone(comparison: Comparison) -> bool:
    """Whether a reader who sees the test rows and forgets the seeds would find a difference."""
    return bool(comparison.rows > 0 and norm.sf(abs(comparison.theta) / comparison.rows**0.5) < 0.025)


def main() -> None:
    found: dict[str, list[tuple[Comparison, Verdict]]] = defaultdict(list)
    jobs, asked = 0, 0
    for job in (job for job in trained(seed=0) if job.repeats == SHARED):
        found[job.table] += judged(job)
        jobs, asked = jobs + 1, asked + len(job.tasks)
    every = [pair for pairs in found.values() for pair in pairs]
    after = rate([verdict.verdict in ("helped", "hurt") for _, verdict in every])
    before = rate([verdict.p < 0.05 for _, verdict in every])
    rows = rate([by_rows_alone(comparison) for comparison, _ in every])
    figures = [
        Figure("equal trainings called helped or hurt", "%", *after, f"≤ {MOST:g}", after[0] <= MOST),
        Figure("p < 0.05, before the correction over tasks", "%", *before, f"≤ {MOST:g}", before[0] <= MOST),
    ]
    tables = ", ".join(
        f"{table} {sum(v.verdict in ('helped', 'hurt') for _, v in pairs)}/{len(pairs)}"
        for table, pairs in found.items()
    )
    notes = [
        f"{len(every)} pairs of {jobs} jobs on {len(found)} tables; {asked - len(every)} more could not be compared; "
        "brackets are 95 % intervals.",
        f"By test rows alone, seeds forgotten, {rows[0]:.0f} % of the same pairs would be called different.",
        f"False verdicts by table: {tables}.",
    ]
    samples = {f"p, {table}": [round(verdict.p, 5) for _, verdict in pairs] for table, pairs in found.items()}
    write(Record("h1", "is the same training, twice, told apart?", figures, samples, notes))


if __name__ == "__main__":
    main()
