"""Images in the rows of a request, ``{"base64": "…"}``, decoded by the rule of uploads."""

import binascii
from collections.abc import Iterable, Mapping, Sequence
from math import prod
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from app.errors import ENTRIES, first_problem
from app.strict_json import kind
from learning.errors import pointer_to
from learning.header import Input
from store.ingest import ROW_PIXELS, IngestError, decode_image

REQUEST_PIXELS = 2**28
"""Of all images of one request before they are resized: seconds of decoding, whatever a few bytes may stand for."""
IMAGES_AT_ONCE = 4
"""Requests with images that one process answers at a time."""
REQUEST_NUMBERS = 2**26
"""Of all images of one request at the model's size: a quarter of a gigabyte once they are numbers, however small they came."""


def decoded(
    columns: Mapping[str, Sequence[Any]],
    form: Literal["rows", "columns"],
    inputs: Iterable[Input],
    *,
    at: str = "",
    rows: int | None = None,
) -> Mapping[str, Sequence[Any]]:
    """The columns, with arrays ``[height, width, channels]`` uint8 of the model's own size where it reads images.

    Args:
        form: how the client wrote them, and ``at`` where, for pointers.
        rows: how many rows the request brings in all, where there are others than these.

    Raises:
        ApiError: ``too-many-rows``; ``invalid-image`` and ``image-too-large``, one problem for each cell.
    """
    pictures = {column.name: column for column in inputs if column.image is not None and column.name in columns}
    if not pictures:
        return columns
    problems: list[dict[str, Any]] = []
    name, column = next(iter(pictures.items()))
    count = max(1, rows or len(columns[name]))
    _refuse_many(count, column, at + pointer_to(form))
    most_pixels = min(ROW_PIXELS, REQUEST_PIXELS // count)
    found = {name: _images(columns[name], column, form, at, most_pixels, problems) for name, column in pictures.items()}
    if problems:
        too_large = problems[0]["code"] == "image-too-large"
        raise first_problem(problems, status=413 if too_large else None)
    return {**columns, **found}


def _refuse_many(rows: int, column: Input, at: str) -> None:
    most = REQUEST_NUMBERS // prod(column.image or (1,))
    if rows > most:
        detail = f"expected at most {most} rows of images as large as this model's in one request, found {rows}"
        raise first_problem([{"pointer": at, "code": "too-many-rows", "detail": detail, "limit": most, "actual": rows}])


def _images(
    values: Sequence[Any], column: Input, form: str, at: str, most_pixels: int, problems: list[dict[str, Any]]
) -> list[NDArray[np.uint8]]:
    images = []
    for row, value in enumerate(values):
        read = _image(value, column, most_pixels)
        if isinstance(read, np.ndarray):
            images.append(read)
            continue
        place = (form, row, column.name) if form == "rows" else (form, column.name, row)
        problems.append({"pointer": at + pointer_to(*place), **read})
        if len(problems) == ENTRIES:
            break
    return images


def _image(value: Any, column: Input, most_pixels: int) -> NDArray[np.uint8] | dict[str, Any]:
    """The image of one cell, or what is wrong with it."""
    channels, height, width = column.image or (1, 1, 1)
    if type(value) is not dict or value.keys() != {"base64"} or type(value["base64"]) is not str:
        found = f"an object with {len(value)} other fields" if type(value) is dict else kind(value)
        return _invalid(f'an image as {{"base64": "…"}}, found {found}')
    text = value["base64"]
    if text[:5].lower() == "data:":
        return _invalid("the base64 of an image file alone, found a data: URL; leave out what stands before the comma")
    try:
        data = binascii.a2b_base64(text, strict_mode=True)
    except (binascii.Error, ValueError):
        return _invalid("base64 of an image file, found text that is none")
    try:
        return decode_image(data, height=height, width=width, channels=channels, most_pixels=most_pixels)
    except IngestError as error:
        told = error.problems[0]
        return {key: told[key] for key in ("code", "detail", "limit") if key in told}


def _invalid(detail: str) -> dict[str, Any]:
    return {"code": "invalid-image", "detail": f"expected {detail}"}
