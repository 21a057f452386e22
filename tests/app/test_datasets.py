"""A table that is uploaded is whole and described, or it is not there."""

import base64
import hashlib
import io
import socket
from urllib.parse import urlsplit

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sqlalchemy import select

from store.ingest import decode_image
from store.tables import IdempotencyRow
from tests.app.raw_http import exchange
from tests.app.tenant import CSV, Tenant, spec, table
from tests.app.waiting import until
from tests.store.ingest.images.picture import archive, noise, png

PARQUET = {"Content-Type": "application/vnd.apache.parquet"}
NDJSON = {"Content-Type": "application/x-ndjson"}
JSON = {"Content-Type": "application/json"}
ZIP = {"Content-Type": "application/zip"}


def in_parquet() -> bytes:
    buffer = io.BytesIO()
    pq.write_table(pa.table({"a": [1.0, 2.5], "b": ["x", "y"]}), buffer)
    return buffer.getvalue()


FORMS = {
    "csv": (b"a,b\n1,x\n2.5,y\n", CSV),
    "parquet": (in_parquet(), PARQUET),
    "ndjson": (b'{"a":1,"b":"x"}\n{"a":2.5,"b":"y"}\n', NDJSON),
    "json": (b'{"columns":{"a":[1,2.5],"b":["x","y"]}}', JSON),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_format_becomes_the_same_dataset(tenant: Tenant, form: str):
    content, headers = FORMS[form]

    made = tenant.upload(content, headers=headers, name="small")

    assert made["id"].startswith("ds_")
    assert (made["object"], made["name"], made["format"], made["rows"]) == ("dataset", "small", form, 2)
    assert (made["bytes"], made["sha256"]) == (len(content), hashlib.sha256(content).hexdigest())
    number, category = made["columns"]
    assert number == {"name": "a", "type": "number", "missing": 0, "distinct": 2, "min": 1.0, "max": 2.5, "mean": 1.75}
    assert (category["name"], category["type"], category["distinct"]) == ("b", "category", 2)
    assert made["created_at"].endswith("Z")
    rows = tenant.client.get(f"/v1/datasets/{made['id']}/rows").json()
    assert rows["data"] == [{"a": 1.0, "b": "x"}, {"a": 2.5, "b": "y"}]
    assert tenant.client.get(f"/v1/datasets/{made['id']}").json() == made


def test_a_csv_is_read_as_the_query_says(tenant: Tenant):
    content = b"zip;price;note\n01234;1,5;?\n01235;2,5;x\n"

    made = tenant.upload(content, delimiter=";", decimal=",", nulls="?", types="zip:category")

    kinds = {column["name"]: (column["type"], column["missing"]) for column in made["columns"]}
    assert kinds == {"zip": ("category", 0), "price": ("number", 0), "note": ("category", 1)}


@pytest.mark.parametrize(
    ("params", "code", "location"),
    [
        ({"types": "zip"}, "wrong-type", "query/types"),
        ({"types": "a:colour"}, "unknown-value", "query/types"),
        ({"types": "c:number"}, "unknown-column", "query/types"),
        ({"delimiter": "ab"}, "unknown-value", "query/delimiter"),
        ({"decimal": "x"}, "unknown-value", "query/decimal"),
        ({"image_size": "28"}, "unknown-parameter", "query/image_size"),
        ({"colour": "red"}, "unknown-parameter", "query/colour"),
        ({"name": ""}, "invalid-name", "query/name"),
        ({"name": "é" * 200}, "invalid-name", "query/name"),
        ({"name": "a\u202eb"}, "invalid-name", "query/name"),
        ({"name": "a\nb"}, "invalid-name", "query/name"),
    ],
)
def test_an_odd_option_is_refused_and_named(tenant: Tenant, params, code, location):
    before = tenant.service.footprint()

    answer = tenant.client.post("/v1/datasets", content=b"a,b\n1,2\n", headers=CSV, params=params)

    assert answer.status_code == 422
    assert (answer.json()["code"], answer.json()["errors"][0]["location"]) == (code, location)
    assert tenant.service.footprint() == before


@pytest.mark.parametrize("form", ["parquet", "ndjson", "json"])
@pytest.mark.parametrize("option", [{"delimiter": ";"}, {"decimal": ","}, {"nulls": "NA"}], ids=str)
def test_csv_options_belong_to_csv(tenant: Tenant, form: str, option: dict[str, str]):
    content, headers = FORMS[form]

    answer = tenant.client.post("/v1/datasets", content=content, headers=headers, params=option)

    assert (answer.status_code, answer.json()["code"]) == (422, "unknown-parameter")
    assert answer.json()["errors"][0]["location"] == f"query/{next(iter(option))}"


def test_a_zip_of_images_is_a_dataset_whose_rows_can_be_sent_back(tenant: Tenant):
    content = archive({"a/1.png": png(8, 8, 3), "b/2.png": png(8, 8, 3, seed=1)})

    made = tenant.upload(content, headers=ZIP, name="pictures")

    assert (made["format"], made["rows"], made["warnings"]) == ("zip", 2, [])
    assert made["columns"][0] == {
        "name": "image", "type": "image", "missing": 0, "distinct": 2, "height": 8, "width": 8, "channels": 3,
    }  # fmt: skip
    assert (made["columns"][1]["name"], made["columns"][1]["top"]) == ("label", ["a", "b"])
    assert tenant.client.get(f"/v1/datasets/{made['id']}").json() == made
    first, second = tenant.client.get(f"/v1/datasets/{made['id']}/rows").json()["data"]
    assert (first["label"], second["label"]) == ("a", "b")
    sent = base64.b64decode(second["image"]["base64"])
    assert (decode_image(sent, height=8, width=8, channels=3) == noise(8, 8, 3, seed=1)).all()


def test_a_table_of_labels_is_read_as_the_query_says(tenant: Tenant):
    content = archive({"labels.csv": "file;zip;age\n1.png;01;1,5\n2.png;02;?\n", "1.png": png(), "2.png": png(seed=1)})

    made = tenant.upload(
        content, headers=ZIP, delimiter=";", decimal=",", nulls="?", types="zip:text", image_size="16x8"
    )

    kinds = {column["name"]: (column["type"], column["missing"]) for column in made["columns"]}
    assert kinds == {"image": ("image", 0), "zip": ("text", 0), "age": ("number", 1)}
    assert (made["columns"][0]["height"], made["columns"][0]["width"]) == (8, 16)


@pytest.mark.parametrize(
    ("size", "code"),
    [("28px", "wrong-type"), ("28x", "wrong-type"), ("-3", "wrong-type"), ("", "wrong-type"), ("1" * 20, "too-long"),
     ("3", "out-of-range"), ("28x2", "out-of-range"), ("600", "out-of-range")],
)  # fmt: skip
def test_a_size_of_pictures_that_is_none_is_refused(tenant: Tenant, size: str, code: str):
    content = archive({"a/1.png": png()})

    answer = tenant.client.post("/v1/datasets", content=content, headers=ZIP, params={"image_size": size})

    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert answer.json()["errors"][0]["location"] == "query/image_size"


@pytest.mark.parametrize(
    ("charset", "encoding"),
    [("utf-8", "utf-8"), ("US-ASCII", "ascii"), ("iso-8859-1", "latin-1"), ("latin-1", "latin-1"),
     ('"windows-1252"', "cp1252"), ("UTF-16", "utf-16")],
)  # fmt: skip
def test_a_csv_may_be_written_in_the_charset_that_it_declares(tenant: Tenant, charset: str, encoding: str):
    town = "Zurich" if encoding == "ascii" else "Z\u00fcrich"
    content = f"town,y\n{town},1\nBern,2\n".encode(encoding)

    made = tenant.upload(content, headers={"Content-Type": f"text/csv; charset={charset}"})

    rows = tenant.client.get(f"/v1/datasets/{made['id']}/rows").json()["data"]
    assert [row["town"] for row in rows] == [town, "Bern"]


@pytest.mark.parametrize("media_type", ["text/csv; charset=utf-7", "application/json; charset=utf-16"])
def test_another_charset_is_refused_with_those_that_are_read(tenant: Tenant, media_type: str):
    answer = tenant.client.post("/v1/datasets", content=b"a,b\n1,2\n", headers={"Content-Type": media_type})

    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported-media-type")
    assert "utf-8" in answer.json()["detail"]


def test_a_body_without_a_type_is_told_so_in_words(tenant: Tenant):
    answer = tenant.client.post("/v1/datasets", content=b"a,b\n1,2\n")

    assert answer.status_code == 415
    assert answer.json()["detail"].endswith("found none")


def test_names_are_normalised_and_may_repeat(tenant: Tenant):
    first = tenant.upload(table(), name="cafe\u0301")
    second = tenant.upload(table(), name="caf\u00e9")

    assert first["name"] == second["name"] == "caf\u00e9"
    assert first["id"] != second["id"]
    found = tenant.client.get("/v1/datasets", params={"name": "caf\u00e9"}).json()
    assert [one["id"] for one in found["data"]] == [second["id"], first["id"]]


def test_the_same_bytes_twice_are_one_file_and_two_datasets(tenant: Tenant):
    content = b"a,b\n" + b"".join(b"%d,7\n" % i for i in range(11))
    tenant.upload(content)
    before = tenant.service.footprint()

    tenant.upload(content)

    after = tenant.service.footprint()
    assert (after["datasets"] - before["datasets"], after["files"] - before["files"]) == (1, 0)


def test_lists_go_page_by_page_in_both_orders(tenant: Tenant):
    ids = [tenant.upload(b"a,b\n1,%d\n" % i)["id"] for i in range(5)]

    for order, expected in (("desc", ids[::-1]), ("asc", ids)):
        seen: list[str] = []
        after = ""
        while True:
            params: dict[str, str] = {"limit": "2", "order": order} | ({"after": after} if after else {})
            page = tenant.client.get("/v1/datasets", params=params).json()
            assert page["object"] == "list"
            found = [one["id"] for one in page["data"]]
            assert (page["first_id"], page["last_id"]) == (found[0], found[-1])
            seen += found
            after = page["last_id"]
            if not page["has_more"]:
                break
        assert seen == expected


def test_an_empty_list_has_no_ends(tenant: Tenant):
    page = tenant.client.get("/v1/datasets").json()

    assert page == {"object": "list", "data": [], "first_id": None, "last_id": None, "has_more": False}


def test_created_after_is_a_time(tenant: Tenant):
    first = tenant.upload(b"a,b\n1,2\n")
    second = tenant.upload(b"a,b\n1,3\n")

    found = tenant.client.get("/v1/datasets", params={"created_after": first["created_at"]}).json()

    assert [one["id"] for one in found["data"]] == [second["id"]]


@pytest.mark.parametrize(
    "time", ["1767225600", "2026-01-01", "2026-01-01T00:00Z", "2026-01-01 00:00:00Z", "2026-01-01T00:00:00", "today"]
)
@pytest.mark.parametrize("path", ["/v1/datasets", "/v1/jobs", "/v1/models"])
def test_created_after_is_a_time_as_the_answers_write_it(tenant: Tenant, path: str, time: str):
    answer = tenant.client.get(path, params={"created_after": time})

    assert (answer.status_code, answer.json()["code"]) == (422, "wrong-type")
    assert "RFC 3339" in answer.json()["detail"]


@pytest.mark.parametrize("time", ["2026-01-01T00:00:00Z", "2026-01-01T00:00:00.5+02:00"])
def test_created_after_takes_any_offset(tenant: Tenant, time: str):
    assert tenant.client.get("/v1/datasets", params={"created_after": time}).status_code == 200


def test_the_preview_has_as_many_rows_as_asked(tenant: Tenant):
    made = tenant.upload(table(60))

    page = tenant.client.get(f"/v1/datasets/{made['id']}/rows", params={"limit": 3}).json()

    assert (len(page["data"]), page["has_more"]) == (3, True)
    assert page["data"][0] == {"a": 0.0, "b": 0.0, "y": 0.0, "z": False}


def test_a_dataset_that_a_job_needs_cannot_be_deleted(tenant: Tenant):
    made = tenant.upload(table())
    job = tenant.job(made["id"])

    refused = tenant.client.delete(f"/v1/datasets/{made['id']}")

    assert (refused.status_code, refused.json()["code"]) == (409, "dataset-in-use")
    tenant.client.post(f"/v1/jobs/{job['id']}/cancel").raise_for_status()
    assert tenant.client.delete(f"/v1/datasets/{made['id']}").status_code == 204
    assert tenant.client.get(f"/v1/datasets/{made['id']}").status_code == 404
    assert tenant.client.get("/v1/datasets").json()["data"] == []


def test_another_project_sees_nothing_of_it(tenant: Tenant, stranger: Tenant):
    made = tenant.upload(table())
    unknown = stranger.client.get("/v1/datasets/ds_01M7XK5QPNFJ1938XFDDC4PVGM").json()

    for answer in (
        stranger.client.get(f"/v1/datasets/{made['id']}"),
        stranger.client.get(f"/v1/datasets/{made['id']}/rows"),
        stranger.client.delete(f"/v1/datasets/{made['id']}"),
    ):
        assert answer.status_code == 404
        assert answer.json()["code"] == unknown["code"]
    assert stranger.client.get("/v1/datasets").json()["data"] == []


def test_a_repeated_upload_is_answered_again_and_stored_once(tenant: Tenant):
    headers = {**CSV, "Idempotency-Key": "upload-1"}
    first = tenant.client.post("/v1/datasets", content=table(), headers=headers, params={"name": "once"})
    before = tenant.service.footprint()

    again = tenant.client.post("/v1/datasets", content=table(), headers=headers, params={"name": "once"})

    assert (again.status_code, again.json()) == (201, first.json())
    assert again.headers["idempotency-replayed"] == "true"
    assert again.headers["location"] == first.headers["location"]
    assert "idempotency-replayed" not in first.headers
    assert tenant.service.footprint() == before


@pytest.mark.parametrize(("content", "name"), [(b"a,b\n9,9\n", "once"), (table(), "twice")])
def test_the_same_key_for_another_upload_is_refused(tenant: Tenant, content: bytes, name: str):
    headers = {**CSV, "Idempotency-Key": "upload-2"}
    tenant.client.post("/v1/datasets", headers=headers, content=table(), params={"name": "once"}).raise_for_status()
    before = tenant.service.footprint()

    answer = tenant.client.post("/v1/datasets", headers=headers, content=content, params={"name": name})

    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency-key-reused")
    assert tenant.service.footprint() == before


def test_a_failed_upload_frees_its_key(tenant: Tenant):
    headers = {**CSV, "Idempotency-Key": "upload-3"}
    assert tenant.client.post("/v1/datasets", content=b"a,b\n", headers=headers).status_code == 422

    answer = tenant.client.post("/v1/datasets", content=table(), headers=headers)

    assert answer.status_code == 201
    assert "idempotency-replayed" not in answer.headers


def test_keys_of_other_projects_and_routes_are_other_keys(tenant: Tenant, stranger: Tenant):
    headers = {"Idempotency-Key": "shared"}
    made = tenant.client.post("/v1/datasets", content=table(), headers={**CSV, **headers}).json()
    other = stranger.client.post("/v1/datasets", content=b"a,b\n1,2\n", headers={**CSV, **headers})
    job = tenant.client.post("/v1/jobs", json=spec(made["id"]), headers=headers)

    assert (other.status_code, job.status_code) == (201, 202)


def test_an_upload_that_breaks_off_leaves_nothing(tenant: Tenant):
    before = tenant.service.footprint()
    address = urlsplit(tenant.service.url)
    head = (
        f"POST /v1/datasets HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {tenant.secret}\r\n"
        "Content-Type: text/csv\r\nContent-Length: 1000000\r\nIdempotency-Key: broken\r\n\r\n"
    )
    with socket.create_connection((address.hostname, address.port)) as connection:
        connection.sendall(head.encode() + b"a,b\n" + b"1,2\n" * 50_000)
        until(lambda: tenant.service.footprint()["files"] > before["files"])
        repeated = tenant.client.post(
            "/v1/datasets", content=b"a,b\n1,2\n", headers={**CSV, "Idempotency-Key": "broken"}
        )

    assert repeated.json()["code"] == "request-in-progress"
    until(lambda: tenant.service.footprint() == before)
    assert tenant.client.get("/v1/datasets").json()["data"] == []


def test_an_upload_holds_its_key_for_as_long_as_it_takes(tenant: Tenant):
    def reserved_until():
        with tenant.service.database.reading() as session:
            return session.scalar(
                select(IdempotencyRow.expires_at).where(IdempotencyRow.project_id == tenant.project_id)
            )

    before = tenant.service.footprint()
    address = urlsplit(tenant.service.url)
    head = (
        f"POST /v1/datasets HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {tenant.secret}\r\n"
        "Content-Type: text/csv\r\nContent-Length: 1000000\r\nIdempotency-Key: slow\r\n\r\n"
    )
    with socket.create_connection((address.hostname, address.port)) as connection:
        connection.sendall(head.encode() + b"a,b\n")
        until(lambda: reserved_until() is not None)
        first = reserved_until()
        until(lambda: reserved_until() > first)
    until(lambda: tenant.service.footprint() == before)


def test_a_body_that_falls_silent_is_given_up(tenant: Tenant):
    before = tenant.service.footprint()

    answer = exchange(
        tenant,
        "POST /v1/datasets HTTP/1.1",
        ["Content-Type: text/csv", "Content-Length: 100"],
        [b"a,b\n"],
        hangs_up=True,
    )

    assert (answer.status_code, answer.json()["code"]) == (408, "request-timeout")
    assert tenant.service.footprint() == before


def test_every_type_of_column_is_described(tenant: Tenant):
    lines = [
        f"{i},{'ab'[i % 2]},{('yes', 'no')[i % 2]},2024-01-{1 + i % 28:02},note {i} {'word ' * (i + 20)}"
        for i in range(60)
    ]

    made = tenant.upload("\n".join(["n,c,b,d,t", *lines]).encode(), types="t:text")

    shown = {column["type"]: column for column in made["columns"]}
    assert shown.keys() == {"number", "category", "boolean", "date", "text"}
    assert shown["category"]["top"] == ["a", "b"]
    assert shown["boolean"]["mean"] == 0.5
    assert shown["date"]["min"].startswith("2024-01-01")
    empty = tenant.upload(b"n,c,y\n,a,1\n,b,2\n", types="n:number")
    assert [empty["columns"][0][name] for name in ("missing", "min", "max", "mean")] == [2, None, None, None]
