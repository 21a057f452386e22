"""Rows 78 and 84: many requests at once for many models, and many adaptations of one; more are told to come back."""

from concurrent.futures import ThreadPoolExecutor
from itertools import repeat

import httpx

from tests.app.bad_input.adaptations import GOOD
from tests.app.bad_input.case import Case
from tests.app.bad_input.prediction_rows import ROW
from tests.app.bad_input.world import World

MODELS = 100
AT_ONCE = 20


def predictions(world: World) -> httpx.Response:
    """One of each of a hundred children of a model, all of them cold."""
    client = world.tenant.client
    body = {"supports": {f"tenant-{i}": GOOD["support"] for i in range(MODELS)}, "target": GOOD["target"]}
    made = client.post(f"/v1/models/{world.model}/adaptations", json=body).raise_for_status().json()
    children = [one["model"]["id"] for one in made["adaptations"].values()]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = list(
            pool.map(lambda child: client.post(f"/v1/models/{child}/predictions", json={"rows": [ROW]}), children)
        )
    assert {(answer.status_code, answer.json().get("code")) for answer in answers} <= {(200, None), (503, "busy")}
    return next(answer for answer in answers if answer.status_code == 200)


def adaptations(world: World) -> httpx.Response:
    """A hundred at once; → the model's own file, which is as it was."""
    client, path = world.tenant.client, f"/v1/models/{world.model}"
    before = client.get(f"{path}/artifact").content
    with ThreadPoolExecutor(AT_ONCE) as pool:
        body = {**GOOD, "store": False}
        answers = list(pool.map(lambda sent: client.post(f"{path}/adaptations", json=sent), repeat(body, 100)))
    assert {answer.status_code for answer in answers} == {200}
    assert client.get(f"{path}/artifact").content == before
    return answers[-1]


CASES = [
    Case(78, "", predictions, 200),
    Case(84, "at-once", adaptations, 200),
]
