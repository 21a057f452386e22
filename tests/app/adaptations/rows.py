"""Supports and queries that tests of this folder send."""

from typing import Any

from tests.app.tenant import Tenant
from tests.learning.adapting.models import blobs


def row(i: int, **more: Any) -> dict[str, Any]:
    """A row of the small models."""
    member, region = bool(i % 2), ("north", "south")[i % 2]
    return {"age": 20.0 + i, "region": region, "member": member, "day": f"2024-05-{1 + i % 28:02}", **more}


def numbers(count: int = 12) -> dict[str, Any]:
    """Rows with a ``rent`` that follows the age."""
    return {"rows": [row(i, rent=2.0 * i) for i in range(count)]}


def classes(ways: int = 3, shots: int = 4, **options: Any) -> dict[str, Any]:
    """Columns of a few-shot task for a meta-model."""
    return {"columns": blobs(ways, shots, **options)}


def adapt(tenant: Tenant, model: str, **body: Any) -> dict[str, Any]:
    answer = tenant.client.post(f"/v1/models/{model}/adaptations", json=body)
    assert answer.status_code == (201 if body.get("store", True) else 200), answer.text
    return dict(answer.json())


def predict(tenant: Tenant, model: str, *rows: dict[str, Any]) -> dict[str, Any]:
    answer = tenant.client.post(f"/v1/models/{model}/predictions", json={"rows": list(rows)})
    assert answer.status_code == 200, answer.text
    return dict(answer.json()["predictions"])
