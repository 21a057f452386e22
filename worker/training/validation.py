"""The losses on the validation rows, by which training decides when it is over."""

import torch
from torch import Tensor

from learning.losses import TaskLosses, mean
from learning.multitask.sharing.base import SharedModel
from worker.training.batches import Batch

_VALIDATION_ROWS = 8192


@torch.no_grad()
def validated(model: SharedModel, rows: Batch, losses: TaskLosses) -> Tensor | None:
    """Return the mean loss ``[K]`` of each objective over the validation ``rows``, or None without such rows.

    The same mean as over a batch of all of them, class weights included.
    """
    if not len(rows):
        return None
    model.eval()
    sums, weights = torch.zeros(2, len(losses.objectives), device=rows.labels.device)
    for start in range(0, len(rows), _VALIDATION_ROWS):
        part = rows.slice(start, start + _VALIDATION_ROWS)
        outputs = model(part.numeric, part.category, part.group)
        part_sums, part_weights = losses.totals(outputs, part.labels, part.group)
        sums += part_sums
        weights += part_weights
    return mean(sums, weights)
