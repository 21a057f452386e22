"""An alias stands for one model at a time; its moves are numbered, kept, and made by one mover at a time."""

import threading
from functools import partial

import pytest

from store import aliases, models
from store.aliases import Belief
from store.claims import NewModel
from store.errors import (
    AliasMoved,
    InvalidCursor,
    ModelDeleted,
    ModelInUse,
    ModelNotFound,
    NotFound,
    NothingBefore,
)
from tests.store.conftest import Toy, blob

NAME = "wine-prod"


def trained(toy):
    return toy.finish(toy.running(), toy.success(model=NewModel(name="wine", header={}, artifact=blob()))).model_id


@pytest.fixture
def born(toy):
    """Three models."""
    return [trained(toy) for _ in range(3)]


def move(toy, model_id, name=NAME, **options):
    with toy.writing() as session:
        return aliases.move(session, toy.project_id, name, now=toy.clock.time, model_id=model_id, **options)


def rollback(toy, name=NAME, **options):
    with toy.writing() as session:
        return aliases.rollback(session, toy.project_id, name, now=toy.clock.time, **options)


def remove(toy, name=NAME):
    with toy.writing() as session:
        aliases.remove(session, toy.project_id, name, now=toy.clock.time)


def read(toy, function, *arguments, **options):
    with toy.database.reading() as session:
        return function(session, toy.project_id, *arguments, **options)


def history(toy, **options):
    return [(one.version, one.model_id, one.restores) for one in read(toy, aliases.history, NAME, **options).items]


def delete(toy, model_id):
    with toy.writing() as session:
        models.delete(session, toy.project_id, model_id, now=toy.clock.time)


def test_an_alias_is_made_by_its_first_move(toy, born):
    alias, new = move(toy, born[0])
    assert new
    assert alias == read(toy, aliases.get, NAME)
    assert (alias.name, alias.model_id, alias.version) == (NAME, born[0], 1)
    assert read(toy, aliases.resolve, NAME) == born[0]


def test_a_move_is_the_next_version(toy, born):
    first, _ = move(toy, born[0])
    toy.clock.advance(1)
    alias, new = move(toy, born[1])
    assert not new
    assert (alias.model_id, alias.version) == (born[1], 2)
    assert (alias.created_at, alias.updated_at) == (first.created_at, toy.clock.time)
    assert history(toy) == [(2, born[1], None), (1, born[0], None)]


def test_a_move_to_where_it_points_changes_nothing(toy, born):
    before, _ = move(toy, born[0])
    toy.clock.advance(1)
    assert move(toy, born[0], belief=Belief(born[0])) == (before, False)
    assert len(history(toy)) == 1


def test_a_model_knows_its_aliases(toy, born):
    move(toy, born[0], "b")
    move(toy, born[0], "a")
    assert read(toy, models.get, born[0]).aliases == ("a", "b")
    assert [model.aliases for model in read(toy, models.page).items] == [(), (), ("a", "b")]


def test_a_mover_with_a_stale_belief_changes_nothing(toy, born):
    move(toy, born[0])
    move(toy, born[1], belief=Belief(born[0]))
    for belief in (Belief(born[0]), Belief(None)):
        with pytest.raises(AliasMoved) as caught:
            move(toy, born[2], belief=belief)
        assert caught.value.found == born[1]
    with pytest.raises(AliasMoved):
        rollback(toy, belief=Belief(born[0]))
    assert len(history(toy)) == 2


def test_a_belief_in_an_alias_that_is_not_there_is_stale(toy, born):
    with pytest.raises(AliasMoved):
        move(toy, born[0], belief=Belief(born[1]))
    with pytest.raises(NotFound):
        read(toy, aliases.get, NAME)
    assert move(toy, born[0], belief=Belief(None))[1]


def test_rollbacks_go_back_step_by_step(toy, born):
    for model in born:
        move(toy, model)
    assert rollback(toy).model_id == born[1]
    back = rollback(toy, belief=Belief(born[1]))
    assert (back.model_id, back.version) == (born[0], 5)
    assert history(toy, limit=2) == [(5, born[0], 1), (4, born[1], 2)]
    with pytest.raises(NothingBefore):
        rollback(toy)


def test_a_move_after_a_rollback_is_taken_back_to_what_stood_before_it(toy, born):
    move(toy, born[0])
    move(toy, born[1])
    rollback(toy)
    move(toy, born[2])
    assert rollback(toy).model_id == born[0]
    with pytest.raises(NothingBefore):
        rollback(toy)


