"""The losses on the validation rows, by which training decides when it is over."""

import torch
from torch import Tensor

from learning.losses import TaskLosses, mean
from learning.multitask.sharing.base import SharedModel
from worker.training.batches import Batch

#: Rows answered at a time, and the numbers of so many: what a convolution makes of them is many times more.
_VALIDATION_ROWS, _VALIDATION_NUMBERS = 8192, 1 << 19


@torch.no_grad()
def validated(model: SharedModel, rows: Batch, losses: TaskLosses) -> Tensor | None:
    """Return the mean loss ``[K]`` of each objective over the validation ``rows``, or None without such rows.

    The same mean as over a batch of all of them, class weights included.
    """
    if not len(rows):
        return None
    model.eval()
    sums, weights = torch.zeros(2, len(losses.objectives), device=rows.labels.device)
    step = max(1, min(_VALIDATION_ROWS, _VALIDATION_NUMBERS // max(1, rows.numeric.shape[1])))
    for start in range(0, len(rows), step):
        part = rows.slice(start, start + step)
        outputs = model(part.numeric, part.category, part.group)
        part_sums, part_weights = losses.totals(outputs, part.labels, part.group)
        sums += part_sums
        weights += part_weights
    return mean(sums, weights)
