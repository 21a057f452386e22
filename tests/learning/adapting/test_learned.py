"""Meta-models: they adapt as they were trained, one task or many."""

import numpy as np
import pytest
import torch

from learning.adapting import Request, adapter_of, merge
from learning.errors import InputError, SpecError
from learning.learner import learner_of, method_of
from learning.meta.base import Rows, answers
from learning.model import MetaModel
from learning.predictor import Predictor
from tests.learning.adapting.models import blobs, line, meta, one, sample, told

PROTONET = {"name": "protonet"}
MAML = {"name": "maml", "inner_steps": 2, "inner_rate": 0.1}
REPTILE = {"name": "reptile", "inner_steps": 3}
METHODS = [PROTONET, MAML, REPTILE]


def asked(ways=3, shots=4, seed=9):
    return {name: values for name, values in blobs(ways, shots, seed=seed).items() if name != "y"}


def rows_of(model, columns, classes):
    """The rows as the learner reads them, a batch of one task."""
    cells = {name: np.array(columns[name], float) for name in ("a", "b")}
    means = {column.name: (column.mean, column.scale) for column in model.header.encoding.columns}
    numeric = np.stack([(cells[name] - means[name][0]) / means[name][1] for name in ("a", "b")], axis=1)
    labels = [classes.index(name) for name in columns["y"]] if "y" in columns else [0] * len(numeric)
    return Rows(
        torch.tensor(numeric, dtype=torch.float32)[None],
        torch.zeros((1, len(numeric), 0), dtype=torch.long),
        torch.tensor(labels)[None],
    )


def functional(model, support, query, *, ways, steps=None):
    """The probabilities ``[m, ways]`` by the method itself."""
    classes = sorted(set(support["y"]))
    learner = learner_of(model)
    adapted = method_of(model.header).adapt(learner, rows_of(model, support, classes), ways=ways, steps=steps)
    raw = answers(learner, adapted, rows_of(model, query, classes))[0, :, :ways]
    return torch.softmax(raw.double(), dim=1).numpy()


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("ways", [2, 3, 5])
def test_a_child_answers_as_its_method_says(method, ways):
    model = meta(method)
    support, query = blobs(ways, 4), asked(ways)
    found = one(adapter_of(model), support, query=query)
    expected = functional(model, support, query, ways=ways)
    np.testing.assert_allclose(told(found.predictions).probabilities, expected, atol=1e-5)
    child = merge(model, found.delta)
    served = told(Predictor(child).predict(query))
    np.testing.assert_allclose(served.probabilities, expected, atol=1e-5)
    assert served.type == ("binary" if ways == 2 else "multiclass")
    assert child.header.kind == "adapt"


def test_steps_are_taken_as_asked_and_written_down():
    model = meta(MAML)
    support, query = blobs(), asked()
    found = one(adapter_of(model), support, query=query, steps=7)
    np.testing.assert_allclose(
        told(found.predictions).probabilities, functional(model, support, query, ways=3, steps=7), atol=1e-5
    )
    assert found.delta.header.adapted["steps"] == 7


@pytest.mark.parametrize("method", [MAML, REPTILE])
def test_a_regression_is_answered_in_the_units_of_all_training_tasks(method):
    model = meta(method, "regression", mean=3.0, deviation=2.0)
    columns = line(12)
    found = one(adapter_of(model), columns, query=columns)
    learner, rows = learner_of(model), rows_of(model, {"a": columns["a"], "b": columns["b"]}, [])
    scaled = torch.tensor((np.array(columns["y"]) - 3.0) / 2.0, dtype=torch.float32)[None]
    adapted = method_of(model.header).adapt(learner, Rows(rows.numeric, rows.category, scaled), ways=1)
    expected = answers(learner, adapted, rows)[0, :, 0].numpy() * 2.0 + 3.0
    values = told(found.predictions).values
    np.testing.assert_allclose(values, expected, rtol=1e-4)
    assert found.checks["y"].query == pytest.approx(np.sqrt(((values - np.array(columns["y"])) ** 2).mean()))
    before = learner(rows.numeric[0], rows.category[0])[:, 0].detach().numpy() * 2.0 + 3.0
    assert found.checks["y"].before == pytest.approx(np.sqrt(((before - np.array(columns["y"])) ** 2).mean()), rel=1e-4)


