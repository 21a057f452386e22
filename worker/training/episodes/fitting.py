"""The loop of meta-training: iterations, validation over fixed episodes, checkpoints, and what stops it."""

import math
import time
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from learning.errors import TrainingDiverged
from learning.meta.base import Learner, answers, loss
from learning.specs.meta import MetaTraining, Protocol
from worker.training import checkpoint
from worker.training.checkpoint import Checkpoint, TrainingState
from worker.training.episodes.material import Material
from worker.training.episodes.sampler import TRAINING, VALIDATION, Drawn, stream
from worker.training.fitting import Checkpoints
from worker.training.optimizers import build_optimizer
from worker.training.progress import Channel, Progress
from worker.training.rounds import Fitted, to_the_end

#: Episodes of a validation, the fewest and the most, and the rows in all of them that are enough.
FEWEST_EPISODES, MOST_EPISODES, VALIDATION_ROWS = 10, 100, 4_000
#: Rows of one pass over validation or test episodes.
ROWS_AT_ONCE = 20_000
#: Weights of all copies of a learner that one pass adapts: 80 MB.
WEIGHTS_AT_ONCE = 20_000_000
_ROUNDS, _LEAST_ROUND = 50, 20


def meta_fit(
    learner: Learner, material: Material, *, checkpoints: Checkpoints, channel: Channel, progress: Progress
) -> Fitted:
    """Train ``learner`` and return its best weights by the loss of the validation episodes.

    Resumes from the newest readable checkpoint; the resumed run equals the uninterrupted one bit for bit on one CPU.
    A state's ``step`` counts iterations, its ``epoch`` validations.

    Raises:
        TrainingDiverged: the loss left the finite numbers.
    """
    return to_the_end(_Run(learner, material, checkpoints, channel, progress), channel)


class _Run:
    """What changes while a learner trains."""

    def __init__(
        self, learner: Learner, material: Material, checkpoints: Checkpoints, channel: Channel, progress: Progress
    ) -> None:
        plan = material.plan
        self._learner, self._material = learner, material
        self._checkpoints, self._channel, self._progress = checkpoints, channel, progress
        self._training, self._seed = plan.spec.training, plan.spec.seed or 0
        self._every = round_length(self._training)
        self._optimizer = build_optimizer(learner, self._training)
        self._validation = validation_episodes(material)
        self._alone = nn.Module()  # a checkpoint has room for a balancer; there is none
        self.state, self.best = TrainingState(), snapshot(learner)
        self._total = torch.zeros(2, device=material.numeric.device)  # Σ losses and how many, of this round
        if (found := checkpoint.load_newest(checkpoints.earlier, device=material.numeric.device)) is not None:
            checkpoint.restore(found, learner, self._optimizer, self._alone)
            self.state, self.best = found.state, dict(found.best)
            self._total = found.left["round"].clone()
            channel.resumed(self.state.step)
        self.resumed_finished = self.state.finished
        self.saved = time.monotonic()
        self._began = self.saved - self.state.elapsed_seconds
        self._learner.train()

    def go_on(self) -> bool:
        """An iteration, and what ends its round."""
        if self._channel.stop in ("cancel", "keep_best"):
            return False
        self.iterate()
        if self.round_is_over():
            self.close_round()
        return True

    def iterate(self) -> None:
        """One step of the outer optimiser; everything random in it is a function of the seed and of its number."""
        plan, step = self._material.plan, self.state.step
        assert plan.train is not None  # a plan without problems
        random = stream(self._seed, TRAINING, step)
        _seed_dropout(int(random.integers(2**63)), self._material.numeric.device)
        drawn = self._material.draw(plan.train, self._training.tasks_per_batch, plan.training, random, training=True)
        for group in self._optimizer.param_groups:
            group["lr"] = rate(self._training, step)
        self._optimizer.zero_grad(set_to_none=True)
        losses = plan.spec.method.add_gradient(self._learner, self._material.episodes(drawn), ways=plan.ways)
        self._optimizer.step()
        self._total += torch.stack([losses.sum(), losses.new_tensor(float(len(losses)))])
        self.state = replace(self.state, step=step + 1, elapsed_seconds=time.monotonic() - self._began)
        self._progress.advance(self._done(), step=step + 1)

    def round_is_over(self) -> bool:
        late = self._training.max_seconds is not None and self.state.elapsed_seconds >= self._training.max_seconds
        return self.state.step % self._every == 0 or self.state.step >= self._training.iterations or late

    def close_round(self) -> None:
        """Validate, keep the best, decide whether training has finished, and report.

        Raises:
            TrainingDiverged: a loss is not finite.
        """
        trained = float(self._total[0] / self._total[1])
        validated = mean_loss(self._learner, self._material, self._validation)
        if not (math.isfinite(trained) and math.isfinite(validated)):
            raise TrainingDiverged(self.state.step)
        if validated < self.state.best_loss:
            self.best = snapshot(self._learner)
        self._total = torch.zeros_like(self._total)
        self.state = advance(self.state, validated, self._training, elapsed=time.monotonic() - self._began)
        found = {"train/loss": trained, "validation/loss": validated}
        step = self.state.step
        self._progress.record([{"name": name, "task": None, "step": step, "value": v} for name, v in found.items()])
        self._progress.advance(self._done(), step=step, metrics=found)

    def _done(self) -> float:
        """The fraction of the training that is done, by iterations or by the clock, whichever ends it first."""
        limit = self._training.max_seconds
        late = 0.0 if limit is None else self.state.elapsed_seconds / limit
        return max(self.state.step / self._training.iterations, late)

    def save(self) -> None:
        """Write a checkpoint and tell of it; points first, since a resumed run does not repeat them."""
        self.saved = time.monotonic()
        self._progress.flush()
        moments = checkpoint.optimizer_tensors(self._optimizer)
        parts = Checkpoint(self.state, self._learner.state_dict(), self.best, moments, {}, {"round": self._total})
        path, sha256 = checkpoint.save(parts, self._checkpoints.folder, attempt=self._checkpoints.attempt)
        self._channel.checkpoint(self.state.step, str(path), sha256)


