"""What the benchmarks share, and that the README shows what they wrote."""

import numpy as np
import pytest
import torch

from benchmarks import accept_school, acceptance, meta_loop, recipe, t1_maml_tasks, table
from benchmarks.harness import figure, judged, ratios, take_turns
from worker.training.episodes.sampler import TRAINING, stream


def test_the_readme_shows_the_figures_as_they_were_recorded():
    shown = table.README.read_text(encoding="utf-8").split(table.BEGIN)[1].split(table.END)[0]
    found = table.documents()
    assert shown.strip() == table.table(found).strip()
    assert table.NOTES.read_text(encoding="utf-8") == table.notes(found)


def test_the_recipe_that_is_timed_is_the_one_that_a_child_runs(tmp_path):
    columns = {"x": [float(i) for i in range(40)], "y": [float(2 * i % 7) for i in range(40)]}
    path = recipe.canonical(columns, tmp_path / "table.parquet")
    spec = {"kind": "multitask", "tasks": [{"dataset": recipe.DATASET, "target": "y"}], "baselines": False}

    told = recipe.train({**spec, "training": {"epochs": 2}}, path)

    assert [task["name"] for task in told["tasks"]] == ["y"]


def test_the_loop_by_hand_takes_the_steps_that_the_recipe_takes(tmp_path):
    path = recipe.canonical(t1_maml_tasks.waves(), tmp_path / "waves.parquet")
    rows = meta_loop.prepared(t1_maml_tasks.spec(3, 2), path)
    assert rows.plan.train is not None
    assert meta_loop.by_recipe(rows) > 0
    assert meta_loop.by_steps(rows, iterations=2) > 0

    ours, theirs = meta_loop.built(rows), meta_loop.built(rows)
    random = stream(0, TRAINING, 0)
    episodes = rows.episodes(rows.draw(rows.plan.train, 3, rows.plan.training, random, training=True))
    rows.plan.spec.method.add_gradient(ours, episodes, ways=1)
    tasks = zip(*(tensor for part in (episodes.support, episodes.query) for tensor in part.tensors), strict=True)

    class Whole(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.learner = theirs

        def forward(self, x):
            return self.learner(x, torch.zeros(len(x), 0, dtype=torch.long)).squeeze(-1)

    drawn = ((x, y, x_query, y_query) for x, _, y, x_query, _, y_query in tasks)
    meta_loop.by_hand(
        Whole(), lambda: next(drawn), torch.nn.functional.mse_loss, iterations=1, tasks=3, inner_rate=t1_maml_tasks.RATE
    )
    for one, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert one.grad is not None
        torch.testing.assert_close(one.grad, other.grad, rtol=1e-4, atol=1e-5)


def test_sides_take_turns_in_alternating_order_after_a_warm_up():
    order = []

    def side(name):
        order.append(name)
        return float(len(order))

    sides = {"a": lambda: side("a"), "b": lambda: side("b")}
    samples = take_turns(sides, rounds=3, warmups=1)
    assert order == ["a", "b", "a", "b", "b", "a", "a", "b"]
    assert samples == {"a": [3.0, 6.0, 7.0], "b": [4.0, 5.0, 8.0]}


def test_a_ratio_is_taken_within_its_round():
    assert ratios([2.0, 30.0], [1.0, 10.0]) == [2.0, 3.0]


@pytest.mark.parametrize(
    ("bounds", "met"), [({"most": 1.2}, True), ({"most": 1.0}, False), ({"least": 1.1}, True), ({"least": 3}, False)]
)
def test_a_figure_says_whether_its_median_keeps_to_the_bound(bounds, met):
    made = figure("ratio", [0.9, 1.1, 1.3], **bounds)
    assert (made.median, made.met) == (1.1, met)
    assert made.low < made.median < made.high


def test_a_figure_without_a_bound_is_neither_reached_nor_missed():
    assert figure("seconds", [1.0, 2.0, 3.0]).met is None
    assert judged(figure("seconds", [1.0, 2.0, 3.0])) == ""
    assert judged(figure("ratio", [1.0, 2.0, 3.0], most=1)) == "; to reach ≤ 1 ×: MISSED"


def test_a_mean_has_the_interval_of_its_values_and_keeps_to_its_bound():
    made = acceptance.mean("error", [0.3, 0.4, 0.5], most=0.4)
    reach = 1.96 * 0.1 / 3**0.5
    assert (made.median, made.low, made.high) == pytest.approx((0.4, 0.4 - reach, 0.4 + reach))
    assert (made.reach, made.met) == ("≤ 0.4", True)
    assert acceptance.mean("error", [0.3, 0.4, 0.6], most=0.4).met is False
    assert acceptance.known("accuracy", 97.0, 0.2, least=97.5).met is False
    assert acceptance.known("accuracy", 97.0, 0.2).met is None


def test_an_acceptance_run_without_its_data_is_left_out_and_says_so(monkeypatch, capsys, tmp_path):
    monkeypatch.delenv("TASKGRAFT_DATA", raising=False)
    accept_school.main()
    assert "left out: needs TASKGRAFT_DATA, a folder with school.csv" in capsys.readouterr().out
    monkeypatch.setenv("TASKGRAFT_DATA", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="expected school.csv"):
        accept_school.main()


def test_arrays_of_a_file_are_read_and_none_is_unpickled(tmp_path):
    np.savez(tmp_path / "plain.npz", x=np.arange(3))
    assert acceptance.arrays(tmp_path / "plain.npz")["x"].tolist() == [0, 1, 2]
    np.savez(tmp_path / "objects.npz", x=np.array([{}]))
    with pytest.raises(ValueError, match="allow_pickle"):
        acceptance.arrays(tmp_path / "objects.npz")


def test_each_school_gives_its_share_of_pupils_to_training():
    school = np.repeat([f"s{i}" for i in range(10)], 40)
    side = accept_school.split(school, 0.75, seed=0)
    assert {one: int((side[school == one] != "test").sum()) for one in np.unique(school)} == {
        f"s{i}": 30 for i in range(10)
    }
    assert (side == "validation").sum() == 15
