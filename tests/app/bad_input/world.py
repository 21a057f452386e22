"""What stands on the server before a bad input arrives: datasets and models of a project, and of a stranger."""

from collections.abc import Callable
from dataclasses import dataclass

from store import idempotency
from tests.app.meta_model import store_meta
from tests.app.pictures import of_images, upload_images
from tests.app.small_model import grouped, listed, store_model, typed_table
from tests.app.tenant import Tenant, spec, table

UNKNOWN_DATASET = "ds_01M7XK5QPNFJ1938XFDDC4PVGM"
UNKNOWN_MODEL = "mdl_01M7XK5QPNFJ1938XFDDC4PVGM"
UNKNOWN_JOB = "job_01M7XK5QPNFJ1938XFDDC4PVGM"
HUGE = 1e38
USED_KEY = b"used"
BUSY_KEY = b"busy"

LETTERS = "abcdefghijkl"


def letters(side: Callable[[int, int], str]) -> bytes:
    """Twelve letters of eight rows, each row on the side that ``side(letter, row)`` names."""
    lines = ["x1,x2,letter,side"]
    lines += [f"{i + j / 10},{j},{letter},{side(i, j)}" for i, letter in enumerate(LETTERS) for j in range(8)]
    return ("\n".join(lines) + "\n").encode()


ODD_TABLES = {
    "letters": letters(lambda i, _: ("train", "validation", "test")[i % 3]),
    "torn": letters(lambda i, j: "test" if i == 0 and j == 0 else ("train", "validation", "test")[i % 3]),
    "no_test": letters(lambda i, _: ("train", "validation")[i % 2]),
    "one_class": b"a,b,y,z\n" + b"".join(b"%d,%d,%d,no\n" % (i, i % 5, i) for i in range(40)),
    "constant": b"a,b,y,z\n" + b"".join(b"%d,%d,7,%s\n" % (i, i % 5, b"yes" if i % 2 else b"no") for i in range(40)),
    "rare_class": b"a,b,y,z\n" + b"".join(b"%d,%d,%d,%s\n" % (i, i % 5, i, b"yes" if i == 3 else b"no") for i in range(40)),
    "one_row": b"a,b,y,z\n1,2,3,no\n",
    "one_label": b"a,b,y,z\n" + b"".join(b"%d,%d,%s,no\n" % (i, i % 5, b"7" if i == 3 else b"") for i in range(40)),
    "unlabelled": b"a,b,y,z\n" + b"".join(b"%d,%d,,%s\n" % (i, i % 5, b"yes" if i % 2 else b"no") for i in range(40)),
    "leaky": b"a,b,y,z\n" + b"".join(b"%d,%d,%d,%s\n" % (i * 3, i % 5, i * 3, b"yes" if i % 2 else b"no") for i in range(40)),
    "other_features": b"c,d,y,z\n" + b"".join(b"%d,%d,%d,%s\n" % (i, i % 5, i, b"yes" if i % 2 else b"no") for i in range(40)),
    "typed": typed_table(),
    "shuffled": b"\n".join(b",".join(reversed(line.split(b","))) for line in typed_table().splitlines()),
    "groups_of_one_class": b"a,shop,z\n" + b"".join(
        b"%d,s%d,%s\n" % (i, i % 2, b"yes" if i % 2 == 0 and i % 4 else b"no") for i in range(120)),
}  # fmt: skip


@dataclass(frozen=True)
class World:
    """``tenant`` sends; everything of ``stranger`` must be unknown to it."""

    tenant: Tenant
    stranger: Tenant
    good: str
    typed: str
    ungrouped: str
    deleted: str
    foreign: str
    odd: dict[str, str]
    model: str
    image_model: str
    grouped_model: str
    unhealthy_model: str
    soft_model: str
    meta_model: str
    diverging_model: str
    deleted_model: str
    foreign_model: str
    foreign_job: str
    finished_job: str


def make_world(new_tenant: Callable[[], Tenant]) -> World:
    """Two projects with something of everything."""
    tenant, stranger = new_tenant(), new_tenant()
    typed = tenant.upload(typed_table())["id"]
    good = tenant.upload(table(), name="good")["id"]
    gone = tenant.upload(table(), name="gone")["id"]
    tenant.client.delete(f"/v1/datasets/{gone}").raise_for_status()
    foreign = stranger.upload(typed_table(), name="foreign")["id"]
    model = store_model(tenant, listed(typed))
    removed = store_model(tenant, listed(typed))
    tenant.client.delete(f"/v1/models/{removed}").raise_for_status()
    foreign_model = store_model(stranger, listed(foreign))
    tenant.client.put("/v1/aliases/prod", json={"model": model}).raise_for_status()
    tenant.submit(spec(good), **{"Idempotency-Key": USED_KEY.decode()})
    hold_key(tenant, BUSY_KEY.decode())
    return World(
        tenant=tenant,
        stranger=stranger,
        good=good,
        typed=typed,
        ungrouped=tenant.upload(typed_table().replace(b"shop", b"branch"), name="ungrouped")["id"],
        deleted=gone,
        foreign=foreign,
        odd={name: tenant.upload(content, name=name)["id"] for name, content in ODD_TABLES.items()},
        model=model,
        image_model=store_model(tenant, of_images(upload_images(tenant))),
        grouped_model=store_model(tenant, grouped(typed)),
        unhealthy_model=store_model(tenant, listed(typed), factor=HUGE),
        soft_model=store_model(tenant, {**listed(typed), "sharing": {"name": "soft"}}),
        meta_model=store_meta(tenant),
        diverging_model=store_meta(tenant, "maml", "regression"),
        deleted_model=removed,
        foreign_model=foreign_model,
        foreign_job=stranger.client.get(f"/v1/models/{foreign_model}").json()["job"],
        finished_job=tenant.client.get(f"/v1/models/{model}").json()["job"],
    )


def hold_key(tenant: Tenant, key: str) -> None:
    """Reserve the key as a request does that has not been answered yet."""
    database = tenant.service.database
    with database.transaction() as session:
        request = idempotency.Request(tenant.project_id, "POST", "/v1/jobs", key)
        idempotency.reserve(session, request, now=database.now(session), fingerprint=None)
