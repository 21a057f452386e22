"""Part F: adaptations (rows 79 to 83; row 84 is a test of its own), and what every body may have wrong."""

from collections.abc import Callable
from typing import Any

from tests.app.adaptations.rows import classes, numbers, row
from tests.app.bad_input.case import Case, Send, warns
from tests.app.bad_input.world import UNKNOWN_DATASET, UNKNOWN_MODEL, World

JSON = {"Content-Type": "application/json"}
Pick = Callable[[World], str]


def of_model(world: World) -> str:
    return world.model


def of_meta(world: World) -> str:
    return world.meta_model


def adapt(body: Any, *, model: Pick = of_model) -> Send:
    return lambda world: world.tenant.client.post(f"/v1/models/{model(world)}/adaptations", json=body)


def raw(content: bytes) -> Send:
    return lambda world: world.tenant.client.post(
        f"/v1/models/{world.model}/adaptations", content=content, headers=JSON
    )


def dataset(pick: Pick, **body: Any) -> Send:
    def send(world: World) -> Any:
        return adapt({"support": pick(world), "target": "y", "store": False, **body})(world)

    return send


def rent(*changes: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A support of as many rows as there are changes to them."""
    rows = [row(i, rent=2.0 * i) | change for i, change in enumerate(changes)]
    return {"support": {"rows": rows}, "target": "rent", "store": False, **more}


GOOD = {"support": numbers(), "target": "rent", "store": False}
LETTERS = {"support": classes(), "store": False}
FEW = {"columns": {"a": [0.0, 1.0], "b": [0.0, 1.0], "y": ["u", "v"]}}
HUGE = {"columns": {"a": [1e300, -1e300] * 4, "b": [1e300, -1e300] * 4, "y": [1e150, -1e150] * 4}}
MANY = {"columns": {"age": [1.0] * 10_001, "rent": [1.0] * 10_001}}

UNSEEN = {"columns": {"a": [1.0], "b": [1.0], "y": ["none"]}}
KNOWN = {"support": {"rows": [row(0, z="good"), row(1, z="bad")]}, "target": "z", "store": False}
NO_B = {"support": {"columns": {"a": [1.0], "c": [1.0], "y": ["u"]}}}


def unanswered(world: World) -> Any:
    return world.tenant.client.post(f"/v1/models/{world.meta_model}/predictions", json={"rows": [{"a": 1, "b": 2}]})


def other(query: str = "", **options: Any) -> Send:
    """A request of another media type, or with a query string."""
    return lambda world: world.tenant.client.post(f"/v1/models/{world.model}/adaptations{query}", **options)


CASES = [
    Case(
        79,
        "one-class",
        adapt({**LETTERS, "support": classes(1)}, model=of_meta),
        422,
        "single-class-target",
        "/support",
    ),
    Case(
        79,
        "one-new-class",
        adapt({**GOOD, "support": {"rows": [row(i, kind="a") for i in range(4)]}, "target": "kind"}),
        422,
        "single-class-target",
        "/support",
    ),
    Case(79, "no-rows", adapt({"support": {"rows": []}}), 422, "empty-rows", "/support/rows"),
    Case(79, "no-columns", adapt({"support": {"columns": {}}}), 422, "empty-rows", "/support/columns"),
    Case(79, "more", adapt({"support": MANY, "target": "rent"}), 422, "too-many-shots", "/support/columns"),
    Case(
        79,
        "million",
        raw(b'{"support":{"rows":[' + b'{"age":1},' * 10**6 + b"{}]}}"),
        413,
        "too-many-rows",
        "/support/rows",
    ),
    Case(79, "bytes", raw(b'{"support":{"rows":[{"x":"' + b"x" * 2**24 + b'"}]}}'), 413, "body-too-large"),
    Case(79, "fewer", adapt({"support": FEW, "store": False}, model=of_meta), 200, check=warns("fewer-shots")),
    Case(79, "no-supports", adapt({"supports": {}}), 422, "no-tasks", "/supports"),
    Case(
        79,
        "many-supports",
        adapt({"supports": {f"t{i}": {"rows": []} for i in range(1_001)}}),
        422,
        "too-many-tasks",
        "/supports",
    ),
    Case(80, "", adapt({**LETTERS, "query": UNSEEN}, model=of_meta), 422, "unseen-label", "/query/columns/y/0"),
    Case(
        80,
        "known-classes",
        adapt({**KNOWN, "query": {"rows": [row(2, z="ugly")]}}),
        422,
        "unseen-label",
        "/query/rows/0/z",
    ),
    Case(
        81,
        "missing",
        adapt({"support": {"rows": [{"age": 1.0, "rent": 2.0}]}, "target": "rent"}),
        422,
        "schema-mismatch",
        "/support/rows/0/region",
    ),
    Case(81, "unknown", adapt(rent({"height": 1}, {"height": 2})), 422, "schema-mismatch", "/support/rows/0/height"),
    Case(
        81, "query", adapt({**GOOD, "query": {"rows": [{"age": 1.0}]}}), 422, "schema-mismatch", "/query/rows/0/region"
    ),
    Case(81, "meta", adapt(NO_B, model=of_meta), 422, "schema-mismatch", "/support/columns/b"),
    Case(81, "dataset", dataset(lambda world: world.good), 422, "missing-feature", "/support"),
    Case(82, "", adapt(GOOD, model=lambda world: world.soft_model), 409, "not-adaptable"),
    Case(82, "unanswered", unanswered, 409, "not-adapted"),
    Case(
        83,
        "",
        adapt({"support": HUGE, "store": False}, model=lambda world: world.diverging_model),
        422,
        "training-diverged",
    ),
    Case(83, "unhealthy", adapt(GOOD, model=lambda world: world.unhealthy_model), 503, "model-unhealthy"),
    Case(84, "both", adapt({**GOOD, "supports": {"a": numbers()}}), 422, "missing-field", ""),
    Case(84, "neither", adapt({"target": "rent"}), 422, "missing-field", ""),
    Case(84, "unknown-field", adapt({**GOOD, "stepps": 3}), 422, "extra-field", "/stepps"),
    Case(84, "unknown-part", adapt({"support": {**numbers(), "where": 1}}), 422, "extra-field", "/support/where"),
    Case(
        84,
        "unknown-of-many",
        adapt({"supports": {"a/b": {**numbers(), "name": "x"}}}),
        422,
        "extra-field",
        "/supports/a~1b/name",
    ),
    Case(84, "list", adapt([1]), 422, "wrong-type", ""),
    Case(84, "support-list", adapt({"support": [1]}), 422, "wrong-type", "/support"),
    Case(84, "steps", adapt({**GOOD, "steps": 0}), 422, "out-of-range", "/steps"),
    Case(84, "many-steps", adapt({**GOOD, "steps": 10**6}), 422, "out-of-range", "/steps"),
    Case(84, "true-steps", adapt({**GOOD, "steps": True}), 422, "wrong-type", "/steps"),
    Case(84, "store", adapt({**GOOD, "store": "no"}), 422, "wrong-type", "/store"),
    Case(84, "name", adapt({**GOOD, "name": "a\nb"}), 422, "invalid-name", "/name"),
    Case(84, "key", adapt({"supports": {"": numbers()}}), 422, "invalid-name", "/supports/"),
    Case(84, "ttl", adapt({**GOOD, "ttl_seconds": 0}), 422, "out-of-range", "/ttl_seconds"),
    Case(84, "long-ttl", adapt({**GOOD, "ttl_seconds": 1e12}), 422, "out-of-range", "/ttl_seconds"),
    Case(84, "targets", adapt({**GOOD, "targets": ["rent"]}), 422, "extra-field", "/targets"),
    Case(84, "target-type", adapt({**GOOD, "target": 3}), 422, "wrong-type", "/target"),
    Case(84, "task-key", adapt({**GOOD, "task_key": {"shop": [1]}}), 422, "wrong-type", "/task_key/shop"),
    Case(84, "not-grouped", adapt({**GOOD, "task_key": {"shop": "s9"}}), 422, "not-grouped", "/task_key"),
    Case(
        84,
        "other-key",
        adapt({"support": {"rows": [row(1, y=1.0)]}, "task_key": {"x": "1"}}, model=lambda world: world.grouped_model),
        422,
        "task-key-mismatch",
        "/task_key",
    ),
    Case(
        84,
        "no-target",
        adapt({**GOOD, "support": {"rows": [row(0), row(1)]}, "target": "wages"}),
        422,
        "target-not-found",
        "/target",
    ),
    Case(84, "value", adapt(rent({}, {"rent": "much"}, {"rent": 3.0})), 200, check=warns()),
    Case(84, "feature", adapt(rent({}, {}, {"age": "old"})), 422, "wrong-type", "/support/rows/2/age"),
    Case(84, "nan", raw(b'{"support":{"rows":[{"age":NaN}]}}'), 400, "invalid-json"),
    Case(84, "1e400", raw(b'{"support":{"rows":[{"age":1e400}]}}'), 422, "non-finite-value"),
    Case(84, "twice", raw(b'{"support":{"rows":[{"age":1,"age":2}]}}'), 400, "duplicate-key"),
    Case(
        84,
        "nul",
        raw(b'{"support":{"rows":[{"age":1,"rent":"\\u0000"}]},"target":"rent"}'),
        422,
        "invalid-character",
        "/support/rows/0/rent",
    ),
    Case(84, "keys", adapt({"support": {"rows": [row(0), {"age": 1}]}}), 422, "ragged-rows", "/support/rows/1"),
    Case(84, "unknown-dataset", dataset(lambda _: UNKNOWN_DATASET), 422, "dataset-not-found", "/support"),
    Case(84, "foreign-dataset", dataset(lambda world: world.foreign), 422, "dataset-not-found", "/support"),
    Case(84, "deleted-dataset", dataset(lambda world: world.deleted), 409, "dataset-deleted", "/support"),
    Case(84, "no-column", dataset(lambda world: world.typed, target="wages"), 422, "target-not-found", "/target"),
    Case(84, "deleted-model", adapt(GOOD, model=lambda world: world.deleted_model), 404, "not-found"),
    Case(84, "foreign-model", adapt(GOOD, model=lambda world: world.foreign_model), 404, "not-found"),
    Case(84, "unknown-model", adapt(GOOD, model=lambda _: UNKNOWN_MODEL), 404, "not-found"),
    Case(84, "text", other(content=b"{}", headers={"Content-Type": "text/plain"}), 415, "unsupported-media-type"),
    Case(84, "query-string", other("?x=1", json=GOOD), 422, "unknown-parameter"),
]
