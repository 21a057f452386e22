"""What holds for the whole suite before any fixture: tests on real data need the folder that holds it."""

import os

import pytest


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect, never skip, the tests marked ``data`` when ``TASKGRAFT_DATA`` names no folder."""
    if os.environ.get("TASKGRAFT_DATA"):
        return
    chosen = [item for item in items if item.get_closest_marker("data") is None]
    if len(chosen) < len(items):
        config.hook.pytest_deselected(items=[item for item in items if item.get_closest_marker("data") is not None])
        items[:] = chosen
