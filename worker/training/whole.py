"""The whole files of models that are stored as what they add to another one: made in the attempt's own folder."""

from collections.abc import Mapping
from pathlib import Path

from learning.adapting import Delta, merge
from learning.model import load_model


def whole_files(models: Mapping[str, str], bases: Mapping[str, str], folder: Path) -> dict[str, Path]:
    """The file of each model by id; one that is in ``bases`` too is merged with the file there.

    Raises:
        ModelFileInvalid: the two do not belong together.
    """
    found = {key: Path(path) for key, path in models.items()}
    for key, base in bases.items():
        merged = folder / f"{key}.safetensors"
        merge(load_model(Path(base)), Delta.load(found[key])).save(merged)
        found[key] = merged
    return found