def _seed_dropout(seed: int, device: torch.device) -> None:
    """Seed torch's generator of the device; `torch.manual_seed` asks after every other device too, 0.2 ms each time."""
    torch.default_generator.manual_seed(seed)
    if device.type == "cuda":
        torch.cuda.manual_seed_all(seed)


def advance(state: TrainingState, validated: float, training: MetaTraining, *, elapsed: float) -> TrainingState:
    """Return the state after one more validation: the pure decision of when training has finished."""
    epoch = state.epoch + 1
    if validated < state.best_loss:
        state = replace(state, best_epoch=epoch, best_loss=validated)
    patient = training.patience is None or epoch - state.best_epoch < training.patience
    in_time = training.max_seconds is None or elapsed < training.max_seconds
    finished = state.step >= training.iterations or not patient or not in_time
    late = state.out_of_time or not in_time
    return replace(state, epoch=epoch, elapsed_seconds=elapsed, finished=finished, out_of_time=late)


def round_length(training: MetaTraining) -> int:
    """The iterations from one validation to the next."""
    own = training.validate_every or max(_LEAST_ROUND, training.iterations // _ROUNDS)
    return min(own, training.iterations)


def rate(training: MetaTraining, iteration: int) -> float:
    """The outer rate of an iteration, from 0: see `worker.training.optimizers.learning_rate`."""
    if training.schedule == "cosine":
        return training.learning_rate * 0.5 * (1.0 + math.cos(math.pi * iteration / training.iterations))
    return training.learning_rate


@dataclass(frozen=True, eq=False)
class Fixed:
    """Episodes that stay the same, with the protocol that they were drawn by."""

    drawn: Drawn
    protocol: Protocol


def validation_episodes(material: Material) -> Fixed:
    """The episodes of every validation: as in training, or of as many ways as there are classes to draw."""
    plan = material.plan
    assert plan.validation is not None  # a plan without problems
    protocol = plan.training
    if plan.spec.episodes is not None:
        protocol = protocol.model_copy(update={"ways": min(plan.ways, len(plan.validation))})
    rows = (protocol.shots or 1) + (protocol.queries or 1)
    if plan.spec.episodes is not None:
        rows *= protocol.ways or 1
    count = min(max(FEWEST_EPISODES, VALIDATION_ROWS // rows), MOST_EPISODES)
    return Fixed(material.draw(plan.validation, count, protocol, stream(plan.spec.seed or 0, VALIDATION)), protocol)


def mean_loss(learner: Learner, material: Material, fixed: Fixed) -> float:
    """The mean loss of fixed episodes after adaptation; the learner stays as it is."""
    plan, total = material.plan, 0.0
    ways = fixed.protocol.ways or 1
    for part in parts(fixed.drawn, learner):
        episodes = material.episodes(fixed.drawn[part])
        adapted = plan.spec.method.adapt(learner, episodes.support, ways=ways)
        found = answers(learner, adapted, episodes.query)
        # every episode has as many queries, so the mean over all of them is the mean over the episodes
        total += float(loss(found.flatten(0, 1), episodes.query.labels.flatten(), plan.question)) * len(found)
    return total / len(fixed.drawn)


def parts(drawn: Drawn, learner: Learner | None = None) -> list[slice]:
    """Stretches of episodes that fit a pass, with a copy of the learner's weights for each of them."""
    rows = drawn.support.shape[1] + drawn.query.shape[1]
    size = max(1, ROWS_AT_ONCE // rows)
    if learner is not None:
        size = max(1, min(size, WEIGHTS_AT_ONCE // sum(weight.numel() for weight in learner.parameters())))
    return [slice(start, min(start + size, len(drawn))) for start in range(0, len(drawn), size)]


def snapshot(learner: Learner) -> dict[str, Tensor]:
    """A copy of the weights that further steps do not touch."""
    return {name: tensor.detach().clone() for name, tensor in learner.state_dict().items()}
