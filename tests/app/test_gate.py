"""What the head of a request must be like before anybody reads on."""

import pytest

from app.errors import ApiError
from app.gate import HEADER_BYTES, HEADERS, URL_BYTES, check_host, check_origin, check_size

HOST = (b"host", b"api.example:8000")


def code_of(check, *said, **options) -> str | None:
    try:
        check(*said, **options)
    except ApiError as error:
        return error.code
    return None


def test_a_url_and_headers_are_bounded_together_and_in_number():
    assert code_of(check_size, b"/" * URL_BYTES, b"", [HOST]) is None
    assert code_of(check_size, b"/" * URL_BYTES, b"a", [HOST]) == "url-too-long"
    assert code_of(check_size, b"/", b"", [(b"x", b"a" * (HEADER_BYTES - 1))]) is None
    assert code_of(check_size, b"/", b"", [(b"x", b"a" * HEADER_BYTES)]) == "headers-too-large"
    assert code_of(check_size, b"/", b"", [(b"x", b"")] * (HEADERS + 1)) == "headers-too-large"


@pytest.mark.parametrize("host", [b"localhost", b"LOCALHOST:8000", b"127.0.0.1:1", b"[::1]:8000", b"a-b.example_c"])
def test_any_name_is_a_host_unless_some_are_known(host):
    assert code_of(check_host, [(b"host", host)], (), needed=True) is None


def test_of_known_hosts_the_port_and_the_case_do_not_matter():
    known = {"localhost", "[::1]"}
    assert code_of(check_host, [(b"host", b"LocalHost:9")], known, needed=True) is None
    assert code_of(check_host, [(b"host", b"[::1]:9")], known, needed=True) is None
    assert code_of(check_host, [(b"host", b"evil.example")], known, needed=True) == "bad-host"


def test_only_old_clients_may_leave_the_host_out():
    assert code_of(check_host, [], (), needed=False) is None
    assert code_of(check_host, [], (), needed=True) == "bad-host"


def test_pages_of_the_service_and_of_the_sites_that_are_named_may_ask():
    known = {"https://console.example"}
    for origin in (b"http://api.example:8000", b"HTTPS://API.example:8000", b"https://console.example"):
        assert code_of(check_origin, [HOST, (b"origin", origin)], known) is None
    for origin in (b"https://evil.example", b"http://api.example", b"null", b"", b"\xff"):
        assert code_of(check_origin, [HOST, (b"origin", origin)], known) == "origin-not-allowed"
    assert code_of(check_origin, [HOST], ()) is None
