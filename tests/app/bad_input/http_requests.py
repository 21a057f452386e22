"""Part G: HTTP itself (rows 85 to 90, 98 to 102, 104, 107)."""

import gzip
import zlib
from collections.abc import Callable, Mapping
from typing import Any

import httpx

from tests.app.bad_input.case import Case, Send
from tests.app.bad_input.world import BUSY_KEY, UNKNOWN_DATASET, UNKNOWN_JOB, UNKNOWN_MODEL, USED_KEY, World
from tests.app.raw_http import chunked, exchange
from tests.app.tenant import CSV, spec, table

JSON = {"Content-Type": "application/json"}
Path = Callable[[World], str]


def jobs(content: bytes, headers: Mapping[str, str] = JSON) -> Send:
    return lambda world: world.tenant.client.post("/v1/jobs", content=content, headers=dict(headers))


def predictions(content: bytes, headers: Mapping[str, str] = JSON) -> Send:
    return lambda world: world.tenant.client.post(
        f"/v1/models/{world.model}/predictions", content=content, headers=dict(headers)
    )


def upload(content: bytes, headers: Mapping[str, str] | list[tuple[bytes, bytes]] = CSV) -> Send:
    return lambda world: world.tenant.client.post("/v1/datasets", content=content, headers=headers)


def call(method: str, path: Path, **options: Any) -> Send:
    return lambda world: world.tenant.client.request(method, path(world), **options)


def at(path: str) -> Path:
    return lambda _: path


def listing(path: str, **params: Any) -> Send:
    return call("GET", at(path), params=params)


def alias(name: str, **body: Any) -> Send:
    """Point the alias to the world's model, unless ``body`` says otherwise."""
    return lambda world: world.tenant.client.put(f"/v1/aliases/{name}", json={"model": world.model, **body})


def of_finished_job(part: str, **params: Any) -> Send:
    return lambda world: world.tenant.client.get(f"/v1/jobs/{world.finished_job}/{part}", params=params)


def keyed(key: bytes, path: str = "/v1/jobs", *, name: str = "other") -> Send:
    headers = [(b"Idempotency-Key", key), (b"Content-Type", b"application/json")]

    def send(world: World) -> httpx.Response:
        content = httpx.Request("POST", "http://x", json=spec(world.good, name=name)).content
        return world.tenant.client.post(path, content=content, headers=headers)

    return send


def declared_size(world: World) -> httpx.Response:
    return exchange(
        world.tenant,
        "POST /v1/datasets HTTP/1.1",
        ["Content-Type: text/csv", "Content-Length: 99999999999"],
        hangs_up=True,
    )


def endless_chunks(path: str, media_type: str) -> Send:
    """Far more than any limit, in chunks: the answer must come long before the end."""

    def send(world: World) -> httpx.Response:
        headers = [f"Content-Type: {media_type}", "Transfer-Encoding: chunked"]
        blocks = (b"1,2\n" * 16_384 for _ in range(4096))
        return exchange(world.tenant, f"POST {path} HTTP/1.1", headers, chunked(blocks), hangs_up=True)

    return send


def raw_get(path: str) -> Send:
    return lambda world: exchange(world.tenant, f"GET {path} HTTP/1.1", [])


def is_json(answer: dict[str, Any]) -> None:
    assert answer["object"] == "list"


GOOD_CSV = table()
BOMB = gzip.compress(b"0" * 10**7)
NESTED = b"[" * 10**5
TWICE = [(b"Content-Type", b"text/csv"), (b"Content-Type", b"text/csv")]
IDS = {
    "text": "hello",
    "other-kind": UNKNOWN_JOB,
    "unknown": UNKNOWN_DATASET,
    "lower-case": UNKNOWN_DATASET.lower(),
    "long": "ds_" + "A" * 10_000,
    "nul": "ds_%00",
    "unicode": "ds_%F0%9F%8D%87",
}
ALIAS_NAMES = {
    "id": UNKNOWN_MODEL,
    "beginning-of-an-id": "MDL_wine",
    "long": "a" * 201,
    "long-in-bytes": "%F0%9F%8D%87" * 51,
    "control": "a%0D%0Ab",
    "direction": "a%E2%80%AEb",
    "no-utf-8": "a%FF",
    "space": "%20a",
    "backslash": "a%5Cb",
}
LISTS = ("/v1/aliases", "/v1/datasets", "/v1/jobs", "/v1/models")

