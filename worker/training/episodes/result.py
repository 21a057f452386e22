"""What a meta job says: for each protocol the figures before and after adapting, its rivals, and a verdict."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from learning.episodes import MetaPlan
from learning.metrics import Metrics
from learning.verdict.episodes import (
    EpisodeVerdict,
    Pairing,
    by_unit,
    episode_verdicts,
    interval_of_mean,
    of_rates,
    of_roots,
)
from worker.training.episodes.evaluation import Measured
from worker.training.result.summary import VERDICTS

Floats = NDArray[np.float64]

FROM_SCRATCH = "from_scratch"
#: Of standard deviations of the target: an rmse below it is rounding.
_RMSE_FLOOR = 1e-6


def figures(losses: Floats, *, regression: bool) -> Metrics:
    """The metrics of an arm from its losses ``[n]``; None where adapting left the finite numbers."""
    mean = float(losses.mean())
    if not np.isfinite(mean):
        return {"rmse": None, "mse": None} if regression else {"accuracy": None}
    return {"rmse": float(np.sqrt(mean)), "mse": mean} if regression else {"accuracy": 1.0 - mean}


def margins(losses: Floats, *, regression: bool) -> Metrics:
    """How far the 95 % interval of each metric goes to either side: of the rmse by d√m = dm / 2√m; None where unknown."""
    reach = interval_of_mean(losses) if np.isfinite(losses).all() else None
    if reach is None:
        return {"rmse": None, "mse": None} if regression else {"accuracy": None}
    mean = float(losses.mean())
    if not regression:
        return {"accuracy": reach}
    return {"rmse": reach / (2 * np.sqrt(mean)) if mean > 0 else 0.0, "mse": reach}


def entries(plan: MetaPlan, found: Sequence[Measured], *, deviation: float) -> list[dict[str, Any]]:
    """One entry for each protocol, in the form of a task's.

    Args:
        deviation: of the target in training, the unit in which an error counts as rounding.
    """
    regression = plan.question == "regression"
    pairings = [
        _pairing(own, own.rivals[FROM_SCRATCH], regression, deviation) if FROM_SCRATCH in own.rivals else None
        for own in found
    ]
    return [
        _entry(plan, own, verdict, regression, deviation)
        for own, verdict in zip(found, episode_verdicts(pairings), strict=True)
    ]


def _pairing(own: Measured, rival: Floats, regression: bool, deviation: float) -> Pairing | None:
    """The model beside a rival on the episodes that the rival answered, by unit."""
    count = len(rival)
    unit = own.drawn.unit[:count]
    ours, theirs = by_unit(own.after[:count], unit), by_unit(rival, unit)
    if regression:
        return of_roots(ours, theirs, floor=(_RMSE_FLOOR * deviation) ** 2)
    return of_rates(ours, theirs, queries=own.drawn.query[:count].size)


def _entry(
    plan: MetaPlan, own: Measured, verdict: EpisodeVerdict | None, regression: bool, deviation: float
) -> dict[str, Any]:
    unit = own.drawn.unit
    after = by_unit(own.after, unit)
    metric = "rmse" if regression else "accuracy"
    rivals = dict(own.rivals) if own.before is None else {"no_adaptation": own.before, **own.rivals}
    gains = {name: _gain(own, losses, regression, deviation) for name, losses in rivals.items()}
    if verdict is not None:
        gains[FROM_SCRATCH] = verdict.gain
    known = [gain for gain in gains.values() if gain is not None]
    steps = {
        str(count): {
            **figures(by_unit(losses, unit), regression=regression),
            "margin": margins(by_unit(losses, unit), regression=regression),
        }
        for count, losses in own.steps.items()
    }
    return {
        "name": own.name,
        "type": plan.type,
        "protocol": own.protocol.model_dump(mode="json"),
        "rows": {"support": own.drawn.support.shape[1], "query": own.drawn.query.shape[1]},
        "episodes": len(own.drawn),
        "tasks": len(after) if plan.spec.episodes is None else None,
        "metric": metric,
        "test": figures(after, regression=regression),
        "margin": margins(after, regression=regression),
        "before": None if own.before is None else figures(by_unit(own.before, unit), regression=regression),
        "steps": steps,
        "baselines": {
            name: figures(by_unit(losses, unit[: len(losses)]), regression=regression)
            for name, losses in rivals.items()
        },
        "baseline_episodes": {name: len(losses) for name, losses in own.rivals.items()},
        "gains": {**gains, "best": min(known) if known and len(known) == len(gains) else None},
        "interval": None if verdict is None else list(verdict.interval),
        "verdict": None if verdict is None else verdict.verdict,
    }


def _gain(own: Measured, rival: Floats, regression: bool, deviation: float) -> float | None:
    """The relative reduction of the primary loss over the episodes that both answered."""
    found = _pairing(own, rival, regression, deviation)
    return None if found is None else float(-np.expm1(-found.theta))


def meta_result(told: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The job's own result, without its protocols."""
    counted = Counter(entry["verdict"] for entry in told)
    against = [entry["gains"][FROM_SCRATCH] for entry in told if entry["gains"].get(FROM_SCRATCH) is not None]
    return {
        "delta_m": float(np.mean(against)) if against else None,
        "counts": {verdict: counted[verdict] for verdict in VERDICTS} | {"none": counted[None]},
        "summary": " ".join(_sentence(entry) for entry in told),
    }


_RIVALS = {
    "no_adaptation": "without adapting",
    "ridge": "by ridge regression on the support",
    "nearest_centroid": "by the nearest centroid of the support",
    FROM_SCRATCH: "by the network trained from scratch on the support",
}
_CALLS = {
    "helped": "Meta-training helped.",
    "hurt": "Meta-training hurt.",
    "neutral": "Meta-training made no difference.",
    "inconclusive": "Whether meta-training helped is inconclusive.",
}


def _sentence(entry: Mapping[str, Any]) -> str:
    metric = "mse" if "mse" in entry["test"] else "accuracy"
    figure, reach = entry["test"][metric], entry["margin"][metric]
    beside = [f"{_number(metric, rival[metric])} {_RIVALS[name]}" for name, rival in entry["baselines"].items()]
    margin = "" if reach is None else f" ± {_number(metric, reach)}"
    words = f"{entry['name']}: {_WORDS[metric]} {_number(metric, figure)}{margin} after adapting"
    told = f"{words}, {', '.join(beside)}." if beside else f"{words}."
    return f"{told} {_CALLS[entry['verdict']]}" if entry["verdict"] else told


_WORDS = {"mse": "mean squared error", "accuracy": "accuracy"}


def _number(metric: str, value: float | None) -> str:
    if value is None:
        return "beyond the numbers"
    return f"{value:.1%}" if metric == "accuracy" else f"{value:.3g}"


def points(found: Sequence[Measured], *, regression: bool) -> list[dict[str, Any]]:
    """The score of every episode as a point of a series: ``evaluation/0/accuracy``, and before adapting where it is known."""
    metric, told = "mse" if regression else "accuracy", []
    for index, own in enumerate(found):
        series = {f"evaluation/{index}/{metric}": own.after}
        if own.before is not None:
            series[f"evaluation/{index}/before/{metric}"] = own.before
        for name, losses in series.items():
            values = losses if regression else 1.0 - losses
            told += [{"name": name, "task": None, "step": at, "value": float(v)} for at, v in enumerate(values)]
    return told
