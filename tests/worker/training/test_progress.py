import pytest

from tests.worker.training.recorder import Recorder
from worker.training.progress import PHASES, Progress, overall_fraction


class _Clock:
    def __init__(self):
        self.seconds = 0.0

    def __call__(self):
        return self.seconds


def test_the_fraction_grows_through_the_phases_from_0_to_1():
    fractions = [overall_fraction(phase, part) for phase in PHASES for part in (0.0, 0.5, 1.0)]

    assert fractions[0] == 0.0
    assert fractions == sorted(fractions)
    assert fractions[-1] == pytest.approx(1.0)


def test_an_unknown_phase_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match=r"preparing, training.*found 'resting'"):
        overall_fraction("resting", 0.5)


def test_a_phase_is_told_at_once_and_its_advances_a_few_times_a_second():
    clock, channel = _Clock(), Recorder()
    progress = Progress(channel, clock=clock)

    progress.enter("training")
    for step in range(100):
        clock.seconds += 0.01
        progress.advance(step / 100, step=step)

    assert [report["phase"] for report in channel.reports] == ["training"] * len(channel.reports)
    assert 4 <= len(channel.reports) <= 6


def test_the_eta_is_the_time_that_the_rest_takes_at_the_speed_so_far():
    clock, channel = _Clock(), Recorder()
    progress = Progress(channel, clock=clock)
    clock.seconds = 30.0

    progress.enter("evaluating")

    done = overall_fraction("evaluating", 0.0)
    assert channel.reports[-1]["eta_seconds"] == pytest.approx(30.0 * (1 - done) / done, abs=0.06)


def test_points_arrive_in_order_and_none_is_lost():
    channel = Recorder()
    progress = Progress(channel)
    points = [{"name": "train/loss", "task": None, "step": step, "value": 1.0} for step in range(4500)]

    progress.record(points)
    progress.flush()
    progress.flush()

    assert channel.points == points
    assert max(channel.point_messages) <= 2000
