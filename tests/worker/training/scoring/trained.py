"""Models of a few epochs, as an attempt leaves them."""

from tests.worker.training.assignment import attempt

TWO_TARGETS = {
    "kind": "multitask",
    "tasks": [{"dataset": "ds_1", "target": "y"}, {"dataset": "ds_1", "target": "hot"}],
    "network": {"name": "linear"},
    "training": {"epochs": 5},
    "baselines": False,
}
SHOPS = {
    "kind": "multitask",
    "tasks": {"dataset": "ds_1", "group_by": ["shop"], "targets": [{"target": "demand"}, {"target": "stockout"}]},
    "network": {"name": "linear"},
    "training": {"epochs": 5},
    "baselines": False,
}


def trained(folder, spec, dataset):
    """The model's file."""
    folder.mkdir()
    ended, work, _ = attempt(folder, spec, dataset)
    assert ended["outcome"] == "succeeded", ended
    return work / "model.safetensors"
