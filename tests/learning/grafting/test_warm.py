"""A multi-task job that starts from a model: what has to agree, which heads go on, and what it answers at the start."""

import numpy as np
import pytest
import torch

from learning.grafting import begin, plan_warm
from learning.grafting.heads import SourceHeads
from learning.grafting.warm import kept_heads
from learning.specs import parse_spec
from tests.learning.canonical import job, written
from tests.learning.grafting.test_plan import BASE, SOURCE, N
from tests.learning.toys import grouped_header, listed_header, trained

NETWORK = SOURCE.network
ONLY_B = {"only_b": ("number", [float(i) for i in range(N)])}
SHOPS = {
    **BASE,
    **ONLY_B,
    "shop": ("number", [float(17 + i % 4) for i in range(N)]),
    "demand": ("number", [float(i % 7) for i in range(N)]),
    "stockout": ("boolean", [i % 5 < 2 for i in range(N)]),
}


def listed(*targets, **fields):
    others = {"exclude": [name for name in ("price", "kind", "sold") if name not in targets]}
    return [{"dataset": "ds_1", "target": target, **others, **fields} for target in targets]


def grouped(**fields):
    tasks = {"dataset": "ds_1", "group_by": ["shop"], "targets": [{"target": "demand"}, {"target": "stockout"}]}
    return {**tasks, "exclude": ["price", "kind", "sold"], "small_groups": {"min_rows": 3}, **fields}


@pytest.fixture
def warm(tmp_path):
    def run(tasks, *, source=SOURCE, columns=BASE, **fields):
        fields.setdefault("network", NETWORK)
        return plan_warm(job(tasks, init="mdl_1", **fields), source, {"ds_1": written(tmp_path, columns)})

    return run


def found(plan):
    return [(problem.pointer, problem.code) for problem in plan.problems]


def told(plan, code):
    return [(notice.pointer, notice.detail) for notice in plan.notices if notice.code == code]


def test_the_features_are_the_sources_and_what_it_does_not_know_is_told(warm):
    plan = warm(listed("price", "sold"), columns={**BASE, "fresh": ("number", [float(i % 5) for i in range(N)])})
    assert plan.problems == ()
    assert {task.features for task in plan.tasks} == {("age", "member", "joined", "region")}
    ((pointer, detail),) = told(plan, "features-not-in-source")
    assert (pointer, "'fresh'" in detail) == ("/init", True)


def test_the_resolved_spec_gives_the_same_plan_again(warm, tmp_path):
    plan = warm(listed("price", "kind"), seed=None)
    again = plan_warm(plan.spec, SOURCE, {"ds_1": written(tmp_path, BASE)})
    assert (again.spec, again.tasks, again.layout) == (plan.spec, plan.tasks, plan.layout)
    assert parse_spec(plan.spec.model_dump(mode="json")) == plan.spec
    assert plan.spec.init == "mdl_1"


def test_a_job_that_names_no_network_has_the_sources(tmp_path):
    plan = plan_warm(job(listed("price"), init="mdl_1"), SOURCE, {"ds_1": written(tmp_path, BASE)})
    assert plan.problems == ()
    assert plan.spec.network.model_dump(mode="json") == NETWORK


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"network": {**NETWORK, "widths": [16]}}, "widths ([8, 6] there, [16] here)"),
        ({"network": {"name": "linear"}}, "name ('mlp' there, 'linear' here)"),
        ({"sharing": {"name": "soft"}}, "found sharing 'soft'"),
        ({"source": SOURCE.model_copy(update={"sharing": {"name": "soft"}})}, "expected a model with one trunk"),
    ],
    ids=["widths", "network", "the job's sharing", "the source's sharing"],
)
def test_another_architecture_is_refused_with_the_difference(warm, how, words):
    plan = warm(listed("price"), **how)
    assert found(plan) == [("/init", "source-architecture")]
    assert words in plan.problems[0].detail


def test_a_table_that_the_source_cannot_read_is_refused_once_with_lists(warm):
    plan = warm(listed("price", "sold"), columns={name: column for name, column in BASE.items() if name != "age"})
    assert ("/init", "source-feature-mismatch") in found(plan)
    (problem,) = [problem for problem in plan.problems if problem.code == "source-feature-mismatch"]
    assert "missing 'age'" in problem.detail
    assert "ds_1" in problem.detail


def test_what_else_is_wrong_is_told_where_it_was_written(warm):
    assert found(warm(listed("absent")))[0] == ("/tasks/0/target", "target-not-found")
    plan = warm([{"dataset": "ds_1", "target": "price", "features": ["age", "price"]}])
    assert found(plan) == [("/tasks/0/features/1", "target-is-feature")]
    plan = warm([{"dataset": "ds_1", "target": "price", "exclude": ["absent"]}])
    assert found(plan) == [("/tasks/0/exclude/0", "unknown-column")]