@pytest.mark.parametrize("method", METHODS)
def test_a_left_out_row_is_answered_by_what_learned_from_the_others(method):
    model = meta(method)
    columns = blobs(3, 3, seed=2)
    columns["a"] = np.random.default_rng(1).normal(size=9).tolist()  # not easy
    adapter = adapter_of(model)
    right = []
    for row in range(9):
        others = {name: values[:row] + values[row + 1 :] for name, values in columns.items()}
        query = {name: [columns[name][row]] for name in ("a", "b")}
        answer = told(one(adapter, others, query=query, check=False).predictions)
        right.append(answer.labels[0] == columns["y"][row])
    found = one(adapter, columns).checks["y"]
    assert found.support_leave_one_out == pytest.approx(np.mean(right))
    assert found.before == pytest.approx(1 / 3)


def test_a_single_row_of_each_class_leaves_nothing_to_judge():
    found = one(adapter_of(meta(PROTONET)), blobs(5, 1)).checks["y"]
    assert (found.support_leave_one_out, found.worth_it) == (None, None)
    assert found.before == pytest.approx(0.2)


@pytest.mark.parametrize("method", METHODS)
def test_many_tasks_of_many_shapes_are_adapted_as_each_alone(method):
    adapter = adapter_of(meta(method))
    shapes = [(3, 4), (2, 4), (3, 4), (5, 1), (4, 3)]
    samples = [
        sample(blobs(ways, shots, seed=seed), query=asked(2, 1 + seed % 2)) for seed, (ways, shots) in enumerate(shapes)
    ]
    for found, own in zip(adapter.adapt(Request(), samples), samples, strict=True):
        alone = adapter.adapt(Request(), [own])[0]
        assert found.delta.tensors.keys() == alone.delta.tensors.keys()
        for name, tensor in alone.delta.tensors.items():
            np.testing.assert_allclose(found.delta.tensors[name], tensor, atol=1e-5)
        np.testing.assert_allclose(
            told(found.predictions).probabilities, told(alone.predictions).probabilities, atol=1e-5
        )
        assert [notice.code for notice in found.notices] == [notice.code for notice in alone.notices]


@pytest.mark.parametrize("method", METHODS)
def test_the_parent_stays_as_it_is_bit_for_bit(method):
    model = meta(method)
    before = {name: tensor.tobytes() for name, tensor in model.tensors.items()}
    adapter = adapter_of(model)
    first = one(adapter, blobs(3, 5))
    one(adapter, blobs(5, 5, seed=3))
    again = one(adapter, blobs(3, 5))
    assert {name: tensor.tobytes() for name, tensor in model.tensors.items()} == before
    for name, tensor in first.delta.tensors.items():
        np.testing.assert_array_equal(again.delta.tensors[name], tensor)


def test_only_gradient_methods_have_trunks_of_their_own():
    heads = {"heads.weight", "heads.bias", "heads.rows"}
    assert one(adapter_of(meta(PROTONET)), blobs()).delta.tensors.keys() == heads
    moved = one(adapter_of(meta(MAML)), blobs()).delta.tensors.keys() - heads
    assert moved == {f"trunk.layers.{layer}.{part}" for layer in (0, 1) for part in ("weight", "bias")}


def test_a_child_of_a_gradient_method_adapts_in_closed_form_on_its_own_trunk():
    model = meta(MAML)
    first = one(adapter_of(model), blobs()).delta
    child = merge(model, first)
    query = asked()
    second = one(adapter_of(child, delta=first), blobs(3, 8, seed=4), query=query)
    served = told(Predictor(merge(model, second.delta)).predict(query))
    np.testing.assert_allclose(told(second.predictions).probabilities, served.probabilities, atol=1e-5)


