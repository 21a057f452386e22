"""One stored model in memory: ready to answer, to carry its children, and to adapt."""

import hashlib
import threading
from dataclasses import dataclass
from pathlib import Path

from app.errors import ApiError
from learning.adapting import Adapter, Delta, adapter_of, is_adaptable, merge
from learning.model import MetaModel, TrainedModel, load_model
from learning.networks.base import TrunkPlan
from learning.predictor import Predictor, predictor_on, trunk_plan

BLOCK = 1 << 20
CHILD_BYTES = 1 << 14
"""What a child takes beside its weights: its header and the objects that read rows."""


@dataclass(frozen=True)
class Location:
    """Where a model's bytes are, and what they must hash to.

    ``base`` is the model that they add to, ``seconds_left`` how long it will be there; None: whole, and without an end.
    """

    id: str
    path: Path
    sha256: str
    bytes: int
    base: "Location | None" = None
    seconds_left: float | None = None


# torch.func swaps a module's weights while it runs and keeps its levels for the process: one gradient at a time
_GRADIENTS = threading.Lock()


class Warm:
    """A model as it was loaded. Threads may share it: what it adds to itself later is added once.

    ``turn`` is to be held while it adapts.
    """

    def __init__(
        self,
        location: Location,
        model: TrainedModel | MetaModel,
        predictor: Predictor | None,
        *,
        nbytes: int,
        delta: Delta | None = None,
        trunk: TrunkPlan | None = None,
    ) -> None:
        """Args: ``predictor`` is None of a meta-model, which answers once it is adapted. delta: what a child adds to its base.

        trunk: the inference of its trunk, where its base has planned it.
        """
        self.location = location
        self.model = model
        self.predictor = predictor
        self.nbytes = nbytes
        self.turn = _GRADIENTS if isinstance(model, MetaModel) else threading.Lock()
        self._delta = delta
        self._lock = threading.RLock()
        self._trunk = trunk
        self._adapter: Adapter | None = None

    @property
    def weights(self) -> int:
        """Bytes of its tensors."""
        return sum(tensor.nbytes for tensor in self.model.tensors.values())

    @property
    def is_ready(self) -> bool:
        """Whether what adapts it is made."""
        return self._adapter is not None

    def adapter(self) -> Adapter:
        """What adapts it, made at the first call. Raises LearningError for a model whose tasks have no trunk in common."""
        with self._lock:
            if self._adapter is None:
                trunk = self.trunk() if isinstance(self.model, TrainedModel) and self._has_trunk() else None
                self._adapter = adapter_of(self.model, delta=self._delta, trunk=trunk)
                self.nbytes += self._adapter.nbytes
            return self._adapter

    def trunk(self) -> TrunkPlan:
        """The inference of its trunk, for the children that share it."""
        with self._lock:
            if self._trunk is None:
                self._trunk = trunk_plan(self.model)
                self.nbytes += self.weights
            return self._trunk

    def _has_trunk(self) -> bool:
        return is_adaptable(self.model.header)


def open_whole(location: Location) -> Warm:
    """Read a model's own file.

    Raises:
        ApiError: ``model-corrupt`` when the file is absent, altered or unreadable.
    """
    try:
        verify(location)
        model = load_model(location.path)
        if isinstance(model, MetaModel):
            model_bytes = sum(tensor.nbytes for tensor in model.tensors.values())
            return Warm(location, model, None, nbytes=model_bytes)
        predictor = Predictor(model)
        return Warm(location, model, predictor, nbytes=predictor.nbytes)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise corrupt() from error


def open_child(location: Location, base: Warm) -> Warm:
    """Read what a child adds to its base.

    Raises:
        ApiError: as `open_whole`.
    """
    try:
        verify(location)
        delta = Delta.load(location.path)
        child = merge(base.model, delta)
        apart = delta.header.batch_statistics or any(name.startswith("trunk.") for name in delta.tensors)
        trunk = base.trunk() if child.header.sharing["name"] == "hard" and not apart else None
        predictor = Predictor(child) if trunk is None else predictor_on(trunk, child)
        nbytes = predictor.nbytes + CHILD_BYTES
        return Warm(location, child, predictor, nbytes=nbytes, delta=delta, trunk=trunk)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise corrupt() from error


def corrupt() -> ApiError:
    """What a file that is not the model's own is told as."""
    return ApiError("model-corrupt", "expected the stored model's own bytes, found the file absent or altered")


def verify(location: Location) -> None:
    """Raises ApiError when the bytes are not those that were stored; OSError when they cannot be read."""
    digest = hashlib.sha256()
    with location.path.open("rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
    if digest.hexdigest() != location.sha256:
        raise corrupt()
