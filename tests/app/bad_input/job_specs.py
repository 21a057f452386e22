"""Part D: job specs (rows 49 to 59, 63, 65, 67), and the rows of part A that show when a job asks for the task."""

from collections.abc import Callable
from typing import Any

from tests.app.bad_input.case import Case, Send, warns
from tests.app.bad_input.world import UNKNOWN_DATASET, UNKNOWN_MODEL, World
from tests.app.tenant import spec

Make = Callable[[World], dict[str, Any]]


def job(make: Make, *, dry_run: bool = False) -> Send:
    params = {"dry_run": "true"} if dry_run else {}
    return lambda world: world.tenant.client.post("/v1/jobs", json=make(world), params=params)


def good(**fields: Any) -> Make:
    return lambda world: spec(world.good, **fields)


def on(name: str, *targets: str, **fields: Any) -> Make:
    """A job on one of the odd tables."""
    return lambda world: {
        "kind": "multitask",
        "tasks": [{"dataset": world.odd[name], "target": target} for target in targets],
        **fields,
    }


def on_dataset(pick: Callable[[World], str]) -> Make:
    return lambda world: spec(pick(world))


def task(**fields: Any) -> Make:
    """A job whose second task has these fields."""

    def make(world: World) -> dict[str, Any]:
        made = spec(world.good)
        made["tasks"][1] |= fields
        return made

    return make


def training(**fields: Any) -> Make:
    return good(training=fields)


def raw(fragment: bytes) -> Send:
    """A job whose training is written by hand, for what no JSON writer writes."""

    def send(world: World) -> Any:
        tasks = b'[{"dataset":"%s","target":"y"}]' % world.good.encode()
        body = b'{"kind":"multitask","tasks":%s,"training":%s}' % (tasks, fragment)
        return world.tenant.client.post("/v1/jobs", content=body, headers={"Content-Type": "application/json"})

    return send


def listing(*tasks: dict[str, Any]) -> Make:
    return lambda world: {"kind": "multitask", "tasks": [{"dataset": world.good, **one} for one in tasks]}


def two_tables(world: World) -> dict[str, Any]:
    tasks = [{"dataset": world.good, "target": "y"}, {"dataset": world.odd["other_features"], "target": "y"}]
    return {"kind": "multitask", "tasks": [{**one, "exclude": ["z"]} for one in tasks]}


def private_feature(world: World) -> dict[str, Any]:
    """The second table shares ``a`` and ``b`` with the first, which has its own targets beside."""
    tasks = [
        {"dataset": world.good, "target": "y", "exclude": ["b", "z"]},
        {"dataset": world.odd["leaky"], "target": "z", "exclude": ["y"]},
    ]
    return {"kind": "multitask", "tasks": tasks}


def predict(model: Callable[[World], str], dataset: Callable[[World], str] = lambda world: world.typed) -> Make:
    return lambda world: {"kind": "predict", "model": model(world), "dataset": dataset(world)}


def evaluate(*picks: Callable[[World], str], dataset: Callable[[World], str] = lambda world: world.typed) -> Make:
    return lambda world: {
        "kind": "evaluate",
        "models": [pick(world) for pick in picks],
        "dataset": dataset(world),
    }


def groups(world: World) -> dict[str, Any]:
    dataset = world.odd["groups_of_one_class"]
    return {"kind": "multitask", "tasks": {"dataset": dataset, "group_by": ["shop"], "targets": [{"target": "z"}]}}


def graft(*, on: str = "typed", source: str | None = None, **fields: Any) -> Make:
    """A transfer from the world's model to one of its tables."""

    def make(world: World) -> dict[str, Any]:
        task = {"dataset": world.odd[on], "target": "z", "exclude": ["y"]}
        return {"kind": "transfer", "source": source or world.model, "task": task, **fields}

    return make


def warm(*, on: str = "typed", init: Callable[[World], str] = lambda world: world.model, **fields: Any) -> Make:
    """A multi-task job that starts from the world's model, on one of its tables."""

    def make(world: World) -> dict[str, Any]:
        task = {"dataset": world.odd[on], "target": "z"}
        return {"kind": "multitask", "tasks": [task], "init": init(world), **fields}

    return make


