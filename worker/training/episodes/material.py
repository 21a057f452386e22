"""The rows of a meta job as tensors: encoded by what meta-training saw, ready to be drawn."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from learning.encoding import Encoding
from learning.encoding import fit as fit_encoding
from learning.episodes import MetaPlan, Pool
from learning.meta.base import Episodes, Rows
from learning.meta_header import MetaHeader
from learning.model import AnyHeader
from learning.specs.meta import Protocol
from learning.tables import Table
from worker.training.episodes.sampler import Drawn, of_classes, of_tasks
from worker.training.scale import Scale


@dataclass(frozen=True, eq=False)
class Material:
    """All rows of the table, N of them, and how episodes are drawn from them.

    numeric ``[N, p]``, category ``[N, q]``. labels ``[N]``: of tasks, standardised by ``scale`` or class indices. turned
    ``[4, p]``: where each number of a row comes from when its image is turned by so many quarters.
    """

    plan: MetaPlan
    encoding: Encoding
    scale: Scale
    numeric: Tensor
    category: Tensor
    labels: Tensor | None
    turned: Tensor | None

    def episodes(self, drawn: Drawn) -> Episodes:
        """The rows of the drawn episodes, without a loop over them."""
        shots = drawn.support.shape[1]
        turn = (None, None) if drawn.turn is None else (drawn.turn[:, :shots], drawn.turn[:, shots:])
        return Episodes(
            self._rows(drawn.support, drawn.support_class, turn[0]), self._rows(drawn.query, drawn.query_class, turn[1])
        )

    def _rows(self, rows: NDArray[np.int64], classes: NDArray[np.int64] | None, turn: NDArray[np.int64] | None) -> Rows:
        device = self.numeric.device
        at = torch.from_numpy(rows).to(device)
        numeric = self.numeric[at]
        if turn is not None and self.turned is not None:
            numeric = numeric.gather(2, self.turned[torch.from_numpy(turn).to(device)])
        if classes is not None:
            labels = torch.from_numpy(classes).to(device)
        else:
            assert self.labels is not None  # of tasks
            labels = self.labels[at]
        return Rows(numeric, self.category[at], labels)

    def draw(
        self, pool: Pool, count: int, protocol: Protocol, random: np.random.Generator, *, training: bool = False
    ) -> Drawn:
        """Draw episodes of a protocol; in training images are turned where the job says so, and tasks come by chance."""
        shots, queries = protocol.shots or 1, protocol.queries or 1
        if self.plan.spec.episodes is None:
            return of_tasks(pool, count, random, shots=shots, queries=queries, evenly=not training)
        turns = 4 if training and self.turned is not None else 1
        return of_classes(pool, count, random, ways=protocol.ways or 2, shots=shots, queries=queries, turns=turns)


def material(
    plan: MetaPlan, tables: Mapping[str, Table], device: torch.device, source: AnyHeader | None = None
) -> Material:
    """Read the rows of ``plan`` and encode them; everything fitted is fitted on the rows of meta-train tasks only.

    Args:
        source: the header of the model that training begins from, whose encoding the rows then have.
    """
    assert plan.units is not None  # a plan without problems
    assert plan.train is not None
    stored = tables[plan.spec.data.dataset]
    table = stored.read(list(plan.types)).replace_schema_metadata()
    train = np.zeros(table.num_rows, bool)
    train[_rows_of(plan.train)] = True
    encoding = (
        source.encoding if source is not None else fit_encoding(table, plan.types, train=train, images=stored.images)
    )
    encoded = encoding.encode(table)
    scale, labels = Scale(), plan.units.labels
    if labels is not None and plan.question == "regression":
        scale = Scale.of(labels[train])
        if plan.keeps_head and isinstance(source, MetaHeader):
            scale = Scale(source.mean, source.deviation)
        labels = scale.forth(labels)
    image = encoding.inputs.image
    turned = turns(image, encoded.numeric.shape[1]) if image is not None and _turns(plan) else None
    return Material(
        plan,
        encoding,
        scale,
        torch.from_numpy(encoded.numeric).to(device),
        torch.from_numpy(encoded.category).to(device),
        None if labels is None else _labels(labels, plan).to(device),
        None if turned is None else torch.from_numpy(turned).to(device),
    )


def _rows_of(pool: Pool) -> NDArray[np.int64]:
    return pool.rows[_within(pool)]


def _within(pool: Pool) -> NDArray[np.int64]:
    """The places in ``pool.rows`` of the units that it kept."""
    ends = np.cumsum(pool.counts)
    return np.repeat(pool.starts - (ends - pool.counts), pool.counts) + np.arange(int(pool.counts.sum()))


def _labels(labels: NDArray[np.float64], plan: MetaPlan) -> Tensor:
    if plan.question == "regression":
        return torch.from_numpy(labels.astype(np.float32))
    return torch.from_numpy(np.where(np.isnan(labels), 0, labels).astype(np.int64))


def _turns(plan: MetaPlan) -> bool:
    return plan.spec.episodes is not None and "rotate90_classes" in plan.spec.episodes.augment


def turns(image: tuple[int, int, int], width: int) -> NDArray[np.int64]:
    """Return ``[4, width]``: the places that a row's numbers come from after 0 to 3 quarter turns of its square image."""
    channels, height, across = image
    pixels = np.arange(channels * height * across).reshape(image)
    rest = np.arange(pixels.size, width)
    return np.stack([np.concatenate([np.rot90(pixels, k, axes=(1, 2)).ravel(), rest]) for k in range(4)])
