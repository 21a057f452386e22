"""`make demo` without the install: what a newcomer sees first."""

import sys
import time

import psutil

from tests.journeys.pages import run


def test_the_demonstration_trains_compares_predicts_transfers_adapts_and_cancels_in_three_minutes_and_leaves_nothing_running(
    tmp_path,
):
    (tmp_path / "tmp").mkdir()
    variables = {"TMPDIR": str(tmp_path / "tmp"), "COLUMNS": "200"}
    began = time.monotonic()
    printed = run([sys.executable, "-m", "taskgraft.cli", "demo"], folder=tmp_path, variables=variables, seconds=180)
    assert time.monotonic() - began < 180
    for sign in (
        "helped",
        "worst_texture",
        "five_or_more",
        "POST /v1/models/mdl_",
        "GET, one patient",
        "What it costs the first scanner",
        "/adaptations with 10 points of a wave nobody trained on: mdl_",
        "cancelled, no model (None)",
    ):
        assert sign in printed
    # torch keeps a cache folder of its own there
    assert list((tmp_path / "tmp").glob("taskgraft*")) == []
    mine = [process.cmdline() for process in psutil.process_iter() if str(tmp_path) in " ".join(_command(process))]
    assert mine == []


def _command(process: psutil.Process) -> list[str]:
    try:
        return list(process.cmdline())
    except psutil.Error:  # it ended while we looked
        return []
