"""All tasks of a job as the result tells them."""

import pytest

from worker.training.result.summary import job_result, summary


def _entry(name, verdict, best=0.1, **rivals):
    return {
        "name": name,
        "metric": "rmse",
        "test": {"rmse": 0.6},
        "verdict": verdict,
        "gains": {"single_task": 0.02, "best": best},
        "baselines": {rival: {"rmse": value} for rival, value in rivals.items()},
    }


def test_the_summary_counts_verdicts_and_names_better_rivals():
    entries = [
        _entry("quality", "helped", best=-0.02, boosted_trees=0.5, linear=0.7),
        _entry("colour", "helped"),
        _entry("price", "inconclusive"),
    ]

    assert summary(entries) == (
        "Sharing helped 2 of 3 tasks and hurt none; 1 is inconclusive. Boosted trees are better on quality."
    )


def test_the_summary_says_when_nothing_could_be_judged():
    assert summary([_entry("quality", None)]).startswith("No task could be judged")


def test_better_rivals_are_named_also_where_nothing_could_be_judged():
    assert summary([_entry("quality", None, best=None, linear=0.0)]).endswith("A linear model is better on quality.")


def test_the_job_counts_every_verdict_and_averages_the_gains():
    result = job_result([_entry("a", "hurt"), _entry("b", None)], {}, sampled=None)

    assert result["counts"] == {"helped": 0, "neutral": 0, "hurt": 1, "inconclusive": 0, "none": 1}
    assert result["delta_m"] == pytest.approx(0.02)
