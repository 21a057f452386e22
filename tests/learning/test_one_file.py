"""A method is one file: dropped into its package, it is known, checked, described and trained with, and nothing else changes."""

import importlib
import sys

import pytest
import torch
from pydantic import TypeAdapter

from learning.losses import Objective
from learning.registry import PACKAGES, discover

METHOD_FILE = '''"""Half of each loss."""

from collections.abc import Sequence
from typing import Literal

from pydantic import Field
from torch import Tensor

from learning.losses import Objective
from learning.multitask.balancing.base import Balancer, BalancingSpec
from learning.multitask.sharing.base import SharedModel


class Share(BalancingSpec):
    """A share of the sum of the losses."""

    name: Literal["share"] = "share"
    share: float = Field(default=0.5, gt=0.0, le=1.0, description="How much of it.")

    def build(self, objectives: Sequence[Objective]) -> "Shared":
        return Shared(self.share)


class Shared(Balancer):
    def __init__(self, share: float) -> None:
        super().__init__()
        self._share = share

    def backward(self, losses: Tensor, weights: Tensor, model: SharedModel) -> None:
        (self._share * losses @ weights).backward()


METHOD = Share
'''


@pytest.fixture
def one_more(tmp_path, monkeypatch):
    (tmp_path / "share.py").write_text(METHOD_FILE)
    package = importlib.import_module(PACKAGES["balancing"])
    monkeypatch.setattr(package, "__path__", [*package.__path__, str(tmp_path)])
    yield discover(PACKAGES)
    del sys.modules[PACKAGES["balancing"] + ".share"]


def test_a_file_in_the_package_is_a_method_that_jobs_may_name(one_more):
    spec = TypeAdapter(one_more.union("balancing")).validate_python({"name": "share", "share": 0.25})
    losses = torch.tensor([1.0, 3.0], requires_grad=True)
    spec.build([Objective(0, "mse"), Objective(1, "mse")]).backward(losses, torch.tensor([1.0, 2.0]), None)

    assert one_more.names("balancing") == ("pcgrad", "share", "static", "uncertainty")
    assert type(spec).model_json_schema()["properties"]["share"]["maximum"] == 1.0
    assert losses.grad is not None
    assert losses.grad.tolist() == [0.25, 0.5]
