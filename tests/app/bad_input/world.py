"""What stands on the server before a bad input arrives: datasets and models of a project, and of a stranger."""

from dataclasses import dataclass

from tests.app.tenant import Tenant


@dataclass(frozen=True)
class World:
    """``tenant`` sends; everything of ``stranger`` must be unknown to it."""

    tenant: Tenant
    stranger: Tenant
