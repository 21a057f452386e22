"""What a model cannot do, and what its record does not say: sentences that follow from the record alone."""

from collections.abc import Iterator, Mapping
from typing import Any

from app.cards.schemas import CardDataset, CardJob, CardTask
from app.models.schemas import Model

ALWAYS = (
    "What the rows stand for, how they were collected, and for whom the answers are right or fair is not recorded: "
    "the figures say nothing of it."
)

LEARNED = {
    "meta": "meta-training",
    "multitask": "learning the tasks together",
    "transfer": "starting from the source",
}
"""What a verdict is about, by the kind of model."""


def judged_against(kind: str) -> str:
    """The rival that a model's verdicts are against."""
    return {
        "meta": "training from scratch on each support",
        "transfer": "training from scratch",
    }.get(kind, "training each task alone")


def limits(
    model: Model,
    job: CardJob | None,
    *,
    tasks: list[CardTask],
    counts: Mapping[str, int] | None,
    data: list[CardDataset],
    grouped: bool,
) -> list[str]:
    """The sentences, those about the answers first."""
    return [
        *_of_answers(model, grouped=grouped),
        *_of_record(job, data),
        *_of_figures(model.kind, tasks, counts, folds=_folds(job)),
        ALWAYS,
    ]


def _of_answers(model: Model, *, grouped: bool) -> Iterator[str]:
    if any(column.type == "category" for column in model.inputs):
        yield "A category that training did not see is answered as an unknown one, with the warning unseen-category."
    if grouped:
        yield "A group that training did not see is answered by the mean of all groups, with the warning unseen-group."


def _of_record(job: CardJob | None, data: list[CardDataset]) -> Iterator[str]:
    if job is None:
        yield "No job of this installation made it: data, spec, environment and verdicts are not on record here."
        return
    if job.status == "cancelled":
        yield "Its training was cancelled: this is the best state until then."
    gone = sum(one.deleted for one in data)
    if gone:
        yield f"Of the data it learned from, {gone} of {len(data)} deleted: only name and hash are left."


def _folds(job: CardJob | None) -> int | None:
    split = job.spec.get("split") if job else None
    return split.get("folds") if isinstance(split, dict) else None


def _of_figures(
    kind: str, tasks: list[CardTask], counts: Mapping[str, int] | None, *, folds: int | None
) -> Iterator[str]:
    judged = [one.result for one in tasks if one.result is not None]
    if not judged:
        if not any(one.task.metrics for one in tasks):
            yield "No figures of test rows are on record."
        return
    if folds:
        yield (
            f"Figures are of {folds} models of the same kind, each asked the rows that it had not learned from; this model "
            "has learned from all rows and was asked none. On other data it can be worse."
        )
    else:
        yield "Figures are of test rows that its data and split give; on other data it can be worse."
    if not any(result.get("baselines") for result in judged):
        yield f"No rivals were trained: whether {LEARNED.get(kind, LEARNED['multitask'])} helped is not known."
    rival = judged_against(kind)
    for verdict, meaning in (
        ("hurt", f"are answered better by {rival}"),
        ("inconclusive", f"got no clear verdict: the difference to {rival} may be chance"),
        ("none", f"could not be judged: too few test rows, or no rival by {rival}"),
    ):
        count = (counts or {}).get(verdict, 0)
        if count:
            yield f"Tasks that {meaning}: {count} of {sum((counts or {}).values())}."
    beaten = sum(_beaten(result) for result in judged)
    if beaten:
        yield f"Tasks on which some rival is better than this model: {beaten} of the {len(judged)} shown here."


def _beaten(result: Mapping[str, Any]) -> bool:
    best = (result.get("gains") or {}).get("best")
    return best is not None and best < 0
