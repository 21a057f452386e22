"""A new group of a grouped model: one more head, and everybody else's answers as they were."""

import numpy as np
import pytest

from learning.adapting import Request, adapter_of, merge
from learning.errors import InputError, SpecError
from learning.header import GroupHead
from learning.model import TrainedModel
from learning.multitask.sharing.mean_regularised import MeanRegularised
from learning.predictor import Predictor
from tests.learning.adapting.models import GROUP_ROWS, grouped, listed, one, sample, support
from tests.learning.toys import json_columns, table

ASKED = json_columns(table(6, missing=False))
BOTH = ("demand", "stockout")


def mean_regularised():
    """The grouped model, its heads as deviations from a common one."""
    model = grouped()
    draw = np.random.default_rng(4)
    common = {
        "common.weight": draw.normal(size=(2, 6)).astype(np.float32),
        "common.bias": draw.normal(size=2).astype(np.float32),
    }
    header = model.header.model_copy(update={"sharing": MeanRegularised().model_dump(mode="json")})
    return TrainedModel(header, dict(model.tensors) | common)


def of_shop(shop, columns=ASKED):
    return columns | {"shop": [shop] * len(columns["age"])}


def outputs(model, columns):
    return {name: answers.output for name, answers in Predictor(model).predict(columns).by_task.items()}


@pytest.mark.parametrize("make", [grouped, mean_regularised])
def test_the_new_group_has_a_head_and_the_others_answer_as_before_bit_for_bit(make):
    model = make()
    found = one(adapter_of(model), support(), targets=BOTH, task_key={"shop": "401"}, query=ASKED)
    child = merge(model, found.delta)
    for shop in ("17", "18"):
        before, after = outputs(model, of_shop(shop)), outputs(child, of_shop(shop))
        for name in BOTH:
            np.testing.assert_array_equal(after[name], before[name])
    served = Predictor(child).predict(of_shop("401"))
    assert served.notices == ()
    for name in BOTH:
        np.testing.assert_allclose(found.predictions.by_task[name].output, served.by_task[name].output, rtol=1e-5)
    assert GroupHead(key=("401",), group=2) in child.header.heads
    assert {"shop=401/demand", "shop=401/stockout"} <= {name for name, _ in child.header.tasks}
    assert set(found.checks) == set(BOTH)


def test_all_targets_are_taught_where_none_is_named():
    found = one(adapter_of(grouped()), support(), task_key={"shop": "401"})
    assert set(found.checks) == set(BOTH)


def test_a_target_that_is_not_taught_is_answered_by_the_mean_head():
    model = grouped()
    adapter = adapter_of(model)
    found = one(adapter, support(targets=("demand",)), targets=("demand",), task_key={"shop": "401"})
    child = merge(model, found.delta)
    mean = outputs(model, of_shop("never seen"))["stockout"]
    np.testing.assert_allclose(outputs(child, of_shop("401"))["stockout"], mean, rtol=1e-6)
    assert ("shop=401/stockout", 1) not in child.header.tasks


def test_groups_add_up_and_all_stand_on_one_base():
    model = grouped()
    first = one(adapter_of(model), support(), targets=BOTH, task_key={"shop": "401"}).delta
    child = merge(model, first)
    second = one(adapter_of(child, delta=first), support(seed=5), targets=BOTH, task_key={"shop": "402"}).delta
    grandchild = merge(model, second)
    heads = {head.key[0]: head.group for head in grandchild.header.heads}
    assert heads == {"17": 0, "18": 1, "99": -1, "401": 2, "402": 3}
    before, after = outputs(child, of_shop("401")), outputs(grandchild, of_shop("401"))
    for name in BOTH:
        np.testing.assert_array_equal(after[name], before[name])


