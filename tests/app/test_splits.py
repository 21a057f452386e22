"""How a job's rows are divided and how often it is trained, as HTTP says it."""

import pytest

from tests.app.tenant import Tenant

DAYS = [f"2026-{1 + i // 28:02d}-{1 + i % 28:02d}" for i in range(84)]
CSV = "day,a,y\n" + "".join(f"{day},{i % 7},{i * 3 % 11}\n" for i, day in enumerate(DAYS))


@pytest.fixture
def dataset(tenant: Tenant) -> str:
    return str(tenant.upload(CSV.encode())["id"])


def asked(tenant: Tenant, dataset: str, **fields):
    job = {"kind": "multitask", "tasks": [{"dataset": dataset, "target": "y"}], **fields}
    return tenant.client.post("/v1/jobs", json=job, params={"dry_run": "true"})


def test_a_dry_run_says_every_default_of_the_split_and_the_repeats(tenant: Tenant, dataset: str):
    time = {"column": "day", "test_from": "2026-03-15"}

    spec = asked(tenant, dataset, split={"time": time}, repeats=3).json()["spec"]

    assert spec["split"] == {"time": {**time, "validation_from": None}, "validation": 0.15}
    assert spec["repeats"] == 3
    plain = asked(tenant, dataset, split={"blocks": 7}).json()
    assert (plain["errors"], plain["spec"]["repeats"]) == ([], 1)
    assert plain["spec"]["split"] == {"blocks": 7, "validation": 0.15, "test": 0.15}
    crossed = asked(tenant, dataset, split={"folds": 10}, repeats=2).json()
    assert (crossed["errors"], crossed["spec"]["split"]) == ([], {"folds": 10, "validation": 0.15})


@pytest.mark.parametrize(
    ("fields", "pointer", "code"),
    [
        ({"split": {"time": {"column": "week", "test_from": "2026-03-15"}}}, "/split/time/column", "unknown-column"),
        ({"split": {"time": {"column": "day", "test_from": "2027-01-01"}}}, "/split/time/test_from", "out-of-range"),
        ({"split": {"time": {"column": "day", "test_from": 7}}}, "/split/time/test_from", "wrong-type"),
        ({"split": {"blocks": 60}}, "/split/blocks", "too-few-groups"),
        ({"split": {"folds": 51}}, "/split/folds", "out-of-range"),
        ({"split": {"folds": 10, "test": 0.2}}, "/split/test", "extra-field"),
        ({"repeats": 21}, "/repeats", "out-of-range"),
    ],
)
def test_what_cannot_be_divided_is_refused_with_its_pointer(tenant: Tenant, dataset: str, fields, pointer, code):
    errors = asked(tenant, dataset, **fields).json()["errors"]

    assert [(error["pointer"], error["code"]) for error in errors] == [(pointer, code)]
