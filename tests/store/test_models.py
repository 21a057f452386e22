"""Models are immutable, know where they come from, and leave a tombstone."""

import pytest

from store import datasets, models
from store.claims import NewDataset, NewModel
from store.errors import InvalidCursor, NotFound
from store.lineage import Edge, lineage
from tests.store.conftest import Toy, blob


def get(toy, key):
    with toy.database.reading() as session:
        return models.get(session, toy.project_id, key)


def page(toy, **options):
    with toy.database.reading() as session:
        return models.page(session, toy.project_id, **options)


def trained(toy, name="wine", parents=(), **options):
    fence = toy.running(**options)
    return toy.finish(
        fence, toy.success(model=NewModel(name=name, header={"adaptable": True}, artifact=blob(name), parents=parents))
    ).model_id


def test_a_model_is_found_again(toy):
    model = get(toy, trained(toy))
    assert (model.name, model.kind, model.header, model.parents) == ("wine", "multitask", {"adaptable": True}, ())
    assert (model.artifact, model.bytes) == (blob("wine").sha256, 4)


def test_models_are_listed_in_pages_newest_first(toy):
    born = [trained(toy, str(number)) for number in range(4)]
    first = page(toy, limit=3)
    assert ([model.id for model in first.items], first.has_more) == (born[:0:-1], True)
    assert [model.id for model in page(toy, after=born[1]).items] == [born[0]]
    assert [model.id for model in page(toy, name="2").items] == [born[2]]
    assert [model.id for model in page(toy, kind="transfer").items] == []
    assert [model.id for model in page(toy, created_after=toy.clock.time).items] == []


def test_a_foreign_model_is_not_there(toy, database, clock):
    other = Toy(database, clock)
    foreign = trained(other)
    for attempt in (
        lambda: get(toy, foreign),
        lambda: trained(toy, parents=[foreign]),
    ):
        with pytest.raises(NotFound):
            attempt()
    with pytest.raises(NotFound), toy.writing() as session:
        models.delete(session, toy.project_id, foreign, now=toy.clock.time)
    with pytest.raises(NotFound), toy.database.reading() as session:
        models.lineage(session, toy.project_id, foreign)
    with pytest.raises(InvalidCursor):
        page(toy, after=foreign)
    assert get(other, foreign).deleted_at is None


def test_a_deleted_model_is_gone_but_its_job_and_children_stay(toy):
    parent = trained(toy, "parent")
    child = trained(toy, "child", parents=[parent])
    with toy.writing() as session:
        models.delete(session, toy.project_id, parent, now=toy.clock.time)
    with pytest.raises(NotFound):
        get(toy, parent)
    with pytest.raises(NotFound), toy.writing() as session:
        models.delete(session, toy.project_id, parent, now=toy.clock.time)
    assert get(toy, child).parents == (parent,)
    assert [model.id for model in page(toy).items] == [child]
    with toy.database.reading() as session:
        nodes = {node.id: node for node in models.lineage(session, toy.project_id, parent).nodes}
    assert nodes[parent].deleted
    assert not nodes[child].deleted


def test_lineage_goes_back_to_the_data_and_forward_to_the_children(toy):
    dataset, unrelated = toy.dataset(), toy.dataset()
    fence = toy.running(datasets=[dataset])
    predictions = NewDataset(name="predictions", description={}, artifact=blob("p"))
    parent = toy.finish(fence, toy.success(dataset=predictions)).model_id
    child_fence = toy.running(datasets=[predictions.id])
    child = toy.finish(
        child_fence, toy.success(model=NewModel(name="child", header={}, artifact=blob(), parents=[parent]))
    ).model_id
    trained(toy, "stranger", datasets=[unrelated])
    with toy.database.reading() as session:
        graph = models.lineage(session, toy.project_id, child)
        downwards = lineage(session, toy.project_id, dataset)
        predicted = datasets.get(session, toy.project_id, predictions.id)
    expected = {
        Edge(dataset, fence.job_id, "reads"),
        Edge(fence.job_id, parent, "makes"),
        Edge(fence.job_id, predictions.id, "makes"),
        Edge(predictions.id, child_fence.job_id, "reads"),
        Edge(parent, child, "parent"),
        Edge(child_fence.job_id, child, "makes"),
    }
    assert set(graph.edges) == expected
    assert {node.id for node in graph.nodes} == {edge.source for edge in expected} | {edge.target for edge in expected}
    assert {node.kind for node in graph.nodes} == {"dataset", "job", "model"}
    assert set(downwards.edges) == expected
    assert graph.complete
    assert predicted.job_id == fence.job_id


def test_lineage_shows_what_the_job_made_beside_the_model(toy):
    fence = toy.running()
    predictions = NewDataset(name="predictions", description={}, artifact=blob("p"))
    model = toy.finish(fence, toy.success(dataset=predictions)).model_id
    expected = {Edge(fence.job_id, model, "makes"), Edge(fence.job_id, predictions.id, "makes")}
    for root in (model, predictions.id):
        with toy.database.reading() as session:
            graph = lineage(session, toy.project_id, root)
        assert set(graph.edges) == expected
        assert {node.id for node in graph.nodes} == {fence.job_id, model, predictions.id}


def test_the_lineage_of_a_parent_ends_at_its_children(toy):
    parent = trained(toy, "parent")
    child = trained(toy, "child", parents=[parent])
    with toy.database.reading() as session:
        graph = models.lineage(session, toy.project_id, parent)
    assert {node.name for node in graph.nodes if node.kind == "model"} == {"parent", "child"}
    assert Edge(parent, child, "parent") in graph.edges


@pytest.mark.parametrize("key", ["mdl_unknown", "ds_unknown", "job_unknown", "nonsense"])
def test_the_lineage_of_nothing_is_not_there(toy, key):
    with pytest.raises(NotFound), toy.database.reading() as session:
        lineage(session, toy.project_id, key)
