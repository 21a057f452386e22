"""Images in a plan: features, and nothing else."""

import numpy as np
import pytest

from learning.examples import build
from learning.planning import plan
from tests.learning.canonical import Columns, job, written

N = 60
PICTURES = np.random.default_rng(0).integers(0, 256, (N, 16, 17, 3)).astype(np.uint8)
BASE: Columns = {
    "image": ("image", PICTURES),
    "x": ("number", [float(i) for i in range(N)]),
    "kind": ("category", ["cat", "dog", "eel"] * 20),
    "shop": ("category", ["a", "b"] * 30),
}
CONV4 = {"name": "conv4", "filters": 4}


@pytest.fixture
def planned(tmp_path):
    def run(tasks, *, others=None, **fields):
        tables = {"ds_1": written(tmp_path, BASE)}
        for name, columns in (others or {}).items():
            tables[name] = written(tmp_path, columns, name=name)
        return plan(job(tasks, **fields), tables), tables

    return run


def task(target="kind", dataset="ds_1", **fields):
    return {"dataset": dataset, "target": target, **fields}


def problems(found):
    return [(problem.pointer, problem.code) for problem in found.problems]


def test_an_image_is_a_feature_with_a_shape(planned):
    found, tables = planned([task()], network=CONV4)
    assert not found.problems
    assert found.tasks[0].features == ("image", "x", "shop")
    assert dict(found.types) == {"image": "image", "x": "number", "shop": "category"}
    assert dict(found.images) == {"image": (3, 16, 17)}
    examples = build(found, tables)
    cells = examples.features["image"].to_pylist()
    assert cells == [PICTURES[row].tobytes() for row in examples.row]


def test_groups_share_the_images(planned):
    tasks = {"dataset": "ds_1", "group_by": ["shop"], "targets": [{"target": "kind"}]}
    found, _ = planned(tasks, network=CONV4)
    assert not found.problems
    assert dict(found.images) == {"image": (3, 16, 17)}


def test_equal_images_and_numbers_stay_on_one_side(tmp_path):
    images = PICTURES.copy()
    images[30:] = images[:30]
    table = written(tmp_path, {"image": ("image", images), "kind": ("category", ["cat", "dog"] * 30)})
    tables = {"ds_1": table}
    found = build(plan(job([task()]), tables), tables)
    side = dict(zip(found.row.tolist(), found.split.tolist(), strict=True))
    assert all(side[row] == side[row + 30] for row in range(30))


@pytest.mark.parametrize(
    ("tasks", "fields", "expected"),
    [
        ([task("image")], {}, ("/tasks/0/target", "wrong-type")),
        ([task(where={"image": ["x"]})], {}, ("/tasks/0/where/image", "wrong-type")),
        ([task()], {"split": {"column": "image"}}, ("/split/column", "wrong-type")),
        ([task()], {"split": {"group": "image"}}, ("/split/group", "wrong-type")),
        (
            {"dataset": "ds_1", "group_by": ["image"], "targets": [{"target": "kind"}]},
            {},
            ("/tasks/group_by/0", "wrong-type"),
        ),
        ([task(exclude=["image"])], {"network": CONV4}, ("/network", "network-needs-image")),
        ([task()], {"network": {**CONV4, "statistics": "batch"}}, ("/network/statistics", "unknown-value")),
        ([task()], {"network": CONV4, "sharing": {"name": "soft"}}, ("/sharing", "sharing-network-mismatch")),
    ],
)
def test_what_an_image_cannot_be_is_a_problem_with_its_place(planned, tasks, fields, expected):
    found, _ = planned(tasks, **fields)
    assert problems(found) == [expected]
    assert "found" in found.problems[0].detail


def test_images_too_small_for_conv4_are_told_with_their_size(planned):
    small = {**BASE, "image": ("image", PICTURES[:, :9])}
    found, _ = planned([task(dataset="ds_2")], others={"ds_2": small}, network=CONV4)
    assert problems(found) == [("/network", "network-needs-image")]
    assert "found 9 × 17" in found.problems[0].detail
    found, _ = planned([task(dataset="ds_2")], others={"ds_2": small}, network={**CONV4, "pooling": False})
    assert not found.problems


def test_images_of_two_sizes_do_not_go_together(planned):
    other = {**BASE, "image": ("image", PICTURES[:, :, :16])}
    found, _ = planned([task(), task(dataset="ds_2")], others={"ds_2": other}, network=CONV4)
    assert problems(found) == [("/tasks/1/features", "schema-mismatch")]
    assert "image of 16 × 17 × 3 in ds_1 and image of 16 × 16 × 3 in ds_2" in found.problems[0].detail


def test_an_mlp_reads_pixels_as_numbers(planned):
    found, _ = planned([task()], network={"name": "mlp", "widths": [8]}, sharing={"name": "soft"})
    assert not found.problems
