"""Models that were never meta-trained: a head in closed form, held to the mean of their heads."""

import numpy as np
import pyarrow as pa
import pytest

from learning.adapting import Delta, Request, Sample, adapter_of, is_adaptable, merge
from learning.errors import InputError, LearningError, SpecError
from learning.header import Output
from learning.model import TrainedModel
from learning.predictor import Predictor, predictor_on, trunk_plan
from tests.learning.adapting.models import grouped, listed, one, sample, support, told
from tests.learning.toys import TYPES, grouped_header, json_columns, table, trained

ASKED = json_columns(table(6, missing=False))


@pytest.fixture(scope="module")
def model():
    return grouped()


@pytest.fixture(scope="module")
def adapter(model):
    return adapter_of(model)


def codes(error):
    return {(problem.pointer, problem.code) for problem in error.value.problems}


def rows_of(columns):
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


@pytest.mark.parametrize("target", ["demand", "stockout", "colour"])
def test_the_queries_are_answered_as_the_stored_child_answers(model, adapter, target):
    found = one(adapter, support(targets=(target,)), targets=(target,), query=ASKED)
    child = merge(model, found.delta)
    for predictor in (Predictor(child), predictor_on(trunk_plan(model), child)):
        served = predictor.predict(ASKED).by_task[target]
        np.testing.assert_allclose(found.predictions.by_task[target].output, served.output, rtol=1e-5, atol=1e-6)
    assert child.header.kind == "adapt"
    assert child.header.public()["tasks"][0]["name"] == target


def test_adapting_learns_what_the_mean_head_does_not_know(adapter):
    found = one(adapter, support(), targets=("demand",)).checks["demand"]
    assert found.metric == "rmse"
    assert found.support_leave_one_out < 0.7 * found.before
    assert found.worth_it


def test_a_known_target_that_the_mean_head_answers_already_is_not_worth_it(model, adapter):
    columns = support(targets=())
    mean = told(Predictor(model).predict(columns | {"shop": ["new"] * 30}), "demand").values
    columns["demand"] = (mean + np.random.default_rng(0).normal(size=30)).tolist()
    found = one(adapter, columns, targets=("demand",))
    check = found.checks["demand"]
    assert not check.worth_it
    assert check.support_leave_one_out <= check.before * (1 + 1e-6)
    assert check.before == pytest.approx(np.sqrt(((mean - np.array(columns["demand"])) ** 2).mean()), rel=1e-5)


def test_a_new_target_is_compared_with_its_own_mean_or_largest_class(adapter):
    columns = support(targets=("colour",)) | {"weight": np.arange(30.0).tolist()}
    colour = one(adapter, {n: columns[n] for n in (*TYPES, "colour")}, targets=("colour",))
    share = max(columns["colour"].count(name) for name in set(columns["colour"])) / 30
    assert colour.checks["colour"].before == pytest.approx(share)
    weight = one(adapter, {n: columns[n] for n in (*TYPES, "weight")}, targets=("weight",))
    assert weight.checks["weight"].before == pytest.approx(np.std(np.arange(30)) * 30 / 29)
    assert weight.delta.header.adapted["towards"] == "zero"


@pytest.mark.parametrize(
    ("values", "kind", "classes"),
    [
        ([0, 1, 1, 0], "binary", ("0", "1")),
        ([True, False, True, True], "binary", ("false", "true")),
        ([0.5, 1, 2, 3], "regression", None),
        (["b", "a", "c", "a"], "multiclass", ("a", "b", "c")),
        (["b", None, "c", "c"], "binary", ("b", "c")),
    ],
)
def test_the_values_of_a_new_target_say_its_type(adapter, values, kind, classes):
    found = one(adapter, support(4, targets=()) | {"new": values}, targets=("new",))
    output = found.delta.header.output
    assert (output.type, output.classes) == (kind, classes)
    assert [notice.code for notice in found.notices] == (["unlabelled-rows"] if None in values else [])


@pytest.mark.parametrize(
    ("target", "values", "classes", "knows"),
    [
        ("stockout", ["some", "none", "none", "some"], ("none", "some"), "by 'false', 'true'; the support has 'some'"),
        ("demand", ["3.5", "4", "4", "3.5"], ("3.5", "4"), "by numbers; the support has '3.5'"),
    ],
)
def test_other_values_of_a_known_target_are_another_question_and_told(adapter, target, values, classes, knows):
    found = one(adapter, support(4, targets=()) | {target: values}, targets=(target,))
    assert found.delta.header.output.classes == classes
    assert found.delta.header.adapted["towards"] == "zero"
    assert [notice.code for notice in found.notices] == ["other-question"]
    assert knows in found.notices[0].detail


def test_one_class_of_a_known_target_is_learned_beside_what_is_known(adapter):
    found = one(adapter, support(4, targets=()) | {"stockout": [True] * 4}, targets=("stockout",))
    assert found.delta.header.output.classes == ("false", "true")
    assert [notice.code for notice in found.notices] == ["single-class-support"]


