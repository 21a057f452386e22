"""Warm models stay within their memory, are loaded once for all who ask, and are never believed for long."""

import asyncio
import shutil
from pathlib import Path

import pytest

from app.errors import ApiError
from app.predictors import Predictors
from app.warm import Location
from store.artifacts import file_sha256
from store.errors import NotFound
from tests.app.small_model import listed, store_model, typed_table

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def file(new_tenant) -> Path:
    """The file of a small model."""
    tenant = new_tenant()
    model = store_model(tenant, listed(tenant.upload(typed_table())["id"]))
    return Path(tenant.service.artifacts.path(tenant.client.get(f"/v1/models/{model}").json()["sha256"]))


class Shelf:
    """Where models are, and how often somebody asked."""

    def __init__(self, file: Path) -> None:
        self.location = Location("m", file, file_sha256(file), file.stat().st_size)
        self.asked: list[str] = []
        self.gone = False

    def locate(self, _project_id: str, model_id: str) -> Location:
        self.asked.append(model_id)
        if self.gone:
            raise NotFound("model", model_id)
        return self.location


def predictors(shelf: Shelf, *, most_bytes: int = 1 << 30, loads: int = 2, trust_seconds: float = 60.0) -> Predictors:
    return Predictors(
        locate=shelf.locate, most_bytes=most_bytes, loads=loads, wait_seconds=0.05, trust_seconds=trust_seconds
    )


async def test_a_warm_model_asks_nobody(file):
    shelf = Shelf(file)
    kept = predictors(shelf)

    first = await kept.get("p", "m")
    assert await kept.get("p", "m") is first

    assert shelf.asked == ["m"]


async def test_many_who_ask_at_once_share_one_load(file):
    shelf = Shelf(file)
    kept = predictors(shelf)

    found = await asyncio.gather(*(kept.get("p", "m") for _ in range(10)))

    assert len(set(map(id, found))) == 1
    assert shelf.asked == ["m"]


async def test_the_cache_never_holds_more_than_it_may(file):
    shelf = Shelf(file)
    size = (await predictors(shelf).get("p", "m")).nbytes
    most_bytes = (
        shelf.location.bytes + size + size // 2
    )  # room to load one more beside one that is kept, not beside two
    kept = predictors(shelf, most_bytes=most_bytes)

    for name in ("a", "b", "a", "c"):
        await kept.get("p", name)
    assert size < kept.nbytes <= most_bytes
    shelf.asked.clear()
    await kept.get("p", "a")

    assert shelf.asked == []  # the one used last stayed, the one used longest ago went
    await kept.get("p", "b")
    assert shelf.asked == ["b"]


async def test_a_model_larger_than_the_cache_is_answered_and_not_kept(file):
    shelf = Shelf(file)
    kept = predictors(shelf, most_bytes=10)

    await kept.get("p", "m")

    assert kept.nbytes == 0


async def test_too_many_cold_models_at_once_are_told_to_come_back(file):
    kept = predictors(Shelf(file), loads=0)

    with pytest.raises(ApiError) as caught:
        await kept.get("p", "m")

    assert caught.value.code == "busy"
    assert caught.value.kind.retryable


async def test_a_deleted_model_is_found_out_when_trust_ends(file):
    shelf = Shelf(file)
    kept = predictors(shelf, trust_seconds=0.0)
    await kept.get("p", "m")
    shelf.gone = True

    with pytest.raises(NotFound):
        await kept.get("p", "m")

    assert kept.nbytes == 0


async def test_a_forgotten_model_is_loaded_anew(file):
    shelf = Shelf(file)
    kept = predictors(shelf)
    await kept.get("p", "m")

    kept.forget("p", "m")
    await kept.get("p", "m")

    assert shelf.asked == ["m", "m"]


async def test_projects_do_not_share_models(file):
    shelf = Shelf(file)
    kept = predictors(shelf)

    await kept.get("p", "m")
    await kept.get("q", "m")

    assert shelf.asked == ["m", "m"]


async def test_an_altered_file_is_refused_and_a_repaired_one_serves_again(file, tmp_path):
    copy = tmp_path / "model"
    shutil.copyfile(file, copy)
    shelf = Shelf(copy)
    copy.write_bytes(copy.read_bytes()[:-1] + b"\x01")
    kept = predictors(shelf)

    with pytest.raises(ApiError) as caught:
        await kept.get("p", "m")
    assert caught.value.code == "model-corrupt"

    shutil.copyfile(file, copy)
    assert (await kept.get("p", "m")).nbytes > 0
