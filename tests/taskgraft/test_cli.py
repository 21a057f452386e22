"""The command line, in this process, against a scripted server."""

import json

import pytest
from typer.testing import CliRunner

from taskgraft import cli


@pytest.fixture
def invoke(url, monkeypatch):
    monkeypatch.setenv("TASKGRAFT_URL", url)
    monkeypatch.setenv("TASKGRAFT_KEY", "tg_test")
    monkeypatch.setenv("COLUMNS", "160")
    return lambda *arguments: CliRunner().invoke(
        cli.app, [str(argument) for argument in arguments], catch_exceptions=False
    )


def test_upload_sends_the_file_with_its_options_and_prints_the_dataset(invoke, script, tmp_path):
    (tmp_path / "wine.csv").write_text("a;b\n1;2\n")
    script.then(201, {"id": "ds_1", "rows": 1})
    printed = invoke(
        "upload", tmp_path / "wine.csv", "--delimiter", ";", "--types", "a:category", "--types", "b:c:number"
    )
    assert json.loads(printed.stdout) == {"id": "ds_1", "rows": 1}
    assert script.asked[0]["path"] == "/v1/datasets?name=wine&delimiter=%3B&types=a%3Acategory%2Cb%3Ac%3Anumber"


def test_a_zip_is_uploaded_with_the_size_of_its_pictures(invoke, script, tmp_path):
    (tmp_path / "pets.zip").write_bytes(b"PK")
    script.then(201, {"id": "ds_1"})
    invoke("upload", tmp_path / "pets.zip", "--image-size", "28")
    assert script.asked[0]["path"] == "/v1/datasets?name=pets&image_size=28"
    assert script.asked[0]["headers"]["Content-Type"] == "application/zip"


def test_a_dry_run_stores_nothing_and_prints_the_resolved_spec(invoke, script, tmp_path):
    (tmp_path / "job.json").write_text('{"kind": "multitask"}')
    script.then(200, {"spec": {}, "errors": [], "warnings": []})
    assert json.loads(invoke("run", tmp_path / "job.json", "--dry-run").stdout)["errors"] == []
    assert script.asked[0]["path"] == "/v1/jobs?dry_run=true"


def test_run_follows_the_job_and_shows_its_verdicts(invoke, script, tmp_path):
    (tmp_path / "job.json").write_text('{"kind": "multitask"}')
    progress = {"fraction": 0.5, "phase": "training", "epoch": 3, "epochs": 6}
    task = {
        "metric": "rmse",
        "test": {"rmse": 0.5},
        "baselines": None,
        "gains": None,
        "interval": None,
        "verdict": None,
    }
    job = {"id": "job_1", "kind": "multitask", "name": None, "progress": progress, "result": None, "error": None}
    script.then(202, {**job, "status": "queued"}).then(200, {**job, "status": "running"})
    script.then(
        200, {**job, "status": "succeeded", "result": {"tasks": {"y": task}, "summary": "Nothing to compare with."}}
    )
    printed = invoke("run", tmp_path / "job.json").stdout
    assert "job_1: the shared model beside its rivals" in printed
    assert "Nothing to compare with." in printed


def test_jobs_are_a_table(invoke, script):
    job = {
        "id": "job_1",
        "name": "wine",
        "kind": "multitask",
        "status": "failed",
        "progress": {"fraction": 0.42},
        "created_at": "2026",
    }
    script.then(200, {"data": [job], "has_more": False})
    printed = invoke("jobs", "--status", "failed").stdout
    assert [word in printed for word in ("job_1", "wine", "failed", "42%")] == [True] * 4
    assert script.asked[0]["path"] == "/v1/jobs?status=failed&limit=20"


def test_replay_prints_the_new_job(invoke, script):
    script.then(202, {"id": "job_2", "kind": "replay"})
    assert json.loads(invoke("replay", "job_1").stdout) == {"id": "job_2", "kind": "replay"}
    assert script.asked[0]["path"] == "/v1/jobs/job_1/replay"


def test_retry_prints_the_new_job(invoke, script):
    script.then(202, {"id": "job_2", "retried_from": "job_1"})
    assert json.loads(invoke("retry", "job_1").stdout) == {"id": "job_2", "retried_from": "job_1"}
    assert script.asked[0]["path"] == "/v1/jobs/job_1/retry"


@pytest.mark.parametrize(("given", "key"), [([{"a": 1}], "rows"), ({"a": [1]}, "columns")])
def test_predict_takes_rows_or_columns(invoke, script, tmp_path, given, key):
    (tmp_path / "given.json").write_text(json.dumps(given))
    script.then(200, {"predictions": {}})
    assert invoke("predict", "mdl_1", tmp_path / "given.json", "--task", "y").exit_code == 0
    assert json.loads(script.asked[0]["body"]) == {key: given, "tasks": ["y"]}


def test_a_refusal_is_a_sentence_on_standard_error_and_a_failure(url, script, monkeypatch, capsys):
    monkeypatch.setenv("TASKGRAFT_URL", url)
    monkeypatch.setenv("TASKGRAFT_KEY", "tg_test")
    monkeypatch.setattr("sys.argv", ["taskgraft", "job", "job_1"])
    script.then_problem(404, "not-found")
    with pytest.raises(SystemExit) as caught:
        cli.main()
    assert caught.value.code == 1
    assert "404 not-found: said so" in capsys.readouterr().err
