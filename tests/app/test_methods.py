"""What there is to choose from is listed, from the registry alone."""

import httpx
import pytest

from learning.registry import registry
from tests.app.pictures import upload_images
from tests.app.tenant import Tenant


@pytest.fixture
def listed(tenant: Tenant):
    answer = tenant.client.get("/v1/methods")
    assert answer.status_code == 200
    return answer.json()


def test_every_method_of_every_family_is_listed(listed):
    assert listed["object"] == "list"
    found = [(method["family"], method["name"]) for method in listed["data"]]
    assert found == [(family, name) for family, specs in registry().families.items() for name in specs]


def test_a_method_says_what_it_is_and_where_it_is_from(listed):
    pcgrad = next(method for method in listed["data"] if method["name"] == "pcgrad")
    assert pcgrad["papers"] == ["https://arxiv.org/abs/2001.06782"]
    assert pcgrad["description"].startswith("Each task's gradient of the shared part is projected")
    assert ">>>" not in str(pcgrad)
    assert all(method["papers"] for method in listed["data"])


def test_its_parameters_are_a_json_schema(listed):
    mlp = next(method["parameters"] for method in listed["data"] if method["name"] == "mlp")
    assert mlp["additionalProperties"] is False
    assert mlp["properties"]["name"]["const"] == "mlp"
    dropout = mlp["properties"]["dropout"]
    assert (dropout["type"], dropout["default"], dropout["minimum"], dropout["exclusiveMaximum"]) == (
        "number",
        0.1,
        0,
        1,
    )


def test_a_job_that_names_none_has_the_default_of_each_family(listed):
    defaults = {method["family"]: method["name"] for method in listed["data"] if method["default"]}
    families = {"network": "mlp", "sharing": "hard", "balancing": "static", "transfer": "finetune", "meta": "maml"}
    assert defaults == families


def test_a_job_takes_what_the_list_offers(tenant: Tenant, listed):
    dataset = tenant.upload(b"a,y\n" + b"".join(b"%d,%d\n" % (i, i % 5) for i in range(40)))["id"]
    pictures = upload_images(tenant)
    for method in listed["data"]:
        if method["family"] in ("transfer", "meta"):
            continue  # of jobs of that kind: tests/app/test_transfer_jobs.py, tests/app/test_meta_jobs.py
        tasks = [{"dataset": dataset, "target": "y"}]
        if method["name"] == "conv4":
            tasks = [{"dataset": pictures, "target": "label"}]
        spec = {"kind": "multitask", "tasks": tasks, method["family"]: {"name": method["name"]}}
        answer = tenant.client.post("/v1/jobs", params={"dry_run": "true"}, json=spec)
        assert (answer.status_code, answer.json()["errors"]) == (200, [])
        assert answer.json()["spec"][method["family"]]["name"] == method["name"]


def test_the_list_needs_a_key_like_everything_else(anonymous: httpx.Client):
    assert anonymous.get("/v1/methods").status_code == 401