def says(*words: str) -> Callable[[dict[str, Any]], None]:
    def check(answer: dict[str, Any]) -> None:
        told = " ".join(error["detail"] for error in answer["errors"])
        assert all(word in told for word in words), told

    return check


def no_errors(answer: dict[str, Any]) -> None:
    assert answer["errors"] == []


def same_as_unknown(answer: dict[str, Any]) -> None:
    assert "deleted" not in answer["detail"]


def drawn_seed(answer: dict[str, Any]) -> None:
    assert isinstance(answer["spec"]["seed"], int)


LONG = "n" * 10_000
EPOCHS = "/training/epochs"
RATE = "/training/learning_rate"
TARGET = "/tasks/1/target"

CASES = [
    Case(13, "no-labels", job(on("unlabelled", "y", "z")), 422, "no-labels", "/tasks/0/target"),
    Case(17, "listed", job(on("one_class", "y", "z")), 422, "single-class-target", TARGET),
    Case(17, "group", job(groups, dry_run=True), 200, check=no_errors),
    Case(18, "", job(on("constant", "y", "z")), 422, "constant-target", "/tasks/0/target"),
    Case(19, "", job(on("rare_class", "y", "z")), 422, "class-too-small", TARGET),
    Case(23, "", job(on("one_row", "y")), 422, "too-few-rows", "/tasks/0/dataset"),
    Case(23, "folds", job(on("leaky", "y", split={"folds": 50})), 422, "too-few-rows", "/split/folds", says("expected 50 labelled rows")),
    Case(29, "", job(on("leaky", "y"), dry_run=True), 200, check=warns("duplicate-of-target")),
    Case(49, "listed", job(on_dataset(lambda _: UNKNOWN_DATASET)), 422, "dataset-not-found", "/tasks/0/dataset"),
    Case(49, "grouped", job(lambda world: {**groups(world), "tasks": {**groups(world)["tasks"], "dataset": UNKNOWN_DATASET}}),
         422, "dataset-not-found", "/tasks/dataset"),
    Case(49, "no-id", job(on_dataset(lambda _: "../../etc/passwd")), 422, "dataset-not-found", "/tasks/0/dataset"),
    Case(49, "predict", job(predict(lambda world: world.model, lambda _: UNKNOWN_DATASET)), 422, "dataset-not-found", "/dataset"),
    Case(49, "model", job(predict(lambda _: UNKNOWN_MODEL)), 422, "model-not-found", "/model"),
    Case(49, "model-no-id", job(predict(lambda _: "../../etc/passwd")), 422, "model-not-found", "/model"),
    Case(49, "second-model", job(evaluate(lambda world: world.model, lambda _: UNKNOWN_MODEL)), 422, "model-not-found",
         "/models/1"),
    Case(50, "second-model", job(evaluate(lambda world: world.model, lambda world: world.foreign_model)), 422,
         "model-not-found", "/models/1", same_as_unknown),
    Case(50, "model", job(predict(lambda world: world.foreign_model)), 422, "model-not-found", "/model", same_as_unknown),
    Case(50, "", job(on_dataset(lambda world: world.foreign)), 422, "dataset-not-found", "/tasks/0/dataset", same_as_unknown),
    Case(51, "", job(on_dataset(lambda world: world.deleted)), 409, "dataset-deleted", "/tasks/0/dataset"),
    Case(51, "second-model", job(evaluate(lambda world: world.model, lambda world: world.deleted_model)), 409,
         "model-deleted", "/models/1"),
    Case(51, "model", job(predict(lambda world: world.deleted_model)), 409, "model-deleted", "/model"),
    Case(52, "type", job(task(type="ranking")), 422, "unknown-value", "/tasks/1/type"),
    Case(52, "kind", job(good(kind="magic")), 422, "unknown-value", "/kind"),
    Case(52, "network", job(good(network={"name": "transformer"})), 422, "unknown-value", "/network/name"),
    Case(52, "field", job(good(learning_rate=1)), 422, "extra-field", "/learning_rate"),
    Case(52, "privileged-field", job(good(project_id="prj_1")), 422, "extra-field", "/project_id"),
    Case(53, "zero", job(training(epochs=0)), 422, "out-of-range", EPOCHS),
    Case(53, "negative", job(training(epochs=-1)), 422, "out-of-range", EPOCHS),
    Case(53, "huge", job(training(epochs=10**9)), 422, "out-of-range", EPOCHS),
    Case(53, "fraction", job(training(epochs=1.5)), 422, "wrong-type", EPOCHS),
    Case(53, "text", job(training(epochs="10")), 422, "wrong-type", EPOCHS),
    Case(53, "boolean", job(training(epochs=True)), 422, "wrong-type", EPOCHS),
    Case(54, "zero", job(training(learning_rate=0)), 422, "out-of-range", RATE),
    Case(54, "negative", job(training(learning_rate=-1)), 422, "out-of-range", RATE),
    Case(54, "infinite", raw(b'{"learning_rate":1e400}'), 422, "non-finite-value"),
    Case(54, "nan", raw(b'{"learning_rate":NaN}'), 400, "invalid-json"),
    Case(54, "huge", job(training(learning_rate=1e30)), 422, "out-of-range", RATE),
    Case(54, "text", job(training(learning_rate="1e-3")), 422, "wrong-type", RATE),
    Case(55, "batch-zero", job(training(batch_size=0)), 422, "out-of-range", "/training/batch_size"),
    Case(55, "batch-clamped", job(training(batch_size=100_000), dry_run=True), 200, check=warns("batch-size-clamped")),
    Case(55, "no-widths", job(good(network={"name": "mlp", "widths": []})), 422, "out-of-range", "/network/widths"),
    Case(55, "width-zero", job(good(network={"name": "mlp", "widths": [0]})), 422, "out-of-range", "/network/widths/0"),
    Case(55, "width-huge", job(good(network={"name": "mlp", "widths": [10**9]})), 422, "out-of-range", "/network/widths/0"),
    Case(55, "too-large", job(good(network={"name": "mlp", "widths": [4096] * 8})), 422, "model-too-large", "/network"),
    Case(55, "dropout", job(good(network={"name": "mlp", "dropout": 1.0})), 422, "out-of-range", "/network/dropout"),
    Case(56, "unknown", job(task(target="absent")), 422, "target-not-found", TARGET),
    Case(56, "feature", job(task(features=["a", "z"])), 422, "target-is-feature", "/tasks/1/features/1"),
    Case(56, "twice", job(listing({"name": "p", "target": "y"}, {"name": "q", "target": "y"})), 422, "duplicate-task", TARGET),
    Case(57, "one-sample", job(on("one_label", "y")), 422, "task-too-small", "/tasks/0/target"),
    Case(57, "none", job(good(tasks=[])), 422, "no-tasks", "/tasks"),
    Case(57, "many", job(lambda world: {"kind": "multitask", "tasks": [{"dataset": world.good, "target": "y"}] * 10_000}),
         422, "too-many-tasks", "/tasks"),
    Case(57, "weight-negative", job(task(weight=-1.0)), 422, "invalid-weight", "/tasks/1/weight"),
    Case(57, "weight-zero", job(task(weight=0)), 422, "invalid-weight", "/tasks/1/weight"),
    Case(57, "weight-nan", lambda world: world.tenant.client.post("/v1/jobs", headers={"Content-Type": "application/json"},
         content=b'{"kind":"multitask","tasks":[{"dataset":"x","target":"y","weight":NaN}]}'), 400, "invalid-json"),
    Case(58, "duplicate", job(listing({"name": "p", "target": "y"}, {"name": "p", "target": "z"})), 422, "duplicate-task",
         "/tasks/1/name"),
    Case(58, "long", job(task(name=LONG)), 422, "invalid-name", "/tasks/1/name"),
    Case(58, "path", job(task(name="../")), 422, "invalid-name", "/tasks/1/name"),
    Case(58, "nul", job(task(name="a\0b")), 422, "invalid-character", "/tasks/1/name"),
    Case(59, "", job(two_tables), 422, "schema-mismatch"),
    Case(59, "private-feature", job(private_feature, dry_run=True), 200, check=no_errors),
    Case(60, "unknown", job(graft(source=UNKNOWN_MODEL)), 422, "model-not-found", "/source"),
    Case(60, "no-id", job(graft(source="../../etc/passwd")), 422, "model-not-found", "/source"),
    Case(60, "foreign", job(lambda world: graft(source=world.foreign_model)(world)), 422, "model-not-found", "/source", same_as_unknown),
    Case(60, "deleted", job(lambda world: graft(source=world.deleted_model)(world)), 409, "model-deleted", "/source"),
    Case(60, "features", job(graft(on="other_features")), 422, "source-feature-mismatch", "/task/features",
         says("missing 'age'", "extra 'c', 'd'")),
    Case(60, "order", job(graft(on="shuffled"), dry_run=True), 200, check=no_errors),
    Case(60, "architecture", job(graft(network={"name": "linear"})), 422, "extra-field", "/network"),
    Case(60, "init-unknown", job(warm(init=lambda _: UNKNOWN_MODEL)), 422, "model-not-found", "/init"),
    Case(60, "init-foreign", job(warm(init=lambda world: world.foreign_model)), 422, "model-not-found", "/init", same_as_unknown),
    Case(60, "init-deleted", job(warm(init=lambda world: world.deleted_model)), 409, "model-deleted", "/init"),
    Case(60, "init-no-text", job(good(init=7)), 422, "wrong-type", "/init"),
    Case(60, "init-features", job(warm(on="other_features")), 422, "source-feature-mismatch", "/init",
         says("missing 'age'", "extra 'c', 'd'")),
    Case(60, "init-architecture", job(warm(network={"name": "mlp", "widths": [9]})), 422, "source-architecture", "/init",
         says("widths", "[8]", "[9]")),
    Case(60, "init-sharing", job(warm(sharing={"name": "soft"})), 422, "source-architecture", "/init", says("'soft'")),
    Case(61, "unknown", job(graft(method={"name": "finetune", "parts": ["head", "conv5"]})), 422, "unknown-layer", "/method/parts/1"),
    Case(61, "all-frozen", job(graft(method={"name": "finetune", "parts": []})), 422, "nothing-trainable", "/method/parts"),
    Case(63, "negative", job(good(seed=-1)), 422, "out-of-range", "/seed"),
    Case(63, "huge", job(good(seed=2**64)), 422, "out-of-range", "/seed"),
    Case(63, "null", job(good(seed=None), dry_run=True), 200, check=drawn_seed),
    Case(64, "", job(training(device="cuda:7")), 422, "device-unavailable", "/training/device"),
    Case(64, "transfer", job(graft(training={"device": "cuda:7"})), 422, "device-unavailable", "/training/device", says("'cuda:7'")),
    Case(64, "no-device", job(training(device="tpu")), 422, "unknown-value", "/training/device"),
    Case(64, "precision", job(training(precision="bfloat16")), 422, "unknown-value", "/training/precision"),
    Case(65, "seconds-zero", job(training(max_seconds=0)), 422, "out-of-range", "/training/max_seconds"),
    Case(65, "seconds-huge", job(training(max_seconds=1e9)), 422, "out-of-range", "/training/max_seconds"),
    Case(67, "model-twice", job(evaluate(lambda world: world.model, lambda world: world.model)), 422, "duplicate-model",
         "/models/1"),
    Case(67, "model-twice-by-alias", job(evaluate(lambda world: world.model, lambda _: "prod")), 422, "duplicate-model",
         "/models/1"),
    Case(67, "other-inputs", job(evaluate(lambda world: world.model, dataset=lambda world: world.good)), 422,
         "feature-mismatch", "/models/0"),
    Case(67, "second-of-other-inputs", job(evaluate(lambda world: world.model, lambda world: world.grouped_model,
         dataset=lambda world: world.ungrouped)), 422, "feature-mismatch", "/models/1"),
    Case(67, "no-model", job(evaluate()), 422, "out-of-range", "/models"),
    Case(67, "many-models", job(evaluate(*[lambda _: UNKNOWN_MODEL] * 11)), 422, "out-of-range", "/models"),
    Case(67, "predict", job(predict(lambda world: world.model, lambda world: world.good)), 422, "feature-mismatch", "/dataset"),
    Case(65, "priority", job(good(priority=10**6)), 422, "out-of-range", "/priority"),
]  # fmt: skip
