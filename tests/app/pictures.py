"""Small pictures of bars: an archive of them, a job on it, and one picture as a row of a prediction holds it."""

import base64
import io
import zipfile
from typing import Any

import numpy as np
from PIL import Image

from tests.app.tenant import Tenant

ZIP = {"Content-Type": "application/zip"}
SIDE = 16


def bar(kind: str, seed: int) -> np.ndarray:
    """A bright bar on noise, ``[16, 16]`` uint8, that stands or lies."""
    draw = np.random.default_rng(seed)
    pixels = draw.integers(0, 60, (SIDE, SIDE)).astype(np.uint8)
    at = int(draw.integers(2, SIDE - 3))
    if kind == "standing":
        pixels[:, at : at + 2] = 220
    else:
        pixels[at : at + 2] = 220
    return pixels


def png(pixels: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def cell(data: bytes) -> dict[str, str]:
    """The bytes of an image file as a row has them."""
    return {"base64": base64.b64encode(data).decode()}


def archive(count: int = 24) -> bytes:
    """``count`` pictures of each kind, a folder for each."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as folder:
        for place, kind in enumerate(("lying", "standing")):
            for index in range(count):
                folder.writestr(f"{kind}/{index:03}.png", png(bar(kind, 2 * index + place)))
    return file.getvalue()


def upload_images(tenant: Tenant) -> str:
    return str(tenant.upload(archive(), headers=ZIP, name="bars")["id"])


def of_images(dataset: str, **fields: Any) -> dict[str, Any]:
    """A job on the pictures."""
    network = {"name": "conv4", "filters": 4}
    tasks = [{"name": "kind", "dataset": dataset, "target": "label"}]
    return {"kind": "multitask", "name": "bars", "tasks": tasks, "network": network, **fields}
