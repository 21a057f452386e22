"""Tasks for a learner: supports of one size adapted together, whatever they came from."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from learning.encoding.encoding import Encoded
from learning.meta.base import Learner, MetaSpec, Rows, answers
from learning.networks.base import Trunk
from learning.networks.normalisation import normalises

#: The most numbers that the rows, or the trunks, of the tasks adapted together hold.
MOST_NUMBERS = 1 << 24


@dataclass(frozen=True, eq=False, slots=True)
class Episode:
    """What a task learns from, ``labels`` ``[n]`` as the learner reads them, and the rows ``[m]`` that it answers."""

    support: Encoded
    labels: NDArray[np.float32]
    query: Encoded | None
    ways: int

    @property
    def shape(self) -> tuple[int, int, int]:
        """Equal for tasks that can be stacked."""
        return len(self.support), self.ways, -1 if self.query is None else len(self.query)


@dataclass(frozen=True, eq=False, slots=True)
class Outcome:
    """One task's own tensors: ``weight`` ``[ways, h]``, ``bias`` ``[ways]``, the ``trunk``'s by name; and what it answers.

    raw: ``[m, ways]``, null without queries.
    """

    weight: NDArray[np.float32]
    bias: NDArray[np.float32]
    trunk: dict[str, NDArray[np.float32]]
    raw: NDArray[np.float32] | None


class _Identity(Trunk):
    """Reads a representation as it is."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.out_features = width

    def forward(self, numeric: Tensor, category: Tensor) -> Tensor:  # noqa: ARG002  # a representation has none
        return numeric


class Episodic:
    """A learner and its method, ready for any number of tasks."""

    def __init__(self, learner: Learner, method: MetaSpec) -> None:
        self.learner, self.method = learner, method
        #: Whether tasks differ in their heads only, which come from representations that no other row changes.
        self.reads_representations = not method.has_head and not (
            learner.normalisation == "transductive" and normalises(learner.trunk)
        )
        self._above = Learner(_Identity(learner.trunk.out_features), learner.question, ways=None).eval()

    def represented(self, rows: Encoded) -> Encoded:
        """Return the rows as their representations."""
        with torch.no_grad():
            numeric, category = torch.from_numpy(rows.numeric), torch.from_numpy(rows.category)
            most = self.learner.trunk.rows_at_once(numeric.device) or max(1, len(numeric))
            passes = zip(torch.split(numeric, most), torch.split(category, most), strict=True)
            z = torch.cat([self.learner.trunk(*some) for some in passes]).numpy()
        return Encoded(z, np.zeros((len(z), 0), np.int64))

    def run(
        self, episodes: Sequence[Episode], *, steps: int | None, represented: bool, tensors: bool = True
    ) -> list[Outcome]:
        """Return what each task learns and answers, in order.

        Args:
            represented: Whether the rows are representations already. tensors: Whether the trunks' tensors are wanted.
        """
        learner = self._above if represented else self.learner
        alike: dict[tuple[int, int, int], list[int]] = {}
        for place, episode in enumerate(episodes):
            alike.setdefault(episode.shape, []).append(place)
        found: dict[int, Outcome] = {}
        for places in alike.values():
            size = self._at_once(episodes[places[0]])
            for start in range(0, len(places), size):
                some = places[start : start + size]
                outcomes = _adapted(learner, self.method, [episodes[place] for place in some], steps, tensors)
                found |= dict(zip(some, outcomes, strict=True))
        return [found[place] for place in range(len(episodes))]

    def _at_once(self, episode: Episode) -> int:
        numbers = episode.support.numeric.size + (0 if episode.query is None else episode.query.numeric.size)
        weights = sum(parameter.numel() for parameter in self.learner.parameters())
        return max(1, MOST_NUMBERS // max(numbers, weights, 1 << 14))


def _adapted(
    learner: Learner, method: MetaSpec, episodes: Sequence[Episode], steps: int | None, tensors: bool
) -> list[Outcome]:
    ways = episodes[0].ways
    support = _rows([e.support for e in episodes], [e.labels for e in episodes])
    adapted = method.adapt(learner, support, ways=ways, steps=steps)
    raw = None
    queries = [e.query for e in episodes if e.query is not None]
    if queries:
        blank = np.zeros(len(queries[0]), np.float32)
        raw = answers(learner, adapted, _rows(queries, [blank] * len(queries)))[..., :ways].numpy()
    trunk = {name: tensor.numpy() for name, tensor in adapted.trunk.items()} if tensors else {}
    weight, bias = adapted.weight[:, :ways].numpy(), adapted.bias[:, :ways].numpy()
    return [
        Outcome(
            weight[place].copy(),
            bias[place].copy(),
            {name: tensor[place].copy() for name, tensor in trunk.items()},
            None if raw is None else raw[place],
        )
        for place in range(len(episodes))
    ]


def _rows(parts: Sequence[Encoded], labels: Sequence[NDArray[np.float32]]) -> Rows:
    return Rows(
        torch.from_numpy(np.stack([part.numeric for part in parts])),
        torch.from_numpy(np.stack([part.category for part in parts])),
        torch.from_numpy(np.stack(labels)),
    )


def initial(learner: nn.Module, rows: Encoded, ways: int) -> NDArray[np.float32]:
    """Return what the learner answers before it adapts, ``[n, ways]``."""
    with torch.no_grad():
        raw: NDArray[np.float32] = learner(torch.from_numpy(rows.numeric), torch.from_numpy(rows.category)).numpy()
    return raw[:, :ways]
