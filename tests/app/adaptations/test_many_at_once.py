"""BAD_INPUT row 84: hundreds of adaptations of one base at once share it, read it only, and none of them fails."""

from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from store.artifacts import file_sha256
from tests.app.adaptations.rows import classes
from tests.app.meta_model import store_meta
from tests.app.tenant import Tenant

REQUESTS, CLIENTS = 300, 30


@pytest.mark.parametrize("method", ["protonet", "maml"])
def test_hundreds_of_adaptations_at_once_leave_one_base_as_it_is(tenant: Tenant, method: str):
    model = store_meta(tenant, method)
    path = tenant.service.artifacts.path(tenant.client.get(f"/v1/models/{model}").json()["sha256"])
    before = file_sha256(path)
    tasks = [{"support": classes(5, 3, seed=seed), "query": classes(5, 3, seed=seed)} for seed in range(10)]
    alone = [_answer(tenant.client, model, task, store=False).json() for task in tasks]

    def one(number: int) -> tuple[int, int, list[list[float]]]:
        # every tenth is stored, so that threads and the event loop adapt side by side
        answer = _answer(client, model, tasks[number % 10], store=number % 10 == 3)
        return number, answer.status_code, answer.json()["predictions"]["y"]["probabilities"]

    with (
        httpx.Client(base_url=tenant.service.url, headers=tenant.client.headers, timeout=60) as client,
        ThreadPoolExecutor(CLIENTS) as pool,
    ):
        found = list(pool.map(one, range(REQUESTS)))

    for number, status, probabilities in found:
        assert status == (201 if number % 10 == 3 else 200)
        assert probabilities == alone[number % 10]["predictions"]["y"]["probabilities"]
    assert file_sha256(path) == before


def _answer(client: httpx.Client, model: str, task: dict, *, store: bool) -> httpx.Response:
    return client.post(f"/v1/models/{model}/adaptations", json={**task, "store": store})
