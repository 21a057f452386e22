"""Part E: predictions (rows 68 to 77), and row 22."""

from collections.abc import Callable
from typing import Any

import httpx
import numpy as np

from tests.app.bad_input.case import Case, Send, warns
from tests.app.bad_input.world import UNKNOWN_MODEL, World
from tests.app.pictures import bar, cell, png
from tests.store.ingest.images.picture import huge_png

ROW = {"age": 30.0, "region": "north", "member": True, "day": "2024-05-06"}
JSON = {"Content-Type": "application/json"}
Pick = Callable[[World], str]


def of_model(world: World) -> str:
    return world.model


def predict(body: Any, *, model: Pick = of_model) -> Send:
    return lambda world: world.tenant.client.post(f"/v1/models/{model(world)}/predictions", json=body)


def raw(content: bytes) -> Send:
    return lambda world: world.tenant.client.post(
        f"/v1/models/{world.model}/predictions", content=content, headers=JSON
    )


def get(params: dict[str, str], *, model: Pick = of_model) -> Send:
    def send(world: World) -> httpx.Response:
        return world.tenant.client.get(f"/v1/models/{model(world)}/predictions", params=params)

    return send


def rows(*changes: dict[str, Any]) -> dict[str, Any]:
    return {"rows": [{**ROW, **change} for change in changes]}


def without(*names: str) -> dict[str, Any]:
    return {"rows": [{name: value for name, value in ROW.items() if name not in names}]}


def names_both(answer: dict[str, Any]) -> None:
    assert {entry["pointer"] for entry in answer["errors"]} == {"/rows/0/age", "/rows/0/day"}


def of_pictures(world: World) -> str:
    return world.image_model


def pictures(fourth: Any) -> dict[str, Any]:
    """Four rows of pictures, of which the last is in question."""
    return {"rows": [{"image": GOOD_PICTURE}] * 3 + [{"image": fourth}]}


GOOD_PICTURE = cell(png(bar("lying", 1)))
ODD_PICTURES = {
    "null": None,
    "string": GOOD_PICTURE["base64"],
    "pixels": [[0, 1], [1, 0]],
    "other-field": {"url": "http://127.0.0.1/cat.png"},
    "further-field": {**GOOD_PICTURE, "name": "cat"},
    "number": {"base64": 7},
    "garbage": {"base64": "@@@@"},
    "url-safe-alphabet": {"base64": "_-_-"},
    "no-padding": {"base64": GOOD_PICTURE["base64"].rstrip("=")[:-1]},
    "data-url": {"base64": "data:image/png;base64," + GOOD_PICTURE["base64"]},
    "empty": {"base64": ""},
    "no-image": cell(b"a,b\n1,2\n"),
    "torn": cell(png(bar("lying", 1))[:-30]),
    "gif": cell(b"GIF89a" + bytes(40)),
    "svg": cell(b"<svg xmlns='http://www.w3.org/2000/svg'/>"),
}
ODD_VALUES = {"string": "30", "boolean": True, "nested": [30], "object": {"x": 1}}
COLUMNS = {name: [value] * 3 for name, value in ROW.items()}
QUERY = {"age": "30", "region": "north", "member": "true", "day": "2024-05-06"}

