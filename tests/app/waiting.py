"""Conditions that become true without telling anybody."""

import threading
from collections.abc import Callable
from time import monotonic


def until(condition: Callable[[], bool], *, seconds: float = 10.0) -> None:
    """Return as soon as ``condition`` holds; fail after ``seconds``."""
    never = threading.Event()
    deadline = monotonic() + seconds
    while not condition():
        assert monotonic() < deadline, f"expected the condition to hold within {seconds} s, found that it does not"
        never.wait(0.01)