def test_a_model_with_an_alias_cannot_be_deleted(toy, born):
    move(toy, born[0])
    with pytest.raises(ModelInUse) as caught:
        delete(toy, born[0])
    assert caught.value.aliases == (NAME,)
    move(toy, born[1])
    delete(toy, born[0])
    with pytest.raises(ModelDeleted):
        rollback(toy)
    with pytest.raises(ModelDeleted):
        move(toy, born[0])
    assert read(toy, aliases.get, NAME).model_id == born[1]


def test_a_removed_alias_is_gone_and_its_versions_go_on(toy, born):
    move(toy, born[0])
    remove(toy)
    for attempt in (lambda: read(toy, aliases.get, NAME), lambda: rollback(toy), lambda: remove(toy)):
        with pytest.raises(NotFound):
            attempt()
    assert read(toy, aliases.page).items == ()
    delete(toy, born[0])
    alias, new = move(toy, born[1], belief=Belief(None))
    assert (alias.version, new) == (2, True)


def test_only_a_model_of_the_project_can_be_pointed_to(toy, born, database, clock):
    other = Toy(database, clock)
    with pytest.raises(ModelNotFound):
        move(other, born[0])
    with pytest.raises(NotFound):
        read(other, aliases.get, NAME)


def test_a_foreign_alias_is_not_there(toy, born, database, clock):
    other = Toy(database, clock)
    move(toy, born[0])
    for attempt in (
        lambda: read(other, aliases.get, NAME),
        lambda: read(other, aliases.resolve, NAME),
        lambda: rollback(other),
        lambda: remove(other),
    ):
        with pytest.raises(NotFound):
            attempt()
    with pytest.raises(InvalidCursor):
        read(other, aliases.page, after=NAME)
    assert read(other, aliases.history, NAME).items == ()
    own = trained(other)
    assert move(other, own)[0].version == 1  # the same name is theirs to give
    assert read(toy, aliases.get, NAME).model_id == born[0]


def test_aliases_are_listed_by_name_in_pages(toy, born):
    for name in ("b", "Z", "ä", "a"):
        move(toy, born[0], name)
    first = read(toy, aliases.page, limit=3)
    assert ([alias.name for alias in first.items], first.has_more) == (["Z", "a", "b"], True)
    assert [alias.name for alias in read(toy, aliases.page, after="b").items] == ["ä"]
    assert [alias.name for alias in read(toy, aliases.page, after="b", descending=True).items] == ["a", "Z"]
    with pytest.raises(InvalidCursor):
        read(toy, aliases.page, after="c")


def test_a_history_is_read_in_pages(toy, born):
    for model in born:
        move(toy, model)
    assert [version for version, *_ in history(toy, after=3, limit=1)] == [2]
    assert [version for version, *_ in history(toy, after=1, descending=False)] == [2, 3]
    with pytest.raises(InvalidCursor):
        history(toy, after=4)


def test_an_id_needs_no_alias(toy, born):
    assert read(toy, aliases.resolve, born[0]) == born[0]
    with pytest.raises(NotFound):
        read(toy, aliases.resolve, "mdl_wine")


def raced(*actions):
    """What each action returned or raised, all begun at once in threads of their own."""
    start, ends = threading.Barrier(len(actions)), {}

    def run(number, action):
        start.wait(10)
        try:
            ends[number] = action()
        except Exception as error:
            ends[number] = error

    threads = [threading.Thread(target=run, args=one) for one in enumerate(actions)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return [ends[number] for number in range(len(actions))]


@pytest.mark.parametrize("exists", [False, True])
def test_of_movers_with_the_same_belief_one_wins(toy, born, exists):
    for number in range(6):
        name, belief = f"race-{number}", Belief(None)
        if exists:
            move(toy, born[0], name)
            belief = Belief(born[0])
        movers = [partial(move, toy, model, name, belief=belief) for model in (*born[1:], born[1])]
        ends = raced(*movers)
        winners = [end[0].model_id for end in ends if isinstance(end, tuple)]
        assert read(toy, aliases.get, name).model_id in winners
        # who asks for the very model that another has just set still believed in the one before
        assert len(winners) == 1
        assert [type(end) for end in ends if not isinstance(end, tuple)] == [AliasMoved] * 2


def test_movers_without_a_belief_all_move_one_after_the_other(toy, born):
    ends = raced(*(partial(move, toy, model) for model in born))
    assert sorted(end[0].version for end in ends) == [1, 2, 3]
    assert [version for version, *_ in history(toy)] == [3, 2, 1]


def test_of_a_move_and_the_deletion_of_its_model_only_one_succeeds(toy, born):
    for number in range(8):
        model = trained(toy)
        name = f"race-{number}"
        moved, deleted = raced(partial(move, toy, model, name), partial(delete, toy, model))
        assert isinstance(moved, ModelDeleted) == (deleted is None)
        assert isinstance(deleted, ModelInUse) == isinstance(moved, tuple)
