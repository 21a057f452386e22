"""The whole file of an adapted model, made when somebody asks for it."""

from app.warm import Location, corrupt, verify
from learning.adapting import Delta, merge
from learning.model import ModelFileInvalid, load_model
from store.artifacts import ArtifactStore


def whole(artifacts: ArtifactStore, location: Location) -> Location:
    """The model's file; one that adds to a base is merged with it, under a hash of its own.

    Equal models make equal files, so the merged one is an artifact like any other, though no row refers to it: the sweep
    takes it after a day, and whoever asks then makes it again.

    Raises:
        ApiError: ``model-corrupt``.
    """
    if location.base is None:
        return location
    staged = artifacts.stage()
    try:
        for part in (location.base, location):
            verify(part)
        merge(load_model(location.base.path), Delta.load(location.path)).save(staged)
        stored = artifacts.publish(staged)
    except ModelFileInvalid as error:
        raise corrupt() from error
    finally:
        staged.unlink(missing_ok=True)
    return Location(location.id, artifacts.path(stored.sha256), stored.sha256, stored.bytes)