def test_tasks_of_the_same_name_type_and_classes_go_on_from_their_heads(warm):
    plan = warm(listed("price", "sold", "kind"))
    kept = {plan.tasks[one.task].name: (one.output, one.group) for one in kept_heads(plan, SOURCE)}
    assert kept == {"price": (0, 0), "sold": (1, 1), "kind": (2, 0)}
    assert told(plan, "new-heads") == []


@pytest.mark.parametrize(
    ("task", "columns"),
    [
        ({"target": "price", "name": "rent"}, {}),
        ({"target": "price", "type": "multiclass"}, {}),
        ({"target": "kind"}, {"kind": ("category", ["a", "b", "d"] * 20)}),
    ],
    ids=["name", "type", "classes"],
)
def test_another_task_gets_a_new_head_and_is_told(warm, task, columns):
    exclude = [name for name in ("price", "kind", "sold") if name != task["target"]]
    plan = warm([{"dataset": "ds_1", "exclude": exclude, **task}], columns={**BASE, **columns})
    assert plan.problems == ()
    assert kept_heads(plan, SOURCE) == ()
    ((pointer, detail),) = told(plan, "new-heads")
    assert (pointer, repr(plan.tasks[0].name) in detail) == ("/init", True)


def test_groups_go_on_from_the_heads_of_their_keys(warm):
    plan = warm(grouped(), source=grouped_header(), columns=SHOPS)
    assert plan.problems == ()
    kept = {plan.tasks[one.task].name: (one.output, one.group) for one in kept_heads(plan, grouped_header())}
    assert kept == {
        "shop=17/demand": (0, 0),
        "shop=17/stockout": (1, 0),
        "shop=18/demand": (0, 1),
        "shop=18/stockout": (1, 1),
    }
    ((_, detail),) = told(plan, "new-heads")
    assert "'shop=19/demand'" in detail
    assert "'shop=17" not in detail


def test_groups_that_share_a_head_here_and_not_there_begin_anew(warm):
    plan = warm(grouped(small_groups={"min_rows": 50}), source=grouped_header(), columns=SHOPS)
    assert {task.group for task in plan.tasks} == {0}
    assert kept_heads(plan, grouped_header()) == ()


def test_groups_do_not_go_on_from_listed_tasks_nor_the_other_way_round(warm):
    demand = [{"dataset": "ds_1", "target": "demand", "exclude": ["price", "kind", "sold", "shop", "stockout"]}]
    plan = warm(demand, source=grouped_header(), columns=SHOPS)
    assert plan.problems == ()
    assert kept_heads(plan, grouped_header()) == ()


@pytest.mark.parametrize("sharing", ["hard", "mean_regularised"])
def test_at_the_start_the_same_tasks_are_answered_as_by_the_source(warm, sharing):
    plan = warm(listed("price", "sold"), sharing={"name": sharing})
    source = trained(listed_header())
    scales = np.array([[50.0, 4.0], [0.0, 1.0]])
    model = plan.spec.sharing.build(plan.spec.network, source.header.encoding.inputs, plan.layout)
    begin(model, plan, source, scales)
    model.eval()

    inputs = source.header.encoding.inputs
    numeric = torch.randn(6, inputs.numeric, generator=torch.Generator().manual_seed(3))
    category = torch.zeros(6, len(inputs.cardinalities), dtype=torch.int64)
    with torch.no_grad():
        ours = model(numeric, category, torch.zeros(6, dtype=torch.int64))
        z = model.trunk(numeric, category)
    heads = SourceHeads(source)
    outputs = source.header.outputs
    price, bias = heads.head(outputs[0], 0, mean=0.0, deviation=1.0)
    assert torch.allclose(50.0 + 4.0 * ours[:, :1], z @ price.T + bias, atol=1e-3)
    sold, bias = heads.head(outputs[1], 1, mean=0.0, deviation=1.0)
    assert torch.allclose(ours[:, 1:], z @ sold.T + bias, atol=1e-5)


def test_a_new_head_is_as_first_values_are(warm):
    plan = warm([{"dataset": "ds_1", "target": "price", "name": "rent", "exclude": ["kind", "sold"]}])
    source = trained(listed_header())
    models = []
    for start in (False, True):
        torch.manual_seed(5)
        model = plan.spec.sharing.build(plan.spec.network, source.header.encoding.inputs, plan.layout)
        if start:
            begin(model, plan, source, np.array([[0.0, 1.0]]))
        models.append(model)
    assert torch.equal(models[0].heads.weight, models[1].heads.weight)
    assert not torch.equal(models[0].trunk.layers[0].weight, models[1].trunk.layers[0].weight)
    assert np.array_equal(models[1].trunk.layers[0].weight.detach().numpy(), source.tensors["trunk.layers.0.weight"])
