"""JSON that may mean two things, or cost much, is refused; what remains is read exactly."""

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app import strict_json
from app.errors import ApiError

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=30,
)


@given(VALUES)
def test_every_json_value_is_read_as_written(value):
    encodable = json.dumps(value).encode()
    assert strict_json.parse(encodable) == value


@given(st.lists(st.dictionaries(st.text(), st.floats(allow_nan=False, allow_infinity=False) | st.text())))
def test_the_fast_way_reads_rows_as_the_slow_way_does(rows):
    body = json.dumps({"rows": rows, "tasks": ["a:b", "{"]}).encode()
    assert strict_json.parse(body, exact=False) == strict_json.parse(body)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "invalid-json"),
        (b"  ", "invalid-json"),
        (b'{"a":1,}', "invalid-json"),
        (b'{"a":NaN}', "invalid-json"),
        (b'{"a":-Infinity}', "invalid-json"),
        (b'"\\ud800"', "invalid-json"),
        (b'"\xff"', "invalid-json"),
        (b"\xef\xbb\xbf{}", "invalid-json"),
        ('{"a":1}'.encode("utf-16"), "invalid-json"),
        (b'{"a":%s}' % (b"9" * 5000), "invalid-json"),
        (b'{"a":1e400}', "non-finite-value"),
        (b'{"a":1,"a":2}', "duplicate-key"),
        (b'{"rows":[{"a":1,"b":2,"a":3}]}', "duplicate-key"),
        (b'{"rows":[{"a":":","b":2,"a":3}]}', "duplicate-key"),
        (b'{"rows":[{"a":{"b":1,"b":2}}]}', "duplicate-key"),
        (b"[" * 33 + b"]" * 33, "json-too-deep"),
        (b"[" * 100_000, "json-too-deep"),
        (b'{"a":' * 900 + b"1" + b"}" * 900, "json-too-deep"),
    ],
)
@pytest.mark.parametrize("exact", [True, False])
def test_what_is_not_one_clear_value_is_refused(body, code, exact):
    with pytest.raises(ApiError) as caught:
        strict_json.parse(body, exact=exact)
    assert caught.value.code == code


def test_the_deepest_allowed_value_is_read():
    assert strict_json.parse(b"[" * 32 + b"]" * 32) is not None


def test_integers_beyond_64_bits_stay_exact():
    assert strict_json.parse(b'{"seed":%d}' % 2**64) == {"seed": 2**64}


def test_the_offset_of_the_fault_is_told():
    with pytest.raises(ApiError) as caught:
        strict_json.parse(b'{"a":1,}')
    assert caught.value.errors[0]["offset"] == 6


def test_a_hostile_body_costs_little_time():
    started = time.process_time()
    for body in (b"[" * 100_000, b"9" * 5_000, b'{"a":' * 100_000):
        with pytest.raises(ApiError):
            strict_json.parse(body)
    assert time.process_time() - started < 0.1


def test_strings_with_nul_are_found_with_their_pointers():
    value = {"name": "a\0b", "tasks": [{"target": "y"}, {"x/y": ["\0"]}]}
    assert list(strict_json.nul_pointers(value)) == ["/name", "/tasks/1/x~1y/0"]