CASES = [
    Case(22, "", predict(rows({"region": "atlantis"})), 200, check=warns("unseen-category")),
    Case(
        22,
        "strict",
        predict({**rows({"region": "atlantis"}), "strict": True}),
        422,
        "unseen-category",
        "/rows/0/region",
    ),
    Case(68, "rows", predict(without("age", "day")), 422, "missing-feature", "/rows/0/age", names_both),
    Case(68, "columns", predict({"columns": {"age": [1.0]}}), 422, "missing-feature", "/columns/region"),
    Case(68, "query", get({"age": "30"}), 422, "missing-feature"),
    Case(69, "rows", predict(rows({"height": 180})), 422, "unknown-feature", "/rows/0/height"),
    Case(69, "query", get({**QUERY, "height": "180"}), 422, "unknown-feature"),
    *(
        Case(70, name, predict(rows({}, {}, {}, {"age": value})), 422, "wrong-type", "/rows/3/age")
        for name, value in ODD_VALUES.items()
    ),
    Case(70, "number-as-category", predict(rows({"region": 7})), 422, "wrong-type", "/rows/0/region"),
    Case(70, "columns", predict({"columns": {**COLUMNS, "age": [1.0, 2.0, "x"]}}), 422, "wrong-type", "/columns/age/2"),
    Case(70, "row-is-list", predict({"rows": [[1, 2]]}), 422, "wrong-type", "/rows/0"),
    Case(70, "null", predict(rows({"age": None})), 200),
    Case(70, "query", get({**QUERY, "age": "thirty"}), 422, "wrong-type"),
    Case(70, "query-underscore", get({**QUERY, "age": "1_000"}), 422, "wrong-type"),
    Case(71, "rows", predict({"rows": []}), 422, "empty-rows", "/rows"),
    Case(71, "columns", predict({"columns": {}}), 422, "empty-rows", "/columns"),
    Case(71, "neither", predict({}), 422, "missing-field"),
    Case(71, "unknown-field", predict({**rows({}), "model": "x"}), 422, "extra-field", "/model"),
    Case(71, "unknown-task", predict({**rows({}), "tasks": ["w"]}), 422, "unknown-task", "/tasks/0"),
    Case(72, "", predict({"rows": [{"age": 1}] * 10_001}), 413, "too-many-rows", "/rows"),
    Case(72, "million", raw(b'{"rows":[' + b'{"age":1},' * 10**6 + b"{}]}"), 413, "too-many-rows", "/rows"),
    Case(73, "nan", raw(b'{"rows":[{"age":NaN}]}'), 400, "invalid-json"),
    Case(73, "infinity", raw(b'{"rows":[{"age":-Infinity}]}'), 400, "invalid-json"),
    Case(73, "1e400", raw(b'{"rows":[{"age":1e400}]}'), 422, "non-finite-value"),
    Case(73, "query", get({**QUERY, "age": "1e400"}), 422, "non-finite-value"),
    Case(73, "query-nan", get({**QUERY, "age": "nan"}), 422, "wrong-type"),
    Case(74, "keys", predict({"rows": [ROW, {**ROW, "extra": 1}]}), 422, "ragged-rows", "/rows/1"),
    Case(74, "columns", predict({"columns": {**COLUMNS, "age": [1.0]}}), 422, "ragged-rows", "/columns/region"),
    Case(75, "deleted", predict(rows({}), model=lambda world: world.deleted_model), 404, "not-found"),
    Case(75, "foreign", predict(rows({}), model=lambda world: world.foreign_model), 404, "not-found"),
    Case(75, "unknown", predict(rows({}), model=lambda _: UNKNOWN_MODEL), 404, "not-found"),
    Case(75, "get", get(QUERY, model=lambda world: world.foreign_model), 404, "not-found"),
    *(
        Case(77, name, predict(pictures(value), model=of_pictures), 422, "invalid-image", "/rows/3/image")
        for name, value in ODD_PICTURES.items()
    ),
    Case(
        77,
        "columns",
        predict({"columns": {"image": [GOOD_PICTURE, None]}}, model=of_pictures),
        422,
        "invalid-image",
        "/columns/image/1",
    ),
    Case(
        77,
        "too-many-pixels",
        predict(pictures(cell(huge_png(8_000))), model=of_pictures),
        413,
        "image-too-large",
        "/rows/3/image",
    ),
    Case(77, "20-MB", predict(pictures(cell(bytes(15 * 2**20))), model=of_pictures), 413, "body-too-large"),
    Case(77, "another-size", predict(pictures(cell(png(np.zeros((40, 9), np.uint8)))), model=of_pictures), 200),
    Case(77, "query", get({"image": "x"}, model=of_pictures), 422, "invalid-image"),
    Case(
        77,
        "missing",
        predict({"rows": [{"label": "lying"}]}, model=of_pictures),
        422,
        "missing-feature",
        "/rows/0/image",
    ),
    Case(76, "", predict(rows({}), model=lambda world: world.unhealthy_model), 503, "model-unhealthy"),
]
