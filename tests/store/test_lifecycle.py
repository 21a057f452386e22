"""The state machine, as a table and as rules."""

import pytest

from store.errors import IllegalMove
from store.lifecycle import (
    MOVES,
    STATUSES,
    TERMINAL,
    UNFINISHED,
    End,
    Return,
    backoff_seconds,
    fruit,
    interrupt,
    move,
    queue_of,
    settle,
)

LEGAL = {
    ("queued", "running"),
    ("queued", "cancelled"),
    ("running", "succeeded"),
    ("running", "failed"),
    ("running", "cancelling"),
    ("running", "queued"),
    ("cancelling", "cancelled"),
}


def test_there_are_six_statuses_and_three_of_them_are_terminal():
    assert set(STATUSES) == {"queued", "running", "cancelling", "succeeded", "failed", "cancelled"}
    assert set(TERMINAL) == {"succeeded", "failed", "cancelled"}
    assert set(UNFINISHED) == set(STATUSES) - set(TERMINAL)


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("target", STATUSES)
def test_only_the_drawn_moves_exist(status, target):
    if (status, target) in LEGAL:
        assert move(status, target) == target
    else:
        with pytest.raises(IllegalMove):
            move(status, target)


def test_terminal_is_immutable():
    assert all(not MOVES[status] for status in TERMINAL)


@pytest.mark.parametrize(
    ("status", "ending", "keep_best", "end"),
    [
        ("running", "succeeded", False, End("succeeded", keeps_fruit=True)),
        ("running", "failed", False, End("failed", keeps_fruit=False)),
        ("cancelling", "cancelled", False, End("cancelled", keeps_fruit=False)),
        ("cancelling", "cancelled", True, End("cancelled", keeps_fruit=True)),
        ("cancelling", "succeeded", False, End("cancelled", keeps_fruit=False)),
        ("cancelling", "succeeded", True, End("cancelled", keeps_fruit=True)),
        ("cancelling", "failed", True, End("cancelled", keeps_fruit=False)),
    ],
)
def test_a_cancel_that_came_first_wins_and_keeps_the_model_only_on_request(status, ending, keep_best, end):
    assert settle(status, ending, keep_best=keep_best) == end


@pytest.mark.parametrize("status", ["queued", "succeeded", "failed", "cancelled"])
def test_only_a_held_job_can_be_settled(status):
    with pytest.raises(IllegalMove):
        settle(status, "succeeded", keep_best=False)


def test_an_attempt_cannot_cancel_itself():
    with pytest.raises(IllegalMove):
        settle("running", "cancelled", keep_best=False)


def test_crashes_are_counted_until_the_job_fails():
    first = interrupt("running", crash=True, crash_count=0, max_crashes=3)
    second = interrupt("running", crash=True, crash_count=1, max_crashes=3)
    third = interrupt("running", crash=True, crash_count=2, max_crashes=3)
    assert first == Return("queued", 1, 0.0)
    assert second == Return("queued", 2, 10.0)
    assert third == Return("failed", 3, 0.0)


def test_a_preemption_costs_nothing():
    assert interrupt("running", crash=False, crash_count=2, max_crashes=3) == Return("queued", 2, 0.0)


@pytest.mark.parametrize("crash", [True, False])
def test_a_job_lost_while_cancelling_is_cancelled(crash):
    assert interrupt("cancelling", crash=crash, crash_count=2, max_crashes=3).status == "cancelled"


def test_the_backoff_doubles_up_to_six_minutes():
    assert [backoff_seconds(count) for count in (0, 1, 2, 3, 4, 7, 8, 1000)] == [0, 0, 10, 20, 40, 320, 360, 360]


def test_every_kind_has_its_fruit():
    kinds = ("multitask", "transfer", "meta", "adapt", "predict", "evaluate", "replay")
    assert [fruit(kind) for kind in kinds] == ["model"] * 4 + ["dataset"] * 2 + ["result"]


def test_what_takes_seconds_never_waits_for_what_takes_hours():
    assert {kind: queue_of(kind) for kind in ("multitask", "predict", "evaluate")} == {
        "multitask": "train",
        "predict": "quick",
        "evaluate": "quick",
    }
