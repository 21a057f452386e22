"""Listed tasks: each must be learnable by itself, and what is wrong points to it."""

import pytest

from learning.planning import plan
from tests.learning.canonical import Columns, job, written

N = 60
NUMBERS = [float(i % 7) for i in range(N)]
BASE: Columns = {
    "x": ("number", [float(i) for i in range(N)]),
    "z": ("number", [float(i * i % 31) for i in range(N)]),
    "colour": ("category", ["red", "green", "blue"] * 20),
    "y": ("number", [float(i * 3 % 11) for i in range(N)]),
    "won": ("boolean", [i % 3 == 0 for i in range(N)]),
    "bit": ("number", [float(i % 2) for i in range(N)]),
    "side": ("category", (["train"] * 4 + ["test"]) * 12),
    "shop": ("number", [float(i // 20) for i in range(N)]),
    "note": ("text", [f"row {i} was seen" for i in range(N)]),
    "day": ("date", [i * 86_400_000_000 for i in range(N)]),
}


@pytest.fixture
def planned(tmp_path):
    """Plan a job on BASE with some columns replaced, and return the plan."""

    def run(tasks, *, changed=None, others=None, **fields):
        tables = {"ds_1": written(tmp_path, {**BASE, **(changed or {})})}
        for name, columns in (others or {}).items():
            tables[name] = written(tmp_path, columns, name=name)
        return plan(job(tasks, **fields), tables)

    return run


def task(target="y", dataset="ds_1", **fields):
    return {"dataset": dataset, "target": target, **fields}


def found(result):
    return [(problem.pointer, problem.code) for problem in result.problems]


@pytest.mark.parametrize(
    ("target", "type_", "classes", "loss", "metric"),
    [
        ("y", "regression", None, "mse", "rmse"),
        ("bit", "binary", ("0", "1"), "log_loss", "roc_auc"),
        ("won", "binary", ("false", "true"), "log_loss", "roc_auc"),
        ("colour", "multiclass", ("blue", "green", "red"), "log_loss", "accuracy"),
        ("side", "binary", ("test", "train"), "log_loss", "roc_auc"),
    ],
)
def test_auto_is_decided_from_the_cells_and_recorded(planned, target, type_, classes, loss, metric):
    result = planned([task(target)])
    assert result.problems == ()
    assert (result.tasks[0].type, result.tasks[0].classes) == (type_, classes)
    spec = result.spec.tasks[0]
    assert (spec.name, spec.type, spec.loss, spec.metric) == (target, type_, loss, metric)


def test_numbers_become_classes_in_the_order_of_their_text_when_asked(planned):
    result = planned([task("y", type="multiclass")])
    assert result.tasks[0].classes == ("0", "1", "10", "2", "3", "4", "5", "6", "7", "8", "9")


def test_features_are_every_column_but_targets_split_columns_and_text(planned):
    result = planned([task("y"), task("bit", exclude=["shop"])], split={"column": "side"})
    assert result.tasks[0].features == ("x", "z", "colour", "won", "shop", "day")
    assert result.tasks[1].features == ("x", "z", "colour", "won", "day")
    assert [(notice.code, notice.pointer) for notice in result.notices] == [("text-dropped", "/tasks/0/features")]


def test_listed_features_keep_their_order_and_are_taken_once(planned):
    assert planned([task(features=["z", "x", "z"])]).tasks[0].features == ("z", "x")


def test_targets_of_one_source_share_its_head_and_other_sources_have_their_own(planned):
    result = planned(
        [task("colour"), task("y"), task("bit", where={"shop": ["0", "1"]}), task("won"), task("y", dataset="ds_2")],
        others={"ds_2": {"x": ("number", NUMBERS), "y": ("number", list(range(N)))}},
    )
    assert result.problems == ()
    assert [(entry.group, entry.slot) for entry in result.tasks] == [(0, 2), (0, 0), (1, 1), (0, 1), (2, 0)]
    assert [(slot.type, slot.units) for slot in result.layout.slots] == [
        ("regression", 1),
        ("binary", 1),
        ("multiclass", 3),
    ]
    assert result.layout.groups == 3
    assert [(source.dataset, dict(source.where)) for source in result.sources] == [
        ("ds_1", {}), ("ds_1", {"shop": ("0", "1")}), ("ds_2", {}),
    ]  # fmt: skip


def test_a_feature_that_only_some_tables_have_is_private_and_fine(planned):
    result = planned(
        [task("y"), task("b", dataset="ds_2")],
        others={"ds_2": {"x": ("number", NUMBERS), "own": ("number", NUMBERS), "b": ("number", list(range(N)))}},
    )
    assert result.problems == ()
    assert result.tasks[1].features == ("x", "own")
    assert list(result.types)[-1] == "own"


def test_tasks_without_a_name_are_called_by_their_target_and_numbered(planned):
    result = planned(
        [task("y", where={"shop": ["0"]}), task("y", where={"shop": ["1"]}), task("bit", name="y-2"), task("a/b")],
        changed={"a/b": ("number", NUMBERS)},
    )
    assert [entry.name for entry in result.tasks] == ["y", "y-3", "y-2", "a_b"]


def test_empty_target_cells_are_masked_and_counted(planned):
    result = planned([task("y")], changed={"y": ("number", [None, *BASE["y"][1][1:]])})
    assert result.problems == ()
    assert "1 of 60 rows have no 'y'" in {notice.code: notice.detail for notice in result.notices}["missing-target"]


def test_a_feature_that_equals_the_target_is_told(planned):
    result = planned([task("y")], changed={"copy": BASE["y"]})
    notices = {notice.code: notice for notice in result.notices}
    assert notices["duplicate-of-target"].pointer == "/tasks/0/target"
    assert "'copy'" in notices["duplicate-of-target"].detail


OTHER = {"q": ("number", NUMBERS), "y": ("number", list(range(N)))}


@pytest.mark.parametrize(
    ("tasks", "fields", "pointer", "code"),
    [
        # BAD_INPUT rows 13, 17 to 19, 23, 49, 56 to 59, 63
        ([task("y"), task("y", dataset="ds_9")], {}, "/tasks/1/dataset", "dataset-not-found"),
        ([task("y"), task("nope")], {}, "/tasks/1/target", "target-not-found"),
        ([task("y", features=["x", "y"])], {}, "/tasks/0/features/1", "target-is-feature"),
        ([task("y", features=["x", "bit"]), task("bit")], {}, "/tasks/0/features/1", "target-is-feature"),
        ([task("y", features=["x", "nope"])], {}, "/tasks/0/features/1", "unknown-column"),
        ([task("y", exclude=["nope"])], {}, "/tasks/0/exclude/0", "unknown-column"),
        ([task("y", where={"a/b": ["1"]})], {}, "/tasks/0/where/a~1b", "unknown-column"),
        ([task("y", features=["note"])], {}, "/tasks/0/features", "no-features"),
        ([task("y", features=["x"], exclude=["x"])], {}, "/tasks/0/features", "no-features"),
        ([task("y"), task("y")], {}, "/tasks/1/target", "duplicate-task"),
        ([task("y", where={"shop": ["0", "1"]}), task("y", where={"shop": ["1", "0"]})], {}, "/tasks/1/target", "duplicate-task"),
        ([task("y", name="same"), task("bit", name="same")], {}, "/tasks/1/name", "duplicate-task"),
        ([task("one")], {"one": ("number", [1.0] * N)}, "/tasks/0/target", "single-class-target"),
        ([task("one")], {"one": ("category", ["a"] * N)}, "/tasks/0/target", "single-class-target"),
        ([task("one")], {"one": ("number", [2.5] * N)}, "/tasks/0/target", "constant-target"),
        ([task("rare")], {"rare": ("category", ["a", "b"] * 29 + ["a", "c"])}, "/tasks/0/target", "class-too-small"),
        ([task("few")], {"few": ("number", [1.0, 2.0] + [None] * (N - 2))}, "/tasks/0/target", "task-too-small"),
        ([task("none")], {"none": ("number", [None] * N)}, "/tasks/0/target", "no-labels"),
        ([task("y", where={"shop": ["9"]})], {}, "/tasks/0/where", "too-few-rows"),
        ([task("x", type="binary")], {}, "/tasks/0/target", "too-many-classes"),
        ([task("colour", type="binary")], {}, "/tasks/0/target", "too-many-classes"),
        ([task("colour", type="regression")], {}, "/tasks/0/type", "wrong-target-type"),
        ([task("day")], {}, "/tasks/0/type", "wrong-target-type"),
        ([task("bit", loss="huber")], {}, "/tasks/0/loss", "unknown-value"),
        ([task("y", metric="accuracy")], {}, "/tasks/0/metric", "unknown-value"),
    ],
)  # fmt: skip
def test_what_cannot_be_learned_is_one_problem_with_its_pointer(planned, tasks, fields, pointer, code):
    assert found(planned(tasks, changed=fields)) == [(pointer, code)]


@pytest.mark.parametrize(
    ("split", "changed", "pointer", "code"),
    [
        ({"column": "nope"}, {}, "/split/column", "unknown-column"),
        ({"group": "nope"}, {}, "/split/group", "unknown-column"),
        ({"column": "colour"}, {}, "/split/column", "unknown-value"),
        ({"column": "side"}, {"side": ("category", [None] + ["train", "test"] * 29 + ["train"])}, "/split/column", "unknown-value"),
        ({"column": "side"}, {"side": ("category", ["train"] * N)}, "/tasks/0/target", "no-labels"),
        ({"column": "side"}, {"y": ("number", [0.0 if i % 5 < 4 else float(i) for i in range(N)])}, "/tasks/0/target", "constant-target"),
        ({"group": "won"}, {}, "/split/group", "too-few-groups"),
        ({"column": "y"}, {}, "/tasks/0/target", "reserved-column"),
    ],
)  # fmt: skip
def test_a_split_that_leaves_a_side_without_labels_is_a_problem(planned, split, changed, pointer, code):
    assert (pointer, code) in found(planned([task("y")], split=split, changed=changed))


def test_a_table_of_one_row_has_too_few_rows(planned):
    result = planned([task("y", dataset="ds_2")], others={"ds_2": {"x": ("number", [1.0]), "y": ("number", [1.0])}})
    assert found(result) == [("/tasks/0/dataset", "too-few-rows")]


def test_tables_without_a_common_feature_are_told_with_what_each_has(planned):
    result = planned([task("bit"), task("y", dataset="ds_2")], others={"ds_2": OTHER})
    assert found(result) == [("/tasks/0/dataset", "schema-mismatch"), ("/tasks/1/dataset", "schema-mismatch")]
    assert "'q'" in result.problems[0].detail


def test_one_name_for_columns_of_two_types_is_a_mismatch(planned):
    columns = {"x": ("category", ["a", "b"] * 30), "z": ("number", NUMBERS), "t": ("number", list(range(N)))}
    result = planned([task("y"), task("t", dataset="ds_2")], others={"ds_2": columns})
    assert found(result) == [("/tasks/1/features", "schema-mismatch")]


def test_every_problem_is_told_at_once(planned):
    result = planned([task("nope"), task("y", exclude=["nope"]), task("y", dataset="ds_9")], split={"column": "none"})
    assert found(result) == [
        ("/split/column", "unknown-column"),
        ("/tasks/0/target", "target-not-found"),
        ("/tasks/1/exclude/0", "unknown-column"),
        ("/tasks/2/dataset", "dataset-not-found"),
    ]