@pytest.mark.parametrize(("shop", "place", "told"), [("17", 0, True), ("99", 2, False)])
def test_a_group_that_is_there_is_learned_again(shop, place, told):
    model = grouped()
    found = one(adapter_of(model), support(), targets=BOTH, task_key={"shop": shop})
    child = merge(model, found.delta)
    assert next(head.group for head in child.header.heads if head.key == (shop,)) == place
    assert ("group-replaced" in [notice.code for notice in found.notices]) is told
    assert not np.array_equal(outputs(child, of_shop(shop))["demand"], outputs(model, of_shop(shop))["demand"])


def test_a_group_of_a_child_is_replaced_in_its_place():
    model = grouped()
    first = one(adapter_of(model), support(), targets=BOTH, task_key={"shop": "401"}).delta
    again = one(
        adapter_of(merge(model, first), delta=first), support(50, seed=8), targets=BOTH, task_key={"shop": "401"}
    ).delta
    assert [(added.key, added.group) for added in again.header.added] == [(("401",), 2)]
    assert len(merge(model, again).tensors["heads.weight"]) == 3


def test_many_groups_are_learned_in_one_pass():
    adapter = adapter_of(grouped())
    samples = [sample(support(n, seed=n), task_key={"shop": str(n)}) for n in (20, 30)]
    together = adapter.adapt(Request(targets=BOTH), samples)
    for found, own in zip(together, samples, strict=True):
        alone = adapter.adapt(Request(targets=BOTH), [own])[0]
        np.testing.assert_allclose(
            found.delta.tensors["heads.weight"], alone.delta.tensors["heads.weight"], rtol=1e-3, atol=1e-4
        )


def test_the_rows_of_the_mean_head_count_the_new_group():
    model = grouped()
    delta = one(adapter_of(model), support(), targets=BOTH, task_key={"shop": "401"}).delta
    np.testing.assert_array_equal(merge(model, delta).tensors["heads.rows"], [*GROUP_ROWS, [30.0, 30.0]])


def test_rows_may_say_that_they_are_of_the_new_group():
    found = one(adapter_of(grouped()), of_shop("401", support(6)), targets=BOTH, task_key={"shop": "401"})
    assert found.checks


@pytest.mark.parametrize(
    ("columns", "key", "problems"),
    [
        (support(3), {}, {("/task_key", "task-key-mismatch")}),
        (support(3), {"shop": "1", "city": "x"}, {("/task_key", "task-key-mismatch")}),
        (support(3), {"shop": 17}, {("/task_key/shop", "wrong-type")}),
        (support(3), {"shop": None}, {("/task_key/shop", "wrong-type")}),
        (support(3) | {"shop": ["401", "17", "401"]}, {"shop": "401"}, {("/support/columns/shop/1", "other-group")}),
        (support(3) | {"stockout": ["maybe", True, False]}, {"shop": "401"}, {("/support/columns/stockout/0", "unseen-label")}),
        (support(3) | {"demand": ["x", 1, 2]}, {"shop": "401"}, {("/support/columns/demand/0", "wrong-type")}),
        (support(3, targets=("demand",)), {"shop": "401"}, {("/targets", "target-not-found")}),
    ],
)  # fmt: skip
def test_what_is_no_new_group_is_told_where_it_stands(columns, key, problems):
    with pytest.raises((InputError, SpecError)) as error:
        one(adapter_of(grouped()), columns, targets=BOTH, task_key=key)
    assert {(problem.pointer, problem.code) for problem in error.value.problems} == problems


def test_a_target_that_the_model_does_not_answer_is_told():
    with pytest.raises(SpecError) as error:
        one(adapter_of(grouped()), support(3), targets=("demand", "profit"), task_key={"shop": "401"})
    assert error.value.problems[0].pointer == "/targets/1"


def test_a_model_without_groups_takes_none():
    with pytest.raises(SpecError) as error:
        one(adapter_of(listed()), support(3), targets=("price",), task_key={"shop": "401"})
    assert error.value.problems[0].code == "not-grouped"


def test_a_number_names_its_group_as_text():
    model = grouped(key_type="number")
    found = one(adapter_of(model), support(), targets=BOTH, task_key={"shop": 401.0})
    assert found.delta.header.added[0].key == ("401",)
