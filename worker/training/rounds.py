"""What every training has in common, whatever it trains: it goes on by rounds, rests in checkpoints, and stops when told."""

import time
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from worker.training import checkpoint
from worker.training.checkpoint import TrainingState
from worker.training.progress import Channel, StopReason


@dataclass(frozen=True)
class Fitted:
    """The weights to keep, how far training came, and why it stopped early, if it was told to."""

    best: dict[str, Tensor]
    state: TrainingState
    stopped: StopReason | None


class Run(Protocol):
    """A training that goes on by rounds, whatever it trains."""

    state: TrainingState
    best: dict[str, Tensor]
    saved: float
    resumed_finished: bool

    def go_on(self) -> bool:
        """Train up to the next moment at which it may rest; False when told to stop before."""

    def save(self) -> None: ...


def to_the_end(run: Run, channel: Channel) -> Fitted:
    """Go on until the training has finished or is stopped, with checkpoints on the way and before what comes after it."""
    while not run.state.finished:
        if not run.go_on():
            return Fitted(run.best, run.state, channel.stop)
        if channel.stop == "preempt":
            run.save()
            return Fitted(run.best, run.state, "preempt")
        if checkpoint.due(time.monotonic() - run.saved):
            run.save()
    if run.state.elapsed_seconds >= checkpoint.SECONDS_APART and not run.resumed_finished:
        run.save()  # an attempt that dies in the evaluation or the baselines need not train again
    return Fitted(run.best, run.state, None)
