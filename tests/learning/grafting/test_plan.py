"""What a transfer job means for its source: features by name, parts, heads; every problem where it was written."""

import pytest

from learning.grafting import plan_transfer
from learning.grafting.source import has_one_trunk
from learning.specs import TransferJob, parse_spec
from tests.learning.canonical import written
from tests.learning.toys import grouped_header, listed_header

N = 60
BASE = {
    "region": ("category", ["north", "south", "east"] * 20),
    "age": ("number", [20.0 + i % 40 for i in range(N)]),
    "joined": ("date", [i * 86_400_000_000 for i in range(N)]),
    "member": ("boolean", [i % 3 == 0 for i in range(N)]),
    "price": ("number", [float(i * 3 % 11) for i in range(N)]),
    "kind": ("category", ["a", "b", "c", "b"] * 15),
    "sold": ("category", ["yes", "no"] * 30),
}
SOURCE = listed_header()


@pytest.fixture
def grafted(tmp_path):
    def run(target="price", *, source=SOURCE, changed=None, lacking=(), task=None, **fields):
        columns = {name: column for name, column in {**BASE, **(changed or {})}.items() if name not in lacking}
        exclude = [name for name in ("price", "kind", "sold") if name != target]
        body = {"dataset": "ds_1", "target": target, "exclude": exclude, **(task or {})}
        spec = parse_spec({"kind": "transfer", "source": "mdl_1", "task": body, **fields})
        assert isinstance(spec, TransferJob)
        return plan_transfer(spec, source, {"ds_1": written(tmp_path, columns)})

    return run


def found(graft):
    return [(problem.pointer, problem.code) for problem in graft.problems]


def test_features_are_the_sources_by_name_whatever_their_order(grafted):
    graft = grafted()
    assert graft.problems == ()
    assert graft.plan.tasks[0].features == ("age", "member", "joined", "region")
    assert graft.spec.task.features == graft.plan.tasks[0].features


def test_of_several_sets_the_largest_that_the_table_has_is_read(grafted):
    graft = grafted(changed={"only_b": ("number", [float(i) for i in range(N)])})
    assert graft.plan.tasks[0].features == ("age", "member", "joined", "region", "only_b")


def test_the_resolved_spec_gives_the_same_plan_again(grafted, tmp_path):
    graft = grafted(seed=None)
    again = plan_transfer(graft.spec, SOURCE, {"ds_1": written(tmp_path, BASE)})
    assert graft.spec.seed is not None
    assert (again.spec, again.plan.tasks, again.kept) == (graft.spec, graft.plan.tasks, graft.kept)
    assert parse_spec(graft.spec.model_dump(mode="json")) == graft.spec


def test_columns_that_the_source_does_not_know_are_told_and_not_read(grafted):
    graft = grafted(changed={"fresh": ("number", [float(i % 5) for i in range(N)])})
    (notice,) = [notice for notice in graft.notices if notice.code == "features-not-in-source"]
    assert "'fresh'" in notice.detail
    assert notice.pointer == "/task/features"
    assert "fresh" not in graft.plan.tasks[0].features


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"lacking": ("age",)}, "missing 'age'"),
        ({"changed": {"age": ("category", ["old", "young"] * 30)}}, "'age (number there, category here)'"),
        ({"changed": {"fresh": ("number", [0.0, 1.0] * 30)}, "lacking": ("member",)}, "extra 'fresh'"),
        ({"task": {"features": ["age", "member"]}}, "missing 'joined', 'region'"),
        ({"target": "age"}, "missing 'age'"),
        ({"split": {"group": "region"}}, "missing 'region'"),
    ],
    ids=["missing", "type", "extra", "not listed", "target", "splits the rows"],
)
def test_a_table_that_the_source_cannot_read_is_refused_with_lists(grafted, how, words):
    graft = grafted(**how)
    problem = next(problem for problem in graft.problems if problem.code == "source-feature-mismatch")
    assert problem.pointer == "/task/features"
    assert words in problem.detail


@pytest.mark.parametrize(("target", "kept"), [("price", 0), ("sold", 1), ("kind", 2)])
def test_the_same_question_keeps_the_sources_head(grafted, target, kept):
    assert grafted(target).kept == kept


@pytest.mark.parametrize(
    "how",
    [
        {"target": "kind", "changed": {"kind": ("category", ["a", "b", "d"] * 20)}},
        {"target": "sold", "changed": {"sold": ("category", ["yes", "never"] * 30)}},
        {"target": "price", "task": {"type": "multiclass"}},
        {"target": "rent", "changed": {"rent": ("number", [float(i % 9) for i in range(N)])}},
    ],
    ids=["other classes", "other two classes", "other type", "other target"],
)
def test_another_question_gets_a_new_head(grafted, how):
    task = {"exclude": [name for name in ("price", "kind", "sold") if name != how["target"]]} | how.pop("task", {})
    graft = grafted(**how, task=task)
    assert graft.problems == ()
    assert graft.kept is None


def test_a_grouped_source_is_a_source_too(grafted):
    numbers = ("number", [float(i % 13) for i in range(N)])
    graft = grafted("demand", source=grouped_header(), changed={"demand": numbers, "only_b": numbers})
    assert graft.problems == ()
    assert graft.kept == 0


def test_a_part_that_is_not_there_is_refused_with_those_that_are(grafted):
    graft = grafted(method={"name": "finetune", "parts": ["head", "trunk.layers.7"]})
    assert found(graft) == [("/method/parts/1", "unknown-layer")]
    assert "'trunk.layers.1'" in graft.problems[0].detail


def test_a_method_that_leaves_nothing_to_learn_is_refused(grafted):
    assert found(grafted(method={"name": "finetune", "parts": []})) == [("/method/parts", "nothing-trainable")]


def test_what_is_wrong_with_the_task_points_into_the_task(grafted):
    assert found(grafted("absent")) == [("/task/target", "target-not-found")]
    assert found(grafted(changed={"price": ("number", [7.0] * N)})) == [("/task/target", "constant-target")]
    assert found(grafted(task={"exclude": ["absent"]})) == [("/task/exclude/0", "unknown-column")]
    assert found(grafted(task={"features": ["absent"]})) == [("/task/features/0", "unknown-column")]
    assert found(grafted(task={"features": ["age", "price"]})) == [("/task/features/1", "target-is-feature")]


def test_a_source_without_one_trunk_is_refused(grafted):
    assert has_one_trunk(SOURCE)
    graft = grafted(source=SOURCE.model_copy(update={"sharing": {"name": "soft"}}))
    assert found(graft) == [("/source", "source-architecture")]
