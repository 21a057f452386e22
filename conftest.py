"""What holds for the whole suite before any fixture: a test whose means are missing is deselected, never skipped."""

import os
import shutil

import pytest


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect the tests marked ``data`` without ``TASKGRAFT_DATA``, and those marked ``curl`` without that command."""
    means = {"data": os.environ.get("TASKGRAFT_DATA"), "curl": shutil.which("curl")}
    missing = {mark for mark, found in means.items() if not found}
    left_out = [item for item in items if any(item.get_closest_marker(mark) for mark in missing)]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]
