"""Children in the cache of warm models: on their base's trunk, within the bound, gone when their time has come."""

from pathlib import Path

import pytest

from app.errors import ApiError
from app.predictors import Predictors
from app.warm import CHILD_BYTES, Location
from learning.adapting import Request, Sample, adapter_of
from learning.model import MetaModel
from store.artifacts import file_sha256
from tests.learning.adapting.models import blobs, meta

pytestmark = pytest.mark.anyio


def located(key: str, path: Path, **more) -> Location:
    return Location(key, path, file_sha256(path), path.stat().st_size, **more)


@pytest.fixture
def base(tmp_path) -> MetaModel:
    model = meta({"name": "protonet"})
    model.save(tmp_path / "base")
    return model


@pytest.fixture
def shelf(tmp_path, base) -> dict[str, Location]:
    """A meta-model and three children of it, one with a second to live."""
    whole = located("base", tmp_path / "base")
    samples = [Sample(support=blobs(seed=seed)) for seed in range(3)]
    for number, learned in enumerate(adapter_of(base).adapt(Request(), samples)):
        learned.delta.save(tmp_path / f"child{number}")
    children = {
        f"child{n}": located(f"child{n}", tmp_path / f"child{n}", base=whole, seconds_left=0.0 if n == 2 else None)
        for n in range(3)
    }
    return {"base": whole, **children}


def predictors(shelf, asked: list[str], *, most_bytes: int = 1 << 30) -> Predictors:
    def locate(_project: str, key: str) -> Location:
        asked.append(key)
        return shelf[key]

    return Predictors(locate=locate, most_bytes=most_bytes, loads=2, wait_seconds=1.0, trust_seconds=60.0)


async def test_children_add_little_to_their_base(shelf, base):
    kept = predictors(shelf, [])
    weights = sum(tensor.nbytes for tensor in base.tensors.values())
    await kept.get("p", "child0")
    with_one = kept.nbytes
    await kept.get("p", "child1")
    assert with_one < 2 * weights + CHILD_BYTES + 4_096
    assert CHILD_BYTES < kept.nbytes - with_one < CHILD_BYTES + 4_096


async def test_a_base_that_only_carries_its_children_is_not_believed_to_exist(shelf):
    asked: list[str] = []
    kept = predictors(shelf, asked)
    await kept.get("p", "child0")
    assert asked == ["child0"]
    await kept.adaptable("p", "base")
    assert asked == ["child0", "base"]


async def test_a_base_outlasts_its_children_in_a_full_cache(shelf):
    kept = predictors(shelf, [])
    await kept.get("p", "child0")
    full = predictors(shelf, [], most_bytes=kept.nbytes + CHILD_BYTES // 2)
    first = await full.get("p", "child0")
    await full.get("p", "child1")
    assert full.nbytes <= kept.nbytes + CHILD_BYTES // 2
    assert await full.get("p", "child0") is not first


async def test_a_child_whose_time_has_come_is_looked_for_again(shelf):
    asked: list[str] = []
    kept = predictors(shelf, asked)
    await kept.get("p", "child2")
    await kept.get("p", "child2")
    assert asked == ["child2", "child2"]


async def test_a_meta_model_is_ready_to_adapt_and_not_to_answer(shelf):
    kept = predictors(shelf, [])
    with pytest.raises(ApiError) as caught:
        await kept.get("p", "base")
    assert (caught.value.code, caught.value.kind.status) == ("not-adapted", 409)
    warm = await kept.adaptable("p", "base")
    assert warm.adapter() is warm.adapter()


async def test_a_child_on_a_damaged_base_is_told(shelf, tmp_path):
    (tmp_path / "base").write_bytes((tmp_path / "base").read_bytes()[:-1] + b"\x01")
    with pytest.raises(ApiError) as caught:
        await predictors(shelf, []).get("p", "child0")
    assert caught.value.code == "model-corrupt"
