"""Labels as they are learned: tiny and huge ones, and the one that lies far outside."""

import json

import numpy as np
import pytest

from tests.worker.training import tables
from tests.worker.training.assignment import attempt, result_of
from worker.training.scale import Scale, standardised

SPEC = {
    "kind": "multitask",
    "tasks": [{"dataset": "ds_1", "target": "y"}, {"dataset": "ds_1", "target": "z"}],
    "network": {"name": "linear", "width": 4},
    "training": {"epochs": 40, "batch_size": 32, "learning_rate": 0.03},
    "split": {"column": "side"},
}


def table(path, *, unit=1.0, outlier=None):
    """y and z follow two features; ``outlier`` takes the place of the first validation row's y."""
    random = np.random.default_rng(0)
    x = random.normal(size=(200, 2))
    y = x @ [1.0, -2.0] + random.normal(scale=0.1, size=200)
    z = x @ [1.0, -1.5] + random.normal(scale=0.1, size=200)
    side = ["train"] * 120 + ["validation"] * 40 + ["test"] * 40
    y *= unit
    if outlier is not None:
        y[120] = outlier
    return tables.write(path, x1=x[:, 0].tolist(), x2=x[:, 1].tolist(), y=y.tolist(), z=z.tolist(), side=side)


@pytest.mark.parametrize("unit", [1e-300, 1e-170, 1.0, 1e150])
def test_labels_of_any_size_are_learned_as_standard_scores(unit):
    labels = unit * np.array([0.5, 1.0, 1.5])

    scale = Scale.of(labels)

    assert scale.forth(labels) == pytest.approx([-(1.5**0.5), 0.0, 1.5**0.5])
    assert scale.back(scale.forth(labels)) == pytest.approx(labels, rel=1e-12, abs=0.0)


def test_equal_labels_keep_their_unit_and_none_have_no_scale():
    assert Scale.of(np.full(7, 0.1)) == Scale(0.1, 1.0)
    assert Scale.of(np.empty(0)) == Scale(0.0, 1.0)


def test_a_value_far_outside_is_clipped_and_a_missing_one_stays_missing():
    found = standardised(np.array([2.0, 1e150, -1e150, np.nan]), 1.0, 1e-170 * np.ones(4))

    assert found[:3].tolist() == [1e4, 1e4, -1e4]
    assert np.isnan(found[3])


@pytest.mark.parametrize("outlier", [1e25, 1e150])
def test_one_outlier_in_a_validation_row_spoils_neither_the_model_nor_its_rivals(tmp_path, outlier):
    ended, work, _ = attempt(tmp_path, SPEC, table(tmp_path / "odd.parquet", outlier=outlier))

    assert ended["outcome"] == "succeeded"
    y = result_of(work)["tasks"][0]
    assert y["test"]["r2"] > 0.8
    trivial = y["baselines"]["trivial"]["rmse"]
    for rival in ("linear", "boosted_trees", "single_task", "one_model_linear", "one_model_trees"):
        assert y["baselines"][rival]["rmse"] < 0.7 * trivial


def test_tiny_targets_are_learned_like_any(tmp_path):
    tiny, plain = (
        result_of(attempt(folder, SPEC, table(folder / "table.parquet", unit=unit))[1])
        for unit, folder in ((2.0**-600, tmp_path / "tiny"), (1.0, tmp_path / "plain"))
        if not folder.mkdir()
    )

    for own, other in zip(tiny["tasks"], plain["tasks"], strict=True):
        assert own["test"]["r2"] == pytest.approx(other["test"]["r2"], rel=1e-3)
        assert own["gains"]["single_task"] == pytest.approx(other["gains"]["single_task"], abs=1e-3)
    assert tiny["result"]["pooled"]["regression"]["rmse"] == pytest.approx(
        plain["result"]["pooled"]["regression"]["rmse"], rel=1e-3
    )
    assert json.dumps(tiny, allow_nan=False)
