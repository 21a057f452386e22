"""The client against a small real HTTP server whose answers each test writes down."""

import json

import pytest

from taskgraft import JobFailed, ProblemError, Taskgraft, Unreachable


def job(status, **more):
    return {"id": "job_1", "status": status, "progress": {"fraction": 0.5}, "result": None, "error": None, **more}


def test_a_post_whose_connection_broke_is_repeated_under_the_same_idempotency_key(service, script):
    script.then_drop().then(202, job("queued"))
    assert service.submit({"kind": "multitask"})["status"] == "queued"
    first, second = (asked["headers"]["Idempotency-Key"] for asked in script.asked)
    assert first == second


def test_two_submissions_have_two_idempotency_keys(service, script):
    script.then(202, job("queued")).then(202, job("queued"))
    service.submit({})
    service.submit({})
    assert len({asked["headers"]["Idempotency-Key"] for asked in script.asked}) == 2


def test_a_refusal_is_an_exception_that_carries_the_document_and_is_not_repeated(service, script):
    fault = {"pointer": "/tasks/0/target", "code": "target-not-found", "detail": "no such column"}
    script.then_problem(422, "target-not-found", errors=[fault])
    with pytest.raises(ProblemError, match="/tasks/0/target") as caught:
        service.submit({})
    assert (caught.value.status, caught.value.code, caught.value.errors) == (422, "target-not-found", [fault])
    assert len(script.asked) == 1


def test_a_refusal_that_passes_is_repeated_after_the_time_the_service_names(service, script):
    script.then_problem(503, "busy", retryable=True, headers={"Retry-After": "0"}).then(200, job("running"))
    assert service.job("job_1")["status"] == "running"


def test_an_answer_from_a_proxy_is_a_problem_too(service, script):
    script.then(404, b"<html>", content_type="text/html")
    with pytest.raises(ProblemError, match="not-the-service"):
        service.job("job_1")


def test_nobody_at_the_address_is_said_after_every_try():
    with Taskgraft("http://127.0.0.1:9", "tg_test", tries=2) as client, pytest.raises(Unreachable, match="127.0.0.1:9"):
        client.job("job_1")


def test_a_file_is_streamed_with_its_media_type_and_options(service, script, tmp_path):
    file = tmp_path / "wine.csv"
    file.write_bytes(b"a;b\n1;2\n" * 300_000)
    script.then_drop().then(201, {"id": "ds_1"})
    service.upload(file, delimiter=";", types={"a": "category"})
    asked = script.asked[-1]
    assert asked["body"] == file.read_bytes()
    assert asked["headers"]["Content-Type"] == "text/csv"
    assert asked["path"] == "/v1/datasets?name=wine&delimiter=%3B&types=a%3Acategory"


def test_a_zip_of_images_is_sent_as_one(service, script, tmp_path):
    (tmp_path / "pets.zip").write_bytes(b"PK")
    script.then(201, {"id": "ds_1"})
    service.upload(tmp_path / "pets.zip", image_size="32x24")
    assert script.asked[0]["headers"]["Content-Type"] == "application/zip"
    assert script.asked[0]["path"] == "/v1/datasets?name=pets&image_size=32x24"


def test_columns_are_uploaded_as_json(service, script):
    script.then(201, {"id": "ds_1"})
    service.upload({"a": [1, 2]}, name="small")
    assert json.loads(script.asked[0]["body"]) == {"columns": {"a": [1, 2]}}
    assert script.asked[0]["headers"]["Content-Type"] == "application/json"


def test_a_model_is_adapted_to_rows_columns_a_dataset_or_many_supports(service, script):
    for _ in range(4):
        script.then(200, {"model": None})
    service.adapt("waves", [{"x": 1.0, "y": 2.0}], target="y", query=[{"x": 2.0}], steps=5, store=False)
    service.adapt("waves", {"columns": {"x": [1.0], "y": [2.0]}})
    service.adapt("waves", "ds_1", targets=["y"], task_key={"shop": "4"}, name="four", ttl_seconds=60)
    service.adapt("waves", supports={"a": {"rows": [{"x": 1.0, "y": 2.0}]}})
    rows, columns, dataset, many = (json.loads(asked["body"]) for asked in script.asked)
    said = {"target": "y", "steps": 5, "store": False}
    assert rows == {"support": {"rows": [{"x": 1.0, "y": 2.0}]}, "query": {"rows": [{"x": 2.0}]}, **said}
    assert columns == {"support": {"columns": {"x": [1.0], "y": [2.0]}}}
    group = {"targets": ["y"], "task_key": {"shop": "4"}}
    assert dataset == {"support": "ds_1", **group, "name": "four", "ttl_seconds": 60}
    assert many == {"supports": {"a": {"rows": [{"x": 1.0, "y": 2.0}]}}}
    assert {asked["path"] for asked in script.asked} == {"/v1/models/waves/adaptations"}


