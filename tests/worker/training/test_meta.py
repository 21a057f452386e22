"""One attempt at meta-training: from episodes to a stored learner, whatever interrupts it."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from learning.episodes import plan_meta
from learning.learner import learner_of
from learning.meta.base import Rows, answers
from learning.model import load_model
from learning.specs import parse_spec
from learning.tables import Table
from tests.worker.training import tables
from tests.worker.training.assignment import attempt, result_of
from tests.worker.training.recorder import Recorder
from worker.training.checkpoint import TrainingState
from worker.training.episodes.evaluation import drawn_for, losses_of
from worker.training.episodes.fitting import advance, rate, round_length
from worker.training.episodes.material import material, turns
from worker.training.episodes.rivals import SLOW_SCRATCH_STEPS, from_scratch

TRAINING = {"iterations": 80, "tasks_per_batch": 8, "learning_rate": 0.01, "validate_every": 20}
NETWORK = {"name": "mlp", "widths": [16], "dropout": 0.1}


def spec(**fields):
    return {
        "kind": "meta",
        "tasks": {"dataset": "ds_1", "group_by": ["wave"], "targets": [{"target": "y"}]},
        "shots": 5,
        "network": NETWORK,
        "method": {"name": "maml", "inner_rate": 0.05},
        "training": TRAINING,
        "evaluation": [{"episodes": 20}],
        "baselines": False,
        **fields,
    }


def letters(**fields):
    own = {"dataset": "ds_1", "target": "letter", "ways": 3, "shots": 1, "queries": 3}
    body = {name: value for name, value in spec(**fields).items() if name not in ("tasks", "shots")}
    return body | {"episodes": own | fields.pop("episodes", {}), "method": fields.get("method", {"name": "protonet"})}


@pytest.fixture(scope="module")
def waves(tmp_path_factory):
    """Sixty waves of ten points, in units of a thousand, and a number that says nothing."""
    random = np.random.default_rng(0)
    a, x = random.uniform(0.5, 3, (60, 1)), random.uniform(-3, 3, (60, 10))
    y = 1000 * a * np.sin(x)
    path = tmp_path_factory.mktemp("waves") / "waves.parquet"
    wave = [f"w{i // 10:02}" for i in range(600)]
    return tables.write(path, wave=wave, x=x.ravel().tolist(), y=y.ravel().tolist())


@pytest.fixture(scope="module")
def alphabet(tmp_path_factory):
    """Twenty letters of six rows, each around a place of its own."""
    random = np.random.default_rng(0)
    places = np.repeat(random.normal(0, 3, (20, 4)), 6, axis=0) + random.normal(0, 0.2, (120, 4))
    path = tmp_path_factory.mktemp("letters") / "letters.parquet"
    letter = [chr(97 + i // 6) for i in range(120)]
    return tables.write(path, letter=letter, **{f"p{j}": places[:, j].tolist() for j in range(4)})


def weights(work):
    return stored(work).tensors


def stored(work):
    return load_model(work / "model.safetensors")


def planned(body, tables):
    return plan_meta(read(body), tables)


def read(body):
    return parse_spec(body)


def equal(one, other):
    return one.keys() == other.keys() and all(one[name].tobytes() == other[name].tobytes() for name in one)


def test_the_same_job_gives_the_same_bytes(tmp_path, waves):
    works = [attempt(tmp_path, spec(), waves, number=number)[1] for number in (1, 2)]
    assert (works[0] / "model.safetensors").read_bytes() == (works[1] / "model.safetensors").read_bytes()


@pytest.mark.parametrize("method", ["maml", "reptile", "protonet"])
def test_a_resumed_run_is_the_uninterrupted_one_bit_for_bit(tmp_path, alphabet, method):
    whole = attempt(tmp_path, letters(method={"name": method}, split={"validation": 0.2, "test": 0.2}), alphabet)[1]
    again = tmp_path / "again"
    again.mkdir()
    body = letters(method={"name": method}, split={"validation": 0.2, "test": 0.2})
    told = Recorder(reason="preempt", stop_at=67)  # asked twice an iteration: in the middle of a round
    ended, _, told = attempt(again, body, alphabet, channel=told)
    assert ended == {"outcome": "preempted"}
    (step, path, _), *more = told.checkpoints
    assert not more
    assert 0 < step < 80
    assert step % 20
    _, work, told = attempt(again, body, alphabet, number=2, checkpoints=[path])
    assert told.resumptions == [step]
    assert equal(weights(whole), weights(work))
    rounds = [point for point in told.points if point["name"] == "train/loss"]
    assert [point["step"] for point in rounds] == [at for at in (20, 40, 60, 80) if at > step]


def test_a_cancelled_run_leaves_nothing_and_one_that_keeps_its_best_leaves_a_model(tmp_path, waves):
    ended, work, _ = attempt(tmp_path, spec(), waves, channel=Recorder(reason="cancel", stop_at=90))
    assert ended == {"outcome": "cancelled"}
    assert not [*work.iterdir()]
    told = Recorder(reason="keep_best", stop_at=90)
    ended, work, _ = attempt(tmp_path, spec(baselines=True), waves, number=2, channel=told)
    assert (ended["outcome"], ended["files"]["model"]) == ("cancelled", "model.safetensors")
    assert result_of(work)["tasks"][0]["baselines"].keys() == {"no_adaptation"}
    ended, _, _ = attempt(tmp_path, spec(), waves, number=3, channel=Recorder(reason="keep_best", stop_at=3))
    assert ended == {"outcome": "cancelled"}


def test_time_that_is_up_ends_the_training_and_keeps_the_best(tmp_path, waves):
    training = TRAINING | {"iterations": 10**6, "max_seconds": 0.3}
    ended, work, channel = attempt(tmp_path, spec(training=training), waves)
    assert ended["outcome"] == "succeeded"
    assert 0 < channel.reports[-1]["step"] < 10**6
    rounds = [point["step"] for point in channel.points if point["name"] == "validation/loss"]
    assert rounds[-1] == channel.reports[-1]["step"]
    assert result_of(work)["tasks"][0]["test"]["mse"] > 0


def test_a_loss_that_leaves_the_numbers_fails_the_job(tmp_path, waves):
    method = {"name": "maml", "inner_rate": 100.0, "inner_steps": 20}
    ended, _, _ = attempt(tmp_path, spec(method=method), waves)
    assert ended["error"]["code"] == "training-diverged"


def test_figures_of_a_regression_are_in_the_targets_own_units_and_of_the_stored_bytes(tmp_path, waves):
    _, work, channel = attempt(tmp_path, spec(evaluation=[{"episodes": 9}]), waves)
    model = stored(work)
    table = Table("ds_1", waves)
    plan = planned(spec(evaluation=[{"episodes": 9}]), {"ds_1": table})
    rows = material(plan, {"ds_1": table}, torch.device("cpu"))
    drawn, learner, method = drawn_for(rows, 0), learner_of(model), rows.plan.spec.method
    x, y = (np.array(table.read([name]).column(0)) for name in ("x", "y"))
    header, errors = model.header, []
    encoding = header.encoding.columns[0]
    for support, query in zip(drawn.support, drawn.query, strict=True):

        def as_read(at):
            return torch.tensor((x[at] - encoding.mean) / encoding.scale, dtype=torch.float32)[None, :, None]

        none = torch.zeros(1, 5, 0, dtype=torch.int64)
        labels = torch.tensor((y[support] - header.mean) / header.deviation, dtype=torch.float32)[None]
        adapted = method.adapt(learner, Rows(as_read(support), none, labels), ways=1)
        found = answers(learner, adapted, Rows(as_read(query), none, labels))[0, :, 0].detach().numpy()
        errors.append(np.mean((found * header.deviation + header.mean - y[query]) ** 2))
    told = result_of(work)["tasks"][0]
    assert told["test"]["mse"] == pytest.approx(np.mean(errors), rel=1e-4)
    series = [point["value"] for point in channel.points if point["name"] == "evaluation/0/mse"]
    np.testing.assert_allclose(series, errors, rtol=1e-3)
    assert told["margin"]["mse"] == pytest.approx(
        2.306 * np.std(errors, ddof=1) / 3, rel=1e-3
    )  # Student's t, 8 degrees
    assert told["tasks"] == told["episodes"] == 9


def test_what_is_fitted_is_fitted_on_the_tasks_of_training_alone(tmp_path, waves):
    table = Table("ds_1", waves)
    plan = planned(spec(), {"ds_1": table})
    rows = material(plan, {"ds_1": table}, torch.device("cpu"))
    wave, x, y = (np.array(table.read([name]).column(0)) for name in ("wave", "x", "y"))
    names = [plan.units.names[unit].removeprefix("wave=") for unit in plan.train.units]
    train = np.isin(wave, names)
    assert 0 < train.sum() < len(x)
    assert rows.encoding.columns[0].mean == pytest.approx(x[train].mean())
    assert rows.scale.mean == pytest.approx(y[train].mean())
    assert rows.scale.deviation == pytest.approx(y[train].std())


def test_the_rivals_see_the_same_episodes(tmp_path, alphabet):
    _, work, _ = attempt(tmp_path, letters(baselines=True), alphabet)
    told = result_of(work)["tasks"][0]
    assert told["baselines"].keys() == {"nearest_centroid", "from_scratch"}
    assert told["baselines"]["nearest_centroid"]["accuracy"] > 0.95
    assert told["baseline_episodes"] == {"nearest_centroid": 20, "from_scratch": 20}
    assert told["gains"].keys() == {"nearest_centroid", "from_scratch", "best"}


def test_a_classification_of_tasks_has_the_classes_of_all_of_them(tmp_path):
    random = np.random.default_rng(0)
    x = random.normal(size=600)
    flip = np.repeat(random.integers(0, 2, 50), 12)
    hot = ["yes" if (value > 0) != turned else "no" for value, turned in zip(x, flip.astype(bool), strict=True)]
    table = tables.write(tmp_path / "t.parquet", job=[f"j{i // 12}" for i in range(600)], x=x.tolist(), hot=hot)
    own = {"dataset": "ds_1", "group_by": ["job"], "targets": [{"target": "hot"}]}
    body = spec(tasks=own, method={"name": "maml", "inner_rate": 0.5})
    _, work, _ = attempt(tmp_path, body, table)
    header = stored(work).header
    assert (header.type, header.classes, header.ways, header.episodes) == ("binary", ("no", "yes"), 2, False)
    assert result_of(work)["model"]["tasks"][0]["classes"] == ["no", "yes"]


def test_a_quarter_turn_moves_pixels_and_nothing_else():
    image = np.arange(18).reshape(2, 3, 3)
    row = np.concatenate([image.ravel(), [100, 101]])
    for quarter, places in enumerate(turns((2, 3, 3), 20)):
        turned = row[places]
        assert (turned[:18].reshape(2, 3, 3) == np.rot90(image, quarter, axes=(1, 2))).all()
        assert turned[18:].tolist() == [100, 101]


def test_training_ends_by_iterations_patience_or_time():
    training = read(spec(training=TRAINING | {"patience": 2, "max_seconds": 9.0})).training
    begun = TrainingState(step=20)
    first = advance(begun, 1.0, training, elapsed=1.0)
    assert (first.epoch, first.best_epoch, first.best_loss, first.finished) == (1, 1, 1.0, False)
    second = advance(first, 1.5, training, elapsed=2.0)
    assert not second.finished
    assert advance(second, 1.2, training, elapsed=3.0).finished
    assert not advance(second, 0.9, training, elapsed=3.0).finished
    late = advance(first, 0.5, training, elapsed=9.0)
    assert (late.finished, late.out_of_time) == (True, True)
    assert advance(TrainingState(step=80), 1.0, training, elapsed=1.0).finished


def test_the_rate_and_the_rounds_are_functions_of_the_iteration():
    training = read(spec(training={"iterations": 100, "learning_rate": 1.0, "schedule": "cosine"})).training
    assert [round(rate(training, at), 3) for at in (0, 50, 100)] == [1.0, 0.5, 0.0]
    assert round_length(training) == 20
    assert round_length(read(spec(training={"iterations": 50_000})).training) == 1000
    assert round_length(read(spec(training={"iterations": 7})).training) == 7


@pytest.mark.parametrize("part", ["tasks", "episodes"])
def test_a_checkpoint_that_cannot_be_read_is_no_obstacle(tmp_path, waves, alphabet, part):
    torn = tmp_path / "torn.safetensors"
    torn.write_bytes(b"torn")
    table, body = (waves, spec()) if part == "tasks" else (alphabet, letters())
    ended, _, told = attempt(tmp_path, body, table, checkpoints=[str(torn)])
    assert (ended["outcome"], told.resumptions) == ("succeeded", [])


def test_training_that_begins_at_a_meta_model_goes_on_from_its_weights(tmp_path, waves):
    _, first, _ = attempt(tmp_path, spec(), waves)
    still = TRAINING | {"iterations": 1, "learning_rate": 1e-9}
    body = spec(init="mdl_1", training=still, seed=5)
    del body["network"]
    ended, work, _ = attempt(tmp_path, body, waves, number=2, models={"mdl_1": first / "model.safetensors"})
    assert ended["outcome"] == "succeeded"
    before, after = (stored(folder) for folder in (first, work))
    assert (after.header.network, after.header.encoding) == (before.header.network, before.header.encoding)
    assert (after.header.mean, after.header.deviation) == (before.header.mean, before.header.deviation)
    assert all(np.abs(after.tensors[name] - before.tensors[name]).max() < 1e-6 for name in before.tensors)


def test_training_may_begin_at_the_trunk_of_a_model_that_answers(tmp_path, waves):
    task = {"dataset": "ds_1", "target": "y", "exclude": ["wave"]}
    alone = {"kind": "multitask", "tasks": [task], "network": NETWORK, "training": {"epochs": 3}, "baselines": False}
    _, first, _ = attempt(tmp_path, alone, waves)
    still = TRAINING | {"iterations": 1, "learning_rate": 1e-9}
    models = {"mdl_1": first / "model.safetensors"}
    ended, work, _ = attempt(tmp_path, spec(init="mdl_1", training=still), waves, number=2, models=models)
    assert ended["outcome"] == "succeeded"
    before, after = weights(first), weights(work)
    trunk = [name for name in after if name.startswith("trunk.")]
    assert trunk
    assert all(np.abs(after[name] - before[name]).max() < 1e-6 for name in trunk)


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"network": {"name": "mlp", "widths": [8]}}, "source-architecture"),
        ({"tasks": {"dataset": "ds_1", "group_by": ["wave"], "targets": [{"target": "x"}]}}, "source-feature-mismatch"),
    ],
)
def test_what_does_not_fit_the_model_to_begin_from_is_told(tmp_path, waves, fields, code):
    _, first, _ = attempt(tmp_path, spec(), waves)
    models = {"mdl_1": first / "model.safetensors"}
    ended, _, _ = attempt(tmp_path, spec(init="mdl_1") | fields, waves, number=2, models=models)
    assert (ended["outcome"], ended["error"]["code"], ended["error"]["param"]) == ("failed", code, "/init")


def test_steps_that_leave_the_numbers_have_no_figures_and_the_job_succeeds(tmp_path, waves):
    method = {"name": "maml", "inner_rate": 20.0}
    training = {"iterations": 1, "tasks_per_batch": 8}
    body = spec(
        method=method, training=training, evaluation=[{"episodes": 20, "steps": [100]}], network={"name": "linear"}
    )
    ended, work, _ = attempt(tmp_path, body, waves)
    assert ended["outcome"] == "succeeded"
    assert result_of(work)["tasks"][0]["steps"]["100"]["mse"] is None


def test_an_answer_that_is_no_number_is_an_error(alphabet):
    table = {"ds_1": Table("ds_1", alphabet)}
    rows = material(planned(letters(), table), table, torch.device("cpu"))
    sure = torch.tensor([[[0.0, 1.0, 0.0], [np.nan, np.nan, np.nan]]])
    assert losses_of(rows, sure, torch.tensor([[1, 0]])).tolist() == [0.5]


def test_a_single_test_task_has_figures_without_a_margin(tmp_path, waves):
    _, work, _ = attempt(tmp_path, spec(split={"validation": 0.2, "test": 1e-4}), waves)
    [told], result = result_of(work)["tasks"], result_of(work)["result"]
    assert told["tasks"] == 1
    assert told["test"]["mse"] > 0
    assert (told["margin"], told["verdict"]) == ({"rmse": None, "mse": None}, None)
    assert "±" not in result["summary"]


def test_progress_is_told_between_validations(tmp_path, waves):
    training = TRAINING | {"iterations": 400, "validate_every": 400}
    _, _, channel = attempt(tmp_path, spec(training=training), waves)
    steps = [report["step"] for report in channel.reports if report["phase"] == "training" and "step" in report]
    assert 0 < min(steps) < 400


def drawings(path, classes=12, rows=5, side=16):
    """Classes of square images: a pattern of its own each, with noise."""
    random = np.random.default_rng(0)
    patterns = random.integers(0, 2, (classes, side, side)) * 180
    images = np.repeat(patterns, rows, axis=0) + random.integers(0, 60, (classes * rows, side, side))
    told = {"type": "image", "height": str(side), "width": str(side), "channels": "1"}
    fields = [
        pa.field("image", pa.binary(side * side), metadata=told),
        pa.field("letter", pa.string(), metadata={"type": "category"}),
    ]
    cells = pa.array([image.astype(np.uint8).tobytes() for image in images], fields[0].type)
    names = pa.array([chr(97 + i // rows) for i in range(classes * rows)])
    pq.write_table(pa.table([cells, names], schema=pa.schema(fields)), path)
    return path


@pytest.mark.parametrize("normalisation", ["inductive", "transductive"])
@pytest.mark.parametrize("method", ["maml", "protonet"])
def test_images_are_learned_with_their_turns_as_further_classes(tmp_path, method, normalisation):
    body = letters(
        method={"name": method},
        network={"name": "conv4", "filters": 4},
        training={"iterations": 6, "tasks_per_batch": 2},
        split={"validation": 0.25, "test": 0.25},
        evaluation=[{"episodes": 6}],
        normalisation=normalisation,
        baselines=method == "protonet",
    )
    own = body["episodes"] | {"ways": 3, "queries": 2, "augment": ["rotate90_classes"]}
    table = drawings(tmp_path / "drawings.parquet")
    ended, work, _ = attempt(tmp_path, body | {"episodes": own}, table)
    assert ended["outcome"] == "succeeded"
    header = stored(work).header
    assert (header.inputs[0].type, header.normalisation) == ("image", normalisation)
    told = result_of(work)["tasks"][0]
    assert 0 <= told["test"]["accuracy"] <= 1
    if method == "protonet":
        assert told["baselines"]["nearest_centroid"]["accuracy"] > 0.9
        assert told["baseline_episodes"]["from_scratch"] == 6


def test_a_convolutional_network_from_scratch_stops_once_it_answers_its_support(tmp_path):
    rows = {"ds_1": Table("ds_1", drawings(tmp_path / "drawings.parquet"))}
    body = letters(network={"name": "conv4", "filters": 32}, split={"validation": 0.25, "test": 0.25})
    held = material(planned(body, rows), rows, torch.device("cpu"))
    protocol, drawn = held.plan.spec.evaluation[0], drawn_for(held, 0)
    steps: list[None] = []

    def never() -> bool:
        """Is asked before every step."""
        steps.append(None)
        return False

    losses = from_scratch(held, drawn[:4], protocol, stop=never)
    assert losses.mean() < 0.2
    assert 4 * 5 < len(steps) < 4 * SLOW_SCRATCH_STEPS


def test_training_turns_images_and_evaluation_does_not(tmp_path):
    table = drawings(tmp_path / "drawings.parquet")
    rows = {"ds_1": Table("ds_1", table)}
    own = {"dataset": "ds_1", "target": "letter", "ways": 3, "queries": 2, "augment": ["rotate90_classes"]}
    body = {
        "kind": "meta",
        "episodes": own,
        "method": {"name": "protonet"},
        "split": {"validation": 0.25, "test": 0.25},
    }
    plan = planned(body, rows)
    assert not plan.problems
    held = material(plan, rows, torch.device("cpu"))
    drawn = held.draw(plan.train, 40, plan.training, np.random.default_rng(0), training=True)
    assert drawn.turn is not None
    turned = held.episodes(drawn).support.numeric
    plain = held.numeric[torch.from_numpy(drawn.support)]
    for episode, place in ((0, 0), (1, 2), (2, 1), (3, 0)):
        image = plain[episode, place].reshape(16, 16)
        expected = torch.rot90(image, int(drawn.turn[episode, place]))
        assert torch.equal(turned[episode, place].reshape(16, 16), expected)
    assert held.draw(plan.tests[0], 4, plan.spec.evaluation[0], np.random.default_rng(0)).turn is None