def test_tasks_by_a_column_keep_the_classes_of_all_tasks():
    model = meta(MAML, "binary", ways=2, classes=("no", "yes"), episodes=False, shots=8)
    adapter = adapter_of(model)
    found = one(adapter, blobs(2, 4, labels=["yes", "no"]), query=asked(2))
    assert told(found.predictions).classes == ("no", "yes")
    assert found.notices == ()
    single = one(adapter, blobs(1, 8, labels=["yes"]), query=asked(2))
    assert single.predictions.by_task["y"].classes == ("no", "yes")
    with pytest.raises(InputError) as error:
        one(adapter, blobs(2, 1, labels=["yes", "maybe"]))
    assert [(p.pointer, p.code) for p in error.value.problems] == [("/support/columns/y/1", "unseen-label")]


@pytest.mark.parametrize(
    ("method", "columns", "codes"),
    [
        (MAML, blobs(3, 4), ["fewer-ways", "fewer-shots"]),
        (MAML, blobs(5, 5), []),
        (PROTONET, blobs(3, 5), []),
        (PROTONET, blobs(3, 2), ["fewer-shots"]),
        (PROTONET, blobs(20, 5), []),
    ],
)
def test_other_tasks_than_trained_with_are_told(method, columns, codes):
    assert [notice.code for notice in one(adapter_of(meta(method)), columns).notices] == codes


@pytest.mark.parametrize(
    ("method", "columns", "parts", "problems"),
    [
        (PROTONET, blobs(1, 4), {}, {("/support", "single-class-target")}),
        (PROTONET, {"a": [], "b": [], "y": []}, {}, {("/support", "empty-rows")}),
        (PROTONET, blobs(2, 2) | {"y": [None] * 4}, {}, {("/support", "no-labels")}),
        (PROTONET, {"a": [1.0], "b": [2.0]}, {}, {("/target", "target-not-found")}),
        (PROTONET, blobs(2, 2), {"targets": ("label",)}, {("/support/columns/y", "schema-mismatch")}),
        (PROTONET, blobs(2, 2), {"targets": ("a",)}, {("/target", "target-is-feature")}),
        (PROTONET, blobs(2, 2), {"targets": ("y", "z")}, {("/targets", "too-many-targets")}),
        (PROTONET, blobs(2, 2), {"steps": 3}, {("/steps", "no-steps")}),
        (PROTONET, blobs(2, 2), {"task_key": {"shop": "1"}}, {("/task_key", "not-grouped")}),
        (MAML, blobs(6, 1), {}, {("/support", "too-many-ways")}),
        (MAML, {"a": [1.0, 2.0], "y": ["p", "q"]}, {}, {("/support/columns/b", "schema-mismatch")}),
        (MAML, {"a": [1.0, "x"], "b": [1.0, 2.0], "y": ["p", "q"]}, {}, {("/support/columns/a/1", "wrong-type")}),
        (MAML | {"inner_rate": 100.0}, blobs(3, 4), {"steps": 100}, {("/support", "training-diverged")}),
    ],
)
def test_what_cannot_be_meant_is_told_where_it_stands(method, columns, parts, problems):
    model = meta(method)
    if method.get("inner_rate") == 100.0:
        model = MetaModel(model.header, {name: 1e6 * tensor for name, tensor in model.tensors.items()})
    before = {name: tensor.tobytes() for name, tensor in model.tensors.items()}
    with pytest.raises((InputError, SpecError)) as error:
        one(adapter_of(model), columns, **parts)
    assert {(problem.pointer, problem.code) for problem in error.value.problems} == problems
    assert {name: tensor.tobytes() for name, tensor in model.tensors.items()} == before


def test_the_target_may_have_any_name():
    columns = blobs()
    columns["label"] = columns.pop("y")
    found = one(adapter_of(meta(PROTONET)), columns, targets=("label",), query=asked())
    assert found.predictions.by_task.keys() == {"label"}
