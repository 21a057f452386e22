"""Part G below what an HTTP client would send (rows 91 to 97, 105, 108): framing, sizes, hosts, ranges, and no HTTP at all."""

import socket
from collections.abc import Iterable
from urllib.parse import urlsplit

import httpx

from tests.app.bad_input.case import Case, Send
from tests.app.bad_input.http_requests import at, call, listing
from tests.app.bad_input.world import World
from tests.app.raw_http import exchange, speak

TYPE = "Content-Type: application/json"
FRAMING = {
    "negative": ["Content-Length: -1"],
    "garbage": ["Content-Length: two"],
    "two": ["Content-Length: 2", "Content-Length: 3"],
    "with-chunks": ["Content-Length: 2", "Transfer-Encoding: chunked"],
    "other-coding": ["Transfer-Encoding: gzip"],
}
NO_HTTP = {
    "http-2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "tls": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(200)),
    "garbage": b"\x00\x01\x02 what is this\r\n\r\n",
    "version": b"GET /v1/jobs HTTP/9.9\r\nHost: test\r\n\r\n",
}
HOSTS = {
    "none": [],
    "two": ["Host: test", "Host: test"],
    "no-name": ["Host: a b"],
    "path": ["Host: test/v1"],
    "user": ["Host: me@test"],
}
ORIGINS = {"foreign": "https://evil.example", "null": "null", "other-port": "http://test:81"}
RANGES = {"none": "bytes=9-1", "beyond": "bytes=99999999-"}
WHOLE_RANGES = {"many": "bytes=" + ",".join(f"{i}-{i}" for i in range(1000)), "unit": "rows=1-2"}
ODD_TEXT = "a\r\nb \x1b[31m \u202e"


def post(headers: Iterable[str], parts: Iterable[bytes] = (b"{}",), *, hangs_up: bool = True) -> Send:
    return lambda world: exchange(world.tenant, "POST /v1/jobs HTTP/1.1", [TYPE, *headers], parts, hangs_up=hangs_up)


def get(path: str, headers: Iterable[str] = ()) -> Send:
    return lambda world: exchange(world.tenant, f"GET {path} HTTP/1.1", headers, hangs_up=True)


def from_host(headers: Iterable[str], *, version: str = "1.1") -> Send:
    def send(world: World) -> httpx.Response:
        key = f"Authorization: Bearer {world.tenant.secret}"
        head = "\r\n".join((f"GET /v1/jobs HTTP/{version}", key, *headers, "", ""))
        return speak(world.tenant, [head.encode()], hangs_up=True)

    return send


def without_http(said: bytes) -> Send:
    return lambda world: speak(world.tenant, [said], hangs_up=True)


def crumbs(world: World) -> httpx.Response:
    """More than a job may have, a byte a chunk."""
    blocks = (b"".join(b"1\r\n \r\n" for _ in range(8192)) for _ in range(150))
    headers = [TYPE, "Transfer-Encoding: chunked"]
    return exchange(world.tenant, "POST /v1/jobs HTTP/1.1", headers, blocks, hangs_up=True)


def broken_off(world: World) -> httpx.Response:
    """An upload whose client goes away in the middle; → what is then to be seen of it."""
    address = urlsplit(world.tenant.service.url)
    head = (
        "POST /v1/datasets?name=broken HTTP/1.1\r\nHost: test\r\nContent-Type: text/csv\r\nContent-Length: 1000\r\n"
        f"Authorization: Bearer {world.tenant.secret}\r\n\r\n"
    )
    with socket.create_connection((address.hostname, address.port), timeout=10) as connection:
        connection.sendall(head.encode() + b"a,b\n1,2\n")
    return world.tenant.client.get("/v1/datasets", params={"name": "broken"})


def is_empty(answer: dict[str, object]) -> None:
    assert answer["data"] == []


def ranged(value: str) -> Send:
    return call("GET", lambda world: f"/v1/models/{world.model}/artifact", headers={"Range": value})


def known_file(world: World) -> httpx.Response:
    path = f"/v1/models/{world.model}/artifact"
    etag = world.tenant.client.get(path).headers["etag"]
    return world.tenant.client.get(path, headers={"If-None-Match": etag})


def job(**fields: object) -> Send:
    return lambda world: world.tenant.client.post("/v1/jobs", json={"kind": "predict", "model": world.model,
                                                                   "dataset": world.typed, **fields})  # fmt: skip


CASES = [
    *(Case(91, name, post(headers), 400, by_server=True) for name, headers in FRAMING.items()),
    Case(91, "size-of-a-chunk", post(["Transfer-Encoding: chunked"], [b"two\r\n{}\r\n0\r\n\r\n"]), 400, by_server=True),
    Case(92, "", crumbs, 413, "body-too-large"),
    Case(93, "", broken_off, 200, check=is_empty),
    Case(95, "header", get("/v1/jobs", ["X: " + "a" * 65_536]), 431, "headers-too-large"),
    Case(95, "headers", get("/v1/jobs", [f"X-{i}: a" for i in range(1000)]), 431, "headers-too-large"),
    Case(95, "url", get("/v1/jobs?name=" + "a" * 40_000), 414, "url-too-long"),
    Case(95, "url-of-a-megabyte", get("/v1/jobs?name=" + "a" * 10**6), 400, by_server=True),
    *(Case(96, f"host-{name}", from_host(headers), 400, "bad-host") for name, headers in HOSTS.items()),
    *(
        Case(96, f"origin-{name}", get("/v1/jobs", [f"Origin: {origin}"]), 403, "origin-not-allowed")
        for name, origin in ORIGINS.items()
    ),
    Case(96, "own-origin", lambda world: world.tenant.client.get("/v1/jobs", headers={"Origin": world.tenant.service.url}),
         200),
    *(Case(97, name, ranged(value), 416, "range-not-satisfiable") for name, value in RANGES.items()),
    *(Case(97, name, ranged(value), 200) for name, value in WHOLE_RANGES.items()),
    Case(103, "known-file", known_file, 304),
    Case(105, "name", job(name=ODD_TEXT), 422, "invalid-name", "/name"),
    Case(105, "dataset", listing("/v1/datasets", name=ODD_TEXT), 200, check=is_empty),
    Case(105, "header", get("/v1/jobs", ["User-Agent: \x1b[31m"]), 400, by_server=True),
    Case(105, "path", call("GET", at("/v1/a%0D%0Ab%1B[31m%E2%80%AE")), 404, "not-found"),
    Case(108, "http-1.0", from_host([], version="1.0"), 200),
    *(Case(108, name, without_http(said), 400, by_server=True) for name, said in NO_HTTP.items()),
]  # fmt: skip