def test_a_single_row_leaves_nothing_to_judge(adapter):
    found = one(adapter, support(1, targets=("demand",)), targets=("demand",)).checks["demand"]
    assert (found.support_leave_one_out, found.worth_it) == (None, None)
    assert found.before is not None
    new = one(adapter, support(1, targets=()) | {"new": [3.5]}, targets=("new",)).checks["new"]
    assert (new.support_leave_one_out, new.before, new.worth_it) == (None, None, None)


def test_queries_that_bring_their_labels_are_measured(adapter):
    columns, asked = support(seed=1, targets=("demand",)), support(20, seed=9, targets=("demand",))
    found = one(adapter, columns, targets=("demand",), query=asked)
    error = told(found.predictions, "demand").values - np.array(asked["demand"])
    assert found.checks["demand"].query == pytest.approx(np.sqrt((error**2).mean()))
    partly = asked | {"demand": [None, *asked["demand"][1:]]}
    assert one(adapter, columns, targets=("demand",), query=partly).checks["demand"].query is None


def test_many_tasks_are_adapted_as_each_alone(adapter):
    sizes = [(30, 1), (5, 2), (30, 3), (60, 4)]
    for target in ("demand", "stockout", "colour"):
        samples = [sample(support(n, seed=seed, targets=(target,)), query=ASKED) for n, seed in sizes]
        together = adapter.adapt(Request(targets=(target,)), samples)
        for found, own in zip(together, samples, strict=True):
            alone = adapter.adapt(Request(targets=(target,)), [own])[0]
            for name, tensor in alone.delta.tensors.items():
                np.testing.assert_allclose(found.delta.tensors[name], tensor, rtol=1e-3, atol=1e-4)
            assert found.checks[target].worth_it == alone.checks[target].worth_it
            assert [n.code for n in found.notices] == [n.code for n in alone.notices]


def test_rows_and_tables_teach_as_columns_do(adapter):
    columns = support(targets=("demand",))
    alike = [
        Sample(support=columns, style="columns"),
        Sample(support={name: list(values) for name, values in columns.items()}),
        Sample(support=table(30).append_column("demand", pa.array(columns["demand"]))),
    ]
    heads = [adapter.adapt(Request(targets=("demand",)), [own])[0].delta.tensors["heads.weight"] for own in alike]
    for head in heads[1:]:
        np.testing.assert_allclose(head, heads[0], rtol=1e-5, atol=1e-7)


def test_the_parent_stays_as_it_is(model):
    before = {name: tensor.tobytes() for name, tensor in model.tensors.items()}
    adapter = adapter_of(model)
    first = one(adapter, support(), targets=("demand",)).delta
    one(adapter, support(seed=4, targets=("stockout",)), targets=("stockout",))
    again = one(adapter, support(), targets=("demand",)).delta
    assert {name: tensor.tobytes() for name, tensor in model.tensors.items()} == before
    for name, tensor in first.tensors.items():
        np.testing.assert_array_equal(again.tensors[name], tensor)


def test_a_child_adapts_too_and_its_child_stands_on_the_same_base(model, adapter):
    first = one(adapter, support(targets=("colour",)), targets=("colour",)).delta
    child = merge(model, first)
    second = one(adapter_of(child, delta=first), support(40, seed=7, targets=("colour",)), query=ASKED)
    assert second.delta.header.adapted["towards"] == "mean_head"
    grandchild = merge(model, second.delta)
    served = Predictor(grandchild).predict(ASKED).by_task["colour"].output
    np.testing.assert_allclose(told(second.predictions, "colour").output, served, rtol=1e-5, atol=1e-6)


def test_a_child_adapts_to_the_very_rows_that_made_it(model, adapter):
    rows = support(targets=("demand", "stockout"))  # with what else its parent answers
    first = one(adapter, rows, targets=("demand",)).delta
    child = merge(model, first)
    assert one(adapter_of(child, delta=first), rows, query=ASKED).checks.keys() == {"demand"}


def test_listed_tasks_of_one_target_hold_the_new_head_to_their_mean():
    header = listed_header_of_twins()
    model = trained(header)
    columns = support(12, targets=()) | {"price": np.linspace(50, 200, 12).tolist()}
    names = header.feature_sets[0]
    columns = {name: columns[name] for name in (*names, "price")}
    answers = Predictor(model).predict({name: columns[name] for name in names}).by_task
    mean = (answers["price"].output + answers["price-2"].output) / 2
    columns["price"] = mean.tolist()
    found = one(adapter_of(model), columns, targets=("price",), query={name: columns[name] for name in names})
    assert found.checks["price"].before < 1e-3  # what is left is float32's
    np.testing.assert_allclose(told(found.predictions, "price").values, mean, rtol=1e-4)


def listed_header_of_twins():
    """The price in two tables, each learned in a scale of its own."""
    header = grouped_header()
    price = Output(name="price", target="price", type="regression", slot=0, group=0, mean=100.0, deviation=20.0)
    twin = Output(name="price-2", target="price", type="regression", slot=0, group=1, mean=150.0, deviation=5.0)
    changed = {
        "outputs": (price, twin),
        "slots": (("regression", 1),),
        "group_by": (),
        "heads": (),
        "tasks": (("price", 0), ("price-2", 1)),
        "inputs": tuple(column for column in header.inputs if column.name != "shop"),
    }
    return type(header)(**{name: getattr(header, name) for name in type(header).model_fields} | changed)


