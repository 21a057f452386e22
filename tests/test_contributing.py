"""The worked example of CONTRIBUTING.md: a file in the folder of its family is a method, from a job's body to serving."""

import importlib
import re
import sys
from pathlib import Path

import numpy as np
import pytest

from learning import registry
from learning.adapting import Request, adapter_of
from learning.episodes import plan_meta
from learning.meta_header import MetaHeader
from learning.model import load_model, read_header
from learning.predictor import Labels
from learning.registry import PACKAGES
from learning.specs import MetaJob, meta, parse_spec, spec_json_schema
from learning.tables import Table
from tests.learning.adapting.models import sample
from tests.worker.training import tables
from tests.worker.training.assignment import attempt, result_of

PAGE = Path(__file__).parents[1] / "CONTRIBUTING.md"


@pytest.fixture(scope="module")
def ridge(tmp_path_factory):
    """The example, lying where the page says, for as long as these tests run."""
    [code] = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    [file] = re.findall(r"This is `(learning/meta/\w+\.py)`", PAGE.read_text(encoding="utf-8"))
    folder = tmp_path_factory.mktemp("meta")
    (folder / Path(file).name).write_text(code, encoding="utf-8")
    package = importlib.import_module(PACKAGES["meta"])
    kept = list(package.__path__)
    package.__path__.append(str(folder))
    _forget()
    yield "ridge"
    package.__path__[:] = kept
    del sys.modules[f"{PACKAGES['meta']}.ridge"]
    _forget()


def _forget():
    registry.registry.cache_clear()
    meta.meta_type.cache_clear()


@pytest.fixture(scope="module")
def letters(tmp_path_factory):
    """Thirty letters of six rows, each around a place of its own."""
    random = np.random.default_rng(0)
    places = np.repeat(random.normal(0, 3, (30, 4)), 6, axis=0) + random.normal(0, 0.2, (180, 4))
    letter = [f"l{i // 6:02}" for i in range(180)]
    columns = {f"p{j}": places[:, j].tolist() for j in range(4)}
    return tables.write(tmp_path_factory.mktemp("letters") / "letters.parquet", letter=letter, **columns)


def body(**method):
    return {
        "kind": "meta",
        "episodes": {"dataset": "ds_1", "target": "letter", "ways": 3, "shots": 1, "queries": 3},
        "network": {"name": "mlp", "widths": [16], "dropout": 0.0},
        "method": {"name": "ridge", **method},
        "training": {"iterations": 60, "tasks_per_batch": 8, "learning_rate": 0.01},
        "evaluation": [{"episodes": 30}],
    }


def test_a_body_that_names_it_is_checked_by_its_fields(ridge, letters):
    spec = parse_spec(body(strength=2.0))
    assert isinstance(spec, MetaJob)
    planned = plan_meta(spec, {"ds_1": Table("ds_1", letters)})

    assert planned.problems == ()
    assert planned.spec.model_dump(mode="json")["method"] == {"name": ridge, "strength": 2.0}
    assert "Ridge" in spec_json_schema()["$defs"]
    with pytest.raises(Exception, match="/method/strength"):
        parse_spec(body(strength=0))


def test_a_job_trains_it_and_its_model_adapts(ridge, letters, tmp_path):
    ended, work, _ = attempt(tmp_path, body(), letters)
    assert ended["outcome"] == "succeeded"
    [task] = result_of(work)["tasks"]
    assert task["test"]["accuracy"] > 0.9
    header = read_header(work / "model.safetensors")
    assert isinstance(header, MetaHeader)
    assert header.method == {"name": ridge, "strength": 1.0}

    support = {f"p{j}": [float(j), 0.0, -5.0] for j in range(4)} | {"letter": ["new", "newer", "newest"]}
    adapter = adapter_of(load_model(work / "model.safetensors"))
    [found] = adapter.adapt(Request(), [sample(support, query={f"p{j}": [-5.0] for j in range(4)})])
    assert found.predictions is not None
    answer = found.predictions.by_task["letter"]
    assert isinstance(answer, Labels)
    assert answer.labels == ["newest"]
