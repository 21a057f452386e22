"""Row 62: meta jobs that ask more than the data holds, or split what has to stay whole."""

from typing import Any

from tests.app.bad_input.case import Case
from tests.app.bad_input.job_specs import Make, job, no_errors
from tests.app.bad_input.world import World


def episodes(*, on: str = "letters", **fields: Any) -> Make:
    """Class episodes of the twelve letters, eight rows of each; ``fields`` of ``episodes`` where it has them."""

    def make(world: World) -> dict[str, Any]:
        told: dict[str, Any] = {"dataset": world.odd[on], "target": "letter", "exclude": ["side"], "queries": 2}
        spec: dict[str, Any] = {"kind": "meta", "method": {"name": "protonet"}}
        spec["split"] = {"validation": 0.25, "test": 0.25}
        own = {"dataset", "target", "ways", "shots", "queries", "augment", "features"}
        told |= {"ways": 3} | {name: value for name, value in fields.items() if name in own}
        return spec | {"episodes": told} | {name: value for name, value in fields.items() if name not in own}

    return make


def tasks(target: str = "y", **fields: Any) -> Make:
    """Tasks by the shop of the table of all types: four shops of twenty rows."""

    def make(world: World) -> dict[str, Any]:
        told = {"dataset": world.typed, "group_by": ["shop"], "targets": [{"target": target}]}
        return {"kind": "meta", "tasks": told, "shots": 5, **fields}

    return make


def both(world: World) -> dict[str, Any]:
    return episodes()(world) | {"tasks": tasks()(world)["tasks"]}


MAML = {"name": "maml"}

CASES = [
    Case(62, "", job(episodes(), dry_run=True), 200, check=no_errors),
    Case(62, "tasks", job(tasks(), dry_run=True), 200, check=no_errors),
    Case(62, "ways", job(episodes(ways=10)), 422, "way-exceeds-classes", "/episodes/ways"),
    Case(62, "ways-of-the-test", job(episodes(evaluation=[{"ways": 4}])), 422, "way-exceeds-classes", "/evaluation/0/ways"),
    Case(62, "ways-of-a-head", job(episodes(evaluation=[{"ways": 2}], method=MAML)), 422, "ways-fixed", "/evaluation/0/ways"),
    Case(62, "ways-of-tasks", job(tasks(evaluation=[{"ways": 2}])), 422, "ways-fixed", "/evaluation/0/ways"),
    Case(62, "shots", job(episodes(shots=7)), 422, "shot-exceeds-samples", "/episodes/shots"),
    Case(62, "shots-of-the-test", job(episodes(evaluation=[{"shots": 7}])), 422, "shot-exceeds-samples", "/evaluation/0/shots"),
    Case(62, "shots-of-tasks", job(tasks(shots=15)), 422, "shot-exceeds-samples", "/shots"),
    Case(62, "way-one", job(episodes(ways=1)), 422, "out-of-range", "/episodes/ways"),
    Case(62, "shot-zero", job(episodes(shots=0)), 422, "out-of-range", "/episodes/shots"),
    Case(62, "steps-zero", job(tasks(method={**MAML, "inner_steps": 0})), 422, "out-of-range", "/method/inner_steps"),
    Case(62, "steps-huge", job(tasks(method={**MAML, "inner_steps": 10**6})), 422, "out-of-range", "/method/inner_steps"),
    Case(62, "iterations-zero", job(tasks(training={"iterations": 0})), 422, "out-of-range", "/training/iterations"),
    Case(62, "batch", job(tasks(training={"tasks_per_batch": 10**6})), 422, "out-of-range", "/training/tasks_per_batch"),
    Case(62, "no-tasks", job(tasks(split={"column": "region"}, evaluation=[])), 422, "unknown-value", "/split/column"),
    Case(62, "neither", job(lambda _: {"kind": "meta"}), 422, "no-tasks"),
    Case(62, "both", job(both), 422, "conflicting-fields"),
    Case(62, "no-test-task", job(episodes(on="no_test", split={"column": "side"})), 422, "way-exceeds-classes"),
    Case(62, "overlap-column", job(episodes(on="torn", split={"column": "side"})), 422, "task-split-overlap", "/split/column"),
    Case(62, "overlap-classes", job(episodes(split={"classes": {"test": ["a", "b", "c"], "validation": ["c", "d", "e"]}})), 422,
         "task-split-overlap", "/split/classes/validation/0"),
    Case(62, "unknown-class", job(episodes(split={"classes": {"test": ["a", "b", "zebra"]}})), 422, "unknown-class",
         "/split/classes/test/2"),
    Case(62, "classes-of-tasks", job(tasks(split={"classes": {"test": ["s0"]}})), 422, "unknown-value", "/split/classes"),
    Case(62, "regression-without-head", job(tasks(method={"name": "protonet"})), 422, "method-needs-classes", "/method"),
    Case(62, "target-date", job(tasks("day")), 422, "wrong-target-type", "/tasks/targets/0/type"),
    Case(62, "augment", job(episodes(augment=["rotate90_classes"])), 422, "augment-needs-square-images", "/episodes/augment"),
    Case(62, "network", job(episodes(network={"name": "conv4"})), 422, "network-needs-image", "/network"),
    Case(62, "twice", job(episodes(evaluation=[{"shots": 2}, {"shots": 2, "queries": 1}])), 422, "duplicate-protocol", "/evaluation/1"),
    Case(62, "method", job(episodes(method={"name": "hard"})), 422, "unknown-value", "/method/name"),
]  # fmt: skip
