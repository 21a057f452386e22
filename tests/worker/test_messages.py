"""What a supervisor believes of a child's words."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.messages import GarbledMessage, Metrics, Point, read


def test_a_message_of_the_right_shape_is_read():
    body = {"type": "metrics", "points": [{"name": "loss", "task": None, "step": 3, "value": 0.5}]}
    assert read(json.dumps(body).encode()) == Metrics(type="metrics", points=[Point(name="loss", step=3, value=0.5)])


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\x80\x04\x95",
        b"[]",
        b"null",
        b'{"type": "launch"}',
        b'{"type": "log", "level": "shout", "message": "x"}',
        b'{"type": "log", "level": "info", "message": "a\\u0000b"}',
        b'{"type": "metrics", "points": [{"name": "loss", "step": 0, "value": NaN}]}',
        b'{"type": "metrics", "points": [{"name": "loss", "step": -1, "value": 1.0}]}',
        b'{"type": "progress", "progress": {"fraction": 2, "phase": "training"}}',
        b'{"type": "checkpoint", "step": 1, "file": "../../etc/passwd", "sha256": "' + b"0" * 64 + b'"}',
        b'{"type": "checkpoint", "step": 1, "file": "a.safetensors", "sha256": "short"}',
        b'{"type": "ended", "outcome": "succeeded", "files": {"model": "/etc/passwd"}}',
        b'{"type": "ended", "outcome": "won"}',
        b"[" * 100_000,
    ],
)
def test_anything_else_is_garbled(body):
    with pytest.raises(GarbledMessage, match="expected a child's message, found "):
        read(body)


@given(st.binary(max_size=200))
def test_no_bytes_raise_anything_else(body):
    with pytest.raises(GarbledMessage):
        read(body)