CASES = [
    *(
        Case(85, name, send(content), 400, "invalid-json")
        for name, send, content in (
            ("empty", jobs, b""),
            ("no-json", jobs, b"hello"),
            ("trailing-comma", jobs, b'{"kind":"multitask",}'),
            ("lone-surrogate", jobs, b'{"kind":"\\ud800"}'),
            ("utf-16", jobs, '{"kind":"multitask"}'.encode("utf-16")),
            ("prediction-empty", predictions, b""),
            ("prediction-trailing-comma", predictions, b'{"rows":[{"age":1},]}'),
            ("prediction-lone-surrogate", predictions, b'{"rows":[{"region":"\\udc00"}]}'),
        )
    ),
    Case(85, "no-object", jobs(b"[]"), 422, "wrong-type", ""),
    Case(86, "depth", jobs(NESTED), 400, "json-too-deep"),
    Case(86, "depth-prediction", predictions(NESTED), 400, "json-too-deep"),
    Case(86, "keys", jobs(b"{" + b",".join(b'"k%d":0' % i for i in range(10**6)) + b"}"), 413, "body-too-large"),
    Case(86, "keys-within-limit", jobs(b"{" + b",".join(b'"%d":0' % i for i in range(90_000)) + b"}"), 400, "invalid-json"),
    Case(86, "digits", jobs(b'{"seed":' + b"9" * 5000 + b"}"), 400, "invalid-json"),
    Case(86, "digits-prediction", predictions(b'{"rows":[{"age":' + b"9" * 5000 + b"}]}"), 400, "invalid-json"),
    Case(87, "job", jobs(b'{"kind":"multitask","kind":"multitask"}'), 400, "duplicate-key"),
    Case(87, "row", predictions(b'{"rows":[{"age":1,"age":2}]}'), 400, "duplicate-key"),
    Case(88, "missing", upload(b"a,b\n1,2\n", {}), 415, "unsupported-media-type"),
    Case(88, "plain", upload(b"a,b\n1,2\n", {"Content-Type": "text/plain"}), 415, "unsupported-media-type"),
    Case(88, "form", upload(b"a,b\n1,2\n", {"Content-Type": "multipart/form-data; boundary=x"}), 415, "unsupported-media-type"),
    Case(88, "twice", upload(b"a,b\n1,2\n", TWICE), 415, "unsupported-media-type"),
    Case(88, "utf-7", upload(b"a,b\n1,2\n", {"Content-Type": "text/csv; charset=utf-7"}), 415, "unsupported-media-type"),
    Case(88, "job", jobs(b"{}", {"Content-Type": "text/plain"}), 415, "unsupported-media-type"),
    Case(88, "prediction", predictions(b"{}", {}), 415, "unsupported-media-type"),
    *(
        Case(89, f"{name}-{encoding}", send(content, {**headers, "Content-Encoding": encoding}), 415,
             "unsupported-content-encoding")
        for name, send, headers in (("upload", upload, CSV), ("job", jobs, JSON), ("prediction", predictions, JSON))
        for encoding, content in (("gzip", BOMB), ("deflate", zlib.compress(b"0" * 10**6)), ("br", b"\x8b"))
    ),
    Case(90, "declared", declared_size, 413, "upload-too-large"),
    Case(90, "chunks", endless_chunks("/v1/datasets", "text/csv"), 413, "upload-too-large"),
    Case(90, "chunks-job", endless_chunks("/v1/jobs", "application/json"), 413, "body-too-large"),
    Case(90, "job", jobs(b" " * (2**20 + 1)), 413, "body-too-large"),
    Case(90, "prediction", predictions(b" " * (16 * 2**20 + 1)), 413, "body-too-large"),
    Case(98, "", call("GET", at("/v1/datasets"), headers={"Accept": "image/png"}), 200, check=is_json),
    Case(99, "path", call("GET", at("/v1/nothing")), 404, "not-found"),
    Case(99, "later-path", call("GET", at("/v1/keys")), 404, "not-found"),
    Case(99, "method", call("PUT", at("/v1/datasets")), 405, "method-not-allowed"),
    Case(99, "trace", call("TRACE", at("/v1/jobs")), 405, "method-not-allowed"),
    Case(99, "trailing-slash", call("GET", at("/v1/datasets/")), 404, "not-found"),
    Case(99, "dots", raw_get("/v1/datasets/%2e%2e/jobs"), 404, "not-found"),
    Case(99, "nul", raw_get("/v1/datasets/%00"), 404, "not-found"),
    Case(99, "double-encoded", raw_get("/v1/datasets/%252e%252e%252fjobs"), 404, "not-found"),
    *(Case(100, name, call("GET", at(f"/v1/datasets/{key}")), 404, "not-found") for name, key in IDS.items()),
    *(
        Case(100, path.replace("/", "-"), call(method, at(path)), 404, "not-found")
        for method, path in (
            ("GET", "/v1/jobs/x"),
            ("GET", f"/v1/jobs/{UNKNOWN_JOB}"),
            ("GET", f"/v1/jobs/{UNKNOWN_JOB}/events"),
            ("GET", f"/v1/jobs/{UNKNOWN_JOB}/metrics"),
            ("GET", f"/v1/jobs/{UNKNOWN_JOB}/tasks"),
            ("POST", f"/v1/jobs/{UNKNOWN_JOB}/cancel"),
            ("POST", "/v1/jobs/%00/cancel"),
            ("POST", f"/v1/jobs/{UNKNOWN_JOB}/retry"),
            ("GET", f"/v1/models/{UNKNOWN_MODEL}"),
            ("GET", f"/v1/models/{UNKNOWN_MODEL}/tasks"),
            ("GET", f"/v1/models/{UNKNOWN_MODEL}/lineage"),
            ("GET", f"/v1/models/{UNKNOWN_MODEL}/artifact"),
            ("DELETE", f"/v1/models/{UNKNOWN_MODEL}"),
            ("DELETE", "/v1/models/%00"),
            ("GET", f"/v1/datasets/{UNKNOWN_DATASET}/rows"),
            ("DELETE", f"/v1/datasets/{UNKNOWN_DATASET}"),
        )
    ),
    Case(101, "empty", keyed(b""), 400, "invalid-idempotency-key"),
    Case(101, "long", keyed(b"k" * 300), 400, "invalid-idempotency-key"),
    Case(101, "non-ascii", keyed("schlüssel".encode()), 400, "invalid-idempotency-key"),
    Case(101, "space", keyed(b"a key"), 400, "invalid-idempotency-key"),
    Case(102, "other-body", keyed(USED_KEY), 422, "idempotency-key-reused"),
    Case(102, "in-progress", keyed(BUSY_KEY), 409, "request-in-progress"),
    *(Case(104, f"no-id{path.replace('/', '-')}", listing(path, after="x"), 400, "invalid-cursor") for path in LISTS),
    Case(103, "stale-belief", alias("prod", if_current=UNKNOWN_MODEL), 409, "alias-moved"),
    Case(103, "stale-belief-in-none", alias("prod", if_current=None), 409, "alias-moved"),
    Case(103, "stale-rollback", call("POST", at("/v1/aliases/prod/rollback"), json={"if_current": UNKNOWN_MODEL}), 409,
         "alias-moved"),
    Case(103, "nothing-before", call("POST", at("/v1/aliases/prod/rollback")), 409, "nothing-to-roll-back"),
    Case(103, "delete-model-in-use", call("DELETE", at("/v1/models/prod")), 409, "model-in-use"),
    Case(103, "unknown-model", alias("new", model=UNKNOWN_MODEL), 422, "model-not-found", "/model"),
    Case(103, "unknown-alias-as-model", alias("new", model="absent"), 422, "model-not-found", "/model"),
    Case(103, "foreign-model", lambda world: alias("new", model=world.foreign_model)(world), 422, "model-not-found", "/model"),
    Case(103, "deleted-model", lambda world: alias("new", model=world.deleted_model)(world), 409, "model-deleted", "/model"),
    Case(103, "model-type", alias("new", model=1), 422, "wrong-type", "/model"),
    Case(103, "no-model", call("PUT", at("/v1/aliases/new"), json={}), 422, "missing-field", "/model"),
    Case(103, "field", alias("new", colour="red"), 422, "extra-field", "/colour"),
    Case(103, "foreign-alias", lambda world: world.stranger.client.get("/v1/aliases/prod"), 404, "not-found"),
    Case(103, "post", call("POST", at("/v1/aliases/prod"), json={}), 405, "method-not-allowed"),
    *(Case(106, f"alias-{label}", alias(name), 422, "invalid-name") for label, name in ALIAS_NAMES.items()),
    *(
        Case(106, f"no-alias-{label}-{method}", call(method, at(f"/v1/aliases/{name}{end}")), 404, "not-found")
        for label, name in ALIAS_NAMES.items()
        for method, end in (("GET", ""), ("DELETE", ""), ("POST", "/rollback"))
    ),
    Case(104, "other-list", listing("/v1/datasets", after=UNKNOWN_JOB), 400, "invalid-cursor"),
    Case(104, "foreign", lambda world: world.tenant.client.get("/v1/datasets", params={"after": world.foreign}), 400,
         "invalid-cursor"),
    Case(104, "foreign-job", lambda world: world.tenant.client.get("/v1/jobs", params={"after": world.foreign_job}), 400,
         "invalid-cursor"),
    *(Case(104, f"too-long{path.replace('/', '-')}", listing(path, after="x" * 5000), 400, "invalid-cursor") for path in LISTS),
    *(Case(104, f"events{after}", of_finished_job("events", after=after), 400, "invalid-cursor") for after in ("x", "-1", 2**31)),
    Case(104, "tasks-too-long", of_finished_job("tasks", after="x" * 5000), 400, "invalid-cursor"),
    Case(104, "nul", listing("/v1/jobs", after="\0"), 422, "invalid-character"),
    *(Case(104, f"limit{limit}", listing("/v1/jobs", limit=limit), 422, "out-of-range") for limit in (0, -1, 10**9)),
    Case(104, "limit-text", listing("/v1/jobs", limit="many"), 422, "wrong-type"),
    Case(104, "filter", listing("/v1/jobs", status="sleeping"), 422, "unknown-value"),
    Case(104, "misspelt", listing("/v1/jobs", stauts="failed"), 422, "unknown-parameter"),
    Case(104, "time", listing("/v1/jobs", created_after="0001-01-01T00:00:00+14:00"), 422, "out-of-range"),
    Case(104, "naive-time", listing("/v1/jobs", created_after="2024-01-01T00:00:00"), 422, "wrong-type"),
    Case(104, "wait", lambda world: world.tenant.client.get(f"/v1/jobs/{world.finished_job}", params={"wait": "inf"}), 422,
         "out-of-range"),
    Case(104, "tasks", lambda world: world.tenant.client.get(f"/v1/jobs/{world.finished_job}/tasks", params={"after": "x"}),
         400, "invalid-cursor"),
    Case(104, "event", lambda world: world.tenant.client.get(f"/v1/jobs/{world.finished_job}/events",
         headers={"Accept": "text/event-stream", "Last-Event-ID": "x"}), 400, "invalid-cursor"),
    Case(107, "delete-twice", call("DELETE", lambda world: f"/v1/datasets/{world.deleted}"), 404, "not-found"),
    Case(107, "delete-model-twice", call("DELETE", lambda world: f"/v1/models/{world.deleted_model}"), 404, "not-found"),
    Case(107, "use-after-delete", call("GET", lambda world: f"/v1/datasets/{world.deleted}/rows"), 404, "not-found"),
    Case(107, "cancel-finished", call("POST", lambda world: f"/v1/jobs/{world.finished_job}/cancel"), 409,
         "job-already-finished"),
    Case(107, "cancel-foreign", call("POST", lambda world: f"/v1/jobs/{world.foreign_job}/cancel"), 404, "not-found"),
    Case(107, "retry-foreign", call("POST", lambda world: f"/v1/jobs/{world.foreign_job}/retry"), 404, "not-found"),
    Case(107, "retry-field", call("POST", lambda world: f"/v1/jobs/{world.finished_job}/retry", json={"seed": 1}), 422,
         "extra-field", "/seed"),
    Case(107, "delete-foreign", call("DELETE", lambda world: f"/v1/datasets/{world.foreign}"), 404, "not-found"),
    Case(107, "patch", call("PATCH", lambda world: f"/v1/jobs/{world.finished_job}", json={}), 405, "method-not-allowed"),
    Case(107, "cancel-field", call("POST", lambda world: f"/v1/jobs/{world.finished_job}/cancel", json={"keep": True}), 422,
         "extra-field", "/keep"),
]  # fmt: skip