def test_a_model_is_imported_as_the_bytes_of_its_file(service, script, tmp_path):
    file = tmp_path / "wine.safetensors"
    file.write_bytes(bytes(range(256)) * 10_000)
    script.then_drop().then(201, {"id": "mdl_1"}).then(201, {"id": "mdl_2"})
    assert service.import_model(file)["id"] == "mdl_1"
    service.import_model(str(file), name="wine")
    broken, again, named = script.asked
    assert [asked["body"] for asked in (again, named)] == [file.read_bytes()] * 2
    assert again["headers"]["Content-Type"] == "application/octet-stream"
    assert broken["headers"]["Idempotency-Key"] == again["headers"]["Idempotency-Key"]
    assert (again["path"], named["path"]) == ("/v1/models", "/v1/models?name=wine")


def test_a_model_is_downloaded_as_the_bytes_of_its_file(service, script, tmp_path):
    content = bytes(range(256)) * 10_000
    script.then(200, content, content_type="application/octet-stream")
    assert service.download_model("wine prod", tmp_path / "wine.safetensors").read_bytes() == content
    assert script.asked[0]["path"] == "/v1/models/wine%20prod/artifact"


def test_a_download_that_is_refused_leaves_no_file(service, script, tmp_path):
    script.then_problem(404, "model-not-found")
    with pytest.raises(ProblemError, match="model-not-found"):
        service.download_model("mdl_1", tmp_path / "wine.safetensors")
    assert not (tmp_path / "wine.safetensors").exists()


def test_a_job_is_done_again_by_its_id(service, script):
    script.then(202, job("queued", retried_from="job_0"))
    assert service.retry("job_0")["retried_from"] == "job_0"
    asked = script.asked[0]
    assert (asked["method"], asked["path"], asked["body"]) == ("POST", "/v1/jobs/job_0/retry", b"")
    assert asked["headers"]["Idempotency-Key"]


def test_a_file_of_unknown_form_is_refused_before_anything_is_sent(service, script, tmp_path):
    with pytest.raises(ValueError, match=r"\.csv.*found table\.xls"):
        service.upload(tmp_path / "table.xls")
    assert script.asked == []


def test_waiting_shows_every_change_until_the_end(service, script):
    script.then(200, job("queued")).then(200, job("running")).then(200, job("failed"))
    seen = []
    assert service.wait("job_1", on_change=lambda job: seen.append(job["status"]))["status"] == "failed"
    assert seen == ["queued", "running", "failed"]
    assert [asked["path"] for asked in script.asked] == ["/v1/jobs/job_1", *["/v1/jobs/job_1?wait=30"] * 2]


def test_a_job_without_a_result_raises_what_it_said(service, script):
    script.then(
        200, job("failed", error={"code": "training-diverged", "message": "the loss became infinite at step 7"})
    )
    with pytest.raises(JobFailed, match="infinite at step 7") as caught:
        service.result("job_1")
    assert caught.value.job["status"] == "failed"


def test_a_result_too_long_for_the_job_is_read_in_pages(service, script):
    page = {"data": [{"name": "shop=1"}], "has_more": True, "last_id": "shop=1"}
    script.then(200, job("succeeded", result={"summary": "…"})).then(200, page)
    script.then(200, {"data": [{"name": "shop=2"}], "has_more": False, "last_id": "shop=2"})
    assert list(service.result("job_1")["result"]["tasks"]) == ["shop=1", "shop=2"]
    assert script.asked[-1]["path"] == "/v1/jobs/job_1/tasks?limit=100&after=shop%3D1"


def test_a_broken_event_stream_resumes_after_the_last_event_seen(service, script):
    def stream(*parts):
        script.then(200, "".join(parts).encode(), content_type="text/event-stream")

    stream('id: 1\nevent: status\ndata: {"status":"running"}\n\n', ": ping\n\n")
    script.then_drop().then(200, job("running"))
    stream('id: 2\nevent: log\ndata: "two"\n\n', "event: end\ndata: {}\n\n")
    assert [(event["id"], event["event"], event["data"]) for event in service.events("job_1")] == [
        (1, "status", {"status": "running"}),
        (2, "log", "two"),
    ]
    assert [asked["headers"].get("Last-Event-ID") for asked in script.asked] == ["0", "1", None, "1"]


def test_predictions_by_post_and_by_get(service, script):
    script.then(200, {"predictions": {}}).then(200, {"predictions": {}})
    service.predict("mdl_1", [{"a": 1}], tasks=["y"], strict=True)
    service.predict_one("mdl_1", a=1.5, shop="17")
    assert json.loads(script.asked[0]["body"]) == {"rows": [{"a": 1}], "tasks": ["y"], "strict": True}
    assert script.asked[1]["path"] == "/v1/models/mdl_1/predictions?a=1.5&shop=17"


def test_a_model_is_asked_under_any_alias(service, script):
    script.then(200, {"model": "mdl_1"}).then(200, {"model": "mdl_1"})
    service.predict("Wein & Öl?", [{"a": 1}])
    service.predict_one("Wein & Öl?", a=1)
    paths = [asked["path"].partition("?")[0] for asked in script.asked]
    assert paths == ["/v1/models/Wein%20%26%20%C3%96l%3F/predictions"] * 2
