import torch

from worker.training.batches import Batch, batches, epoch_order, epoch_seed


def _rows(n):
    return Batch(
        numeric=torch.arange(n, dtype=torch.float32).unsqueeze(1),
        category=torch.empty(n, 0, dtype=torch.int64),
        group=torch.arange(n),
        labels=torch.arange(n, dtype=torch.float32).unsqueeze(1),
    )


def _order(n, seed):
    return epoch_order(n, generator=torch.Generator().manual_seed(seed))


def test_an_epoch_visits_every_row_once_and_keeps_rows_together():
    seen = list(batches(_rows(10), _order(10, 0), size=4))

    assert [len(batch) for batch in seen] == [4, 4, 2]
    visited = torch.cat([batch.group for batch in seen])
    assert sorted(visited.tolist()) == list(range(10))
    assert torch.equal(torch.cat([batch.labels[:, 0] for batch in seen]), visited.float())


def test_the_order_depends_on_the_seed_and_the_epoch_only():
    assert torch.equal(_order(50, epoch_seed(1, 2)), _order(50, epoch_seed(1, 2)))
    assert not torch.equal(_order(50, epoch_seed(1, 2)), _order(50, epoch_seed(1, 3)))
    assert not torch.equal(_order(50, epoch_seed(1, 2)), _order(50, epoch_seed(2, 2)))


def test_seeds_are_ones_that_torch_accepts():
    for seed in (0, 1, 2**32 - 1):
        torch.Generator().manual_seed(epoch_seed(seed, 0))


def test_rows_of_many_numbers_come_in_the_same_batches(monkeypatch):
    order = _order(10, 0)
    expected = list(batches(_rows(10), order, size=4))
    monkeypatch.setattr("worker.training.batches._MOST_GATHERED", 0)
    for found, batch in zip(batches(_rows(10), order, size=4), expected, strict=True):
        assert torch.equal(found.numeric, batch.numeric)
        assert torch.equal(found.labels, batch.labels)
