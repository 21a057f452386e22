"""Requests that no HTTP client would send, over a bare socket."""

import socket
from collections.abc import Iterable
from contextlib import suppress
from http.client import HTTPResponse
from itertools import chain
from urllib.parse import urlsplit

import httpx

from tests.app.tenant import Tenant

PATIENCE_SECONDS = 10


def exchange(
    tenant: Tenant, request_line: str, headers: Iterable[str], parts: Iterable[bytes] = (), *, hangs_up: bool = False
) -> httpx.Response:
    """Send the head and then ``parts`` as they are; → the answer, after which the server ``hangs_up`` or not."""
    own = ("Host: test", f"Authorization: Bearer {tenant.secret}")
    head = "\r\n".join((request_line, *own, *headers, "", "")).encode("latin-1")
    return speak(tenant, chain([head], parts), hangs_up=hangs_up)


def speak(tenant: Tenant, said: Iterable[bytes], *, hangs_up: bool = False) -> httpx.Response:
    """Send what is ``said`` as it is, whether it is HTTP or not; → as `exchange`."""
    address = urlsplit(tenant.service.url)
    with socket.create_connection((address.hostname, address.port), timeout=PATIENCE_SECONDS) as connection:
        try:
            for part in said:
                connection.sendall(part)
        except (BrokenPipeError, ConnectionResetError):
            pass  # the server has seen enough; its answer is waiting
        answer = HTTPResponse(connection)
        answer.begin()
        body = answer.read()
        if hangs_up:
            _wait_for_the_end(connection)
    return httpx.Response(answer.status, headers=answer.getheaders(), content=body)


def _wait_for_the_end(connection: socket.socket) -> None:
    """Fails by its timeout when the server keeps the line open."""
    with suppress(ConnectionResetError):  # it hung up with bytes of ours unread
        assert connection.recv(1) == b""


def chunked(blocks: Iterable[bytes]) -> Iterable[bytes]:
    """``blocks`` in chunked transfer coding."""
    for block in blocks:
        yield b"%x\r\n%s\r\n" % (len(block), block)
    yield b"0\r\n\r\n"