def test_the_features_of_a_new_target_are_the_widest_that_the_rows_bring():
    adapter = adapter_of(listed())
    narrow = {name: values for name, values in support(8, targets=()).items() if name != "only_b"}
    assert one(adapter, narrow | {"new": list("abababab")}, targets=("new",)).delta.header.features == 0
    wide = support(8, targets=()) | {"new": list("abababab")}
    assert one(adapter, wide, targets=("new",)).delta.header.features == 1


@pytest.mark.parametrize(
    ("columns", "request_", "problems"),
    [
        ({"demand": []}, {"targets": ("demand",)}, {("/support", "empty-rows")}),
        (support(3), {"targets": ("demand", "stockout")}, {("/task_key", "missing-field")}),
        (support(3), {}, {("/target", "missing-field")}),
        (support(3), {"targets": ("demand",), "steps": 2}, {("/steps", "no-steps")}),
        (support(3), {"targets": ("age",)}, {("/target", "target-is-feature")}),
        (support(3), {"targets": ("nothing",)}, {("/target", "target-not-found")}),
        (support(9), {"targets": ("demand",), "most_rows": 8}, {("/support", "too-many-shots")}),
        (support(3) | {"more": [1, 2, 3]}, {"targets": ("demand",)}, {("/support/columns/more", "schema-mismatch")}),
        (
            {name: values for name, values in support(3).items() if name != "age"},
            {"targets": ("demand",)},
            {("/support/columns/age", "schema-mismatch")},
        ),
        (support(3) | {"age": ["x", 1, 2]}, {"targets": ("demand",)}, {("/support/columns/age/0", "wrong-type")}),
        (support(3) | {"member": [True]}, {"targets": ("demand",)}, {("/support/columns/member", "ragged-rows")}),
        (
            support(3) | {"demand": [1.0, float("inf"), 2.0]},
            {"targets": ("demand",)},
            {("/support/columns/demand/1", "non-finite-value")},
        ),
        (support(3) | {"demand": [None] * 3}, {"targets": ("demand",)}, {("/support", "no-labels")}),
        (support(3) | {"new": ["a"] * 3}, {"targets": ("new",)}, {("/support", "single-class-target")}),
        (support(3) | {"new": [["a"]] * 3}, {"targets": ("new",)}, {(f"/support/columns/new/{i}", "wrong-type") for i in range(3)}),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_told_where_it_stands(adapter, columns, request_, problems):
    wanted = request_.get("targets", ())
    known = {name: values for name, values in columns.items() if name in (*TYPES, *wanted, "more")}
    with pytest.raises((InputError, SpecError)) as error:
        adapter.adapt(Request(**request_), [sample(known if len(known) > 1 else columns)])
    assert codes(error) == problems


def test_problems_of_one_of_many_supports_name_it(adapter):
    good, bad = support(3, targets=("demand",)), support(3, targets=("demand",)) | {"age": [1.0, "x", None]}
    samples = [sample(good, at="/supports/a"), Sample(support=bad, at="/supports/b")]
    with pytest.raises(InputError) as error:
        adapter.adapt(Request(targets=("demand",)), samples)
    assert codes(error) == {("/supports/b/rows/1/age", "wrong-type")}


def test_categories_that_training_did_not_see_are_told_of_the_support_that_has_them(adapter):
    odd = support(3, targets=("demand",)) | {"region": ["west", "north", "north"]}
    samples = [sample(support(3, targets=("demand",)), at="/supports/a"), sample(odd, at="/supports/b")]
    first, second = adapter.adapt(Request(targets=("demand",)), samples)
    assert first.notices == ()
    assert [(notice.code, notice.pointer) for notice in second.notices] == [
        ("unseen-category", "/supports/b/columns/region/0")
    ]


def test_labels_of_queries_that_the_support_does_not_know_are_refused(adapter):
    query = support(2, targets=()) | {"colour": ["red", "pink"]}
    with pytest.raises(InputError) as error:
        one(adapter, support(targets=("colour",)), targets=("colour",), query=query)
    assert codes(error) == {("/query/columns/colour/1", "unseen-label")}


def test_a_model_without_one_trunk_does_not_adapt(model):
    header = model.header.model_copy(update={"sharing": {"name": "soft"}})
    assert is_adaptable(model.header)
    assert not is_adaptable(header)
    with pytest.raises(LearningError) as error:
        adapter_of(TrainedModel(header, model.tensors))
    assert error.value.code == "not-adaptable"


def test_without_a_check_nothing_is_left_out(adapter):
    found = one(adapter, support(), targets=("demand",), check=False)
    assert found.checks["demand"].support_leave_one_out is None
    assert found.checks["demand"].before is not None


def test_a_delta_has_the_name_of_its_sample(adapter, tmp_path):
    delta = one(adapter, support(), targets=("demand",), name="tenant-42").delta
    delta.save(tmp_path / "delta")
    assert Delta.load(tmp_path / "delta").header.name == "tenant-42"
