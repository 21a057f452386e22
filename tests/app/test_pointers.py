"""Aliases are believed for a moment, forgotten at a move, and remembered in a bounded number."""

import pytest

from app import pointers
from app.pointers import Pointers
from store import aliases
from store.errors import NotFound
from store.ids import new_id
from tests.app.small_model import listed, store_model, typed_table
from tests.app.tenant import Tenant

pytestmark = pytest.mark.anyio


@pytest.fixture
def born(tenant: Tenant) -> list[str]:
    dataset = tenant.upload(typed_table())["id"]
    return [store_model(tenant, listed(dataset)) for _ in range(2)]


def move(tenant: Tenant, model: str, name: str = "prod") -> None:
    database = tenant.service.database
    with database.transaction() as session:
        aliases.move(session, tenant.project_id, name, now=database.now(session), model_id=model)


def held(tenant: Tenant, *, trust_seconds: float = 60.0) -> Pointers:
    return Pointers(tenant.service.database, trust_seconds=trust_seconds)


async def test_an_id_is_itself_also_of_a_model_that_nobody_has(tenant):
    model = new_id("model")
    assert await held(tenant).model(tenant.project_id, model) == model


async def test_a_believed_alias_asks_nobody_until_it_is_forgotten(tenant, born):
    move(tenant, born[0])
    known = held(tenant)
    assert await known.model(tenant.project_id, "prod") == born[0]
    move(tenant, born[1])
    assert await known.model(tenant.project_id, "prod") == born[0]
    known.forget(tenant.project_id, "prod")
    assert await known.model(tenant.project_id, "prod") == born[1]


async def test_belief_ends_with_its_time(tenant, born):
    move(tenant, born[0])
    known = held(tenant, trust_seconds=0.0)
    assert await known.model(tenant.project_id, "prod") == born[0]
    move(tenant, born[1])
    assert await known.model(tenant.project_id, "prod") == born[1]


async def test_what_was_read_before_a_move_is_not_believed_after_it(tenant, born):
    class Overtaken(Pointers):
        """Between its reading and its believing, the alias moves."""

        def _resolve(self, project_id: str, name: str) -> str:
            found = super()._resolve(project_id, name)
            move(tenant, born[1])
            self.forget(project_id, name)
            return found

    move(tenant, born[0])
    known = Overtaken(tenant.service.database, trust_seconds=60.0)
    assert await known.model(tenant.project_id, "prod") == born[0]
    assert await known.model(tenant.project_id, "prod") == born[1]


async def test_an_unknown_alias_is_not_remembered(tenant, born):
    known = held(tenant)
    with pytest.raises(NotFound):
        await known.model(tenant.project_id, "prod")
    move(tenant, born[0])
    assert await known.model(tenant.project_id, "prod") == born[0]


async def test_no_more_than_so_many_are_remembered(tenant, born, monkeypatch):
    monkeypatch.setattr(pointers, "REMEMBERED", 1)
    known = held(tenant)
    for name in ("a", "b"):
        move(tenant, born[0], name)
        await known.model(tenant.project_id, name)
        move(tenant, born[1], name)
    assert await known.model(tenant.project_id, "b") == born[0]  # still believed
    assert await known.model(tenant.project_id, "a") == born[1]  # asked again
