"""A real meta-model without a meta-training: as it was initialised, stored as an import stores it."""

from typing import Any

from store import models
from store.ids import new_id
from tests.app.tenant import Tenant
from tests.learning.adapting.models import meta


def store_meta(tenant: Tenant, method: str = "protonet", kind: str = "multiclass", **parts: Any) -> str:
    """→ the id of a meta-model that reads ``a`` and ``b`` and asks for ``y``."""
    model = meta({"name": method}, kind, **parts)
    artifacts, database = tenant.service.artifacts, tenant.service.database
    staged = artifacts.stage()
    model.save(staged)
    stored = artifacts.publish(staged)
    public = {**model.header.public(), "adaptable": True}
    public["tasks"] = [{**task, "metrics": {}} for task in public["tasks"]]
    with database.transaction() as session:
        return models.add(
            session,
            tenant.project_id,
            now=database.now(session),
            id=new_id("model"),
            name="meta",
            kind="meta",
            job_id=None,
            header=public,
            artifact=stored.sha256,
            bytes=stored.bytes,
        ).id
