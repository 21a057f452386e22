"""Images in rows: what a model answers for a picture is the same whichever way it comes."""

import io

import numpy as np
import pytest
from PIL import Image

from app.errors import ApiError
from app.images import decoded
from learning.header import Input
from learning.predictor import Predictor
from tests.app.pictures import bar, cell, of_images, png, upload_images
from tests.app.small_model import store_model
from tests.app.tenant import Service, Tenant

PICTURES = [bar(kind, seed) for kind in ("lying", "standing") for seed in range(3)]


@pytest.fixture(scope="module")
def model(new_tenant) -> tuple[Tenant, str]:
    tenant = new_tenant()
    return tenant, store_model(tenant, of_images(upload_images(tenant)))


def predict(model, body):
    tenant, name = model
    answer = tenant.client.post(f"/v1/models/{name}/predictions", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()["predictions"]["kind"]


def test_rows_columns_and_the_model_itself_agree(model, service: Service):
    tenant, name = model
    cells = [cell(png(picture)) for picture in PICTURES]
    sha256 = tenant.client.get(f"/v1/models/{name}").json()["sha256"]
    expected = Predictor.load(service.artifacts.path(sha256)).predict({"image": [p[:, :, None] for p in PICTURES]})

    by_rows = predict(model, {"rows": [{"image": one} for one in cells]})

    assert by_rows == predict(model, {"columns": {"image": cells}})
    assert by_rows == expected.to_json()["kind"]
    assert len(by_rows["labels"]) == len(PICTURES)


def test_a_row_alone_is_answered_as_among_others(model):
    together = predict(model, {"rows": [{"image": cell(png(picture))} for picture in PICTURES]})
    for place, picture in enumerate(PICTURES):
        alone = predict(model, {"rows": [{"image": cell(png(picture))}]})
        np.testing.assert_allclose(alone["probabilities"][0], together["probabilities"][place], rtol=1e-5)


def test_another_format_colour_and_size_are_brought_to_the_models_as_at_upload(model):
    flat = np.full((16, 16), 120, np.uint8)
    file = io.BytesIO()
    Image.fromarray(np.repeat(np.full((40, 30, 1), 120, np.uint8), 3, axis=2)).save(file, "BMP")
    expected = predict(model, {"rows": [{"image": cell(png(flat))}]})
    assert predict(model, {"rows": [{"image": cell(file.getvalue())}]}) == expected


def test_a_model_and_its_card_show_what_an_image_must_be(model):
    tenant, name = model
    shown = tenant.client.get(f"/v1/models/{name}").json()
    image = {"name": "image", "type": "image", "height": 16, "width": 16, "channels": 1}
    assert shown["inputs"] == [image]
    assert (shown["network"]["name"], shown["network"]["filters"]) == ("conv4", 4)
    card = tenant.client.get(f"/v1/models/{name}/card")
    assert card.status_code == 200
    page = tenant.client.get(f"/v1/models/{name}/card", headers={"Accept": "text/markdown"}).text
    assert "image of 16 × 16 pixels" in page


def test_every_odd_picture_is_told_with_its_place(model):
    tenant, name = model
    rows = [{"image": cell(png(PICTURES[0]))}, {"image": {"base64": "@"}}, {"image": None}]
    answer = tenant.client.post(f"/v1/models/{name}/predictions", json={"rows": rows})
    assert answer.status_code == 422
    assert [entry["pointer"] for entry in answer.json()["errors"]] == ["/rows/1/image", "/rows/2/image"]


def test_more_images_than_fit_the_memory_of_a_request_are_refused_before_one_is_decoded():
    wide = Input(name="image", type="image", height=512, width=512, channels=3)
    cells = [{"base64": "@"}] * 86
    with pytest.raises(ApiError) as refusal:
        decoded({"image": cells}, "rows", [wide])
    assert (refusal.value.kind.status, refusal.value.errors[0]["code"]) == (413, "too-many-rows")
    assert refusal.value.errors[0]["pointer"] == "/rows"
    assert refusal.value.errors[0]["limit"] == 85
    with pytest.raises(ApiError, match="invalid-image"):
        decoded({"image": cells[:85]}, "rows", [wide])


def test_a_query_is_refused_with_the_way_that_works(model):
    tenant, name = model
    answer = tenant.client.get(f"/v1/models/{name}/predictions")
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid-image")
    assert "POST" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("change", "pointer", "code"),
    [
        (
            {"network": {"name": "conv4"}, "tasks": [{"target": "label", "exclude": ["image"]}]},
            "/tasks/0/features",
            "no-features",
        ),
        ({"tasks": [{"target": "image"}]}, "/tasks/0/target", "wrong-type"),
        ({"split": {"column": "image"}}, "/split/column", "wrong-type"),
        ({"tasks": [{"target": "label", "where": {"image": ["x"]}}]}, "/tasks/0/where/image", "wrong-type"),
        ({"sharing": {"name": "soft"}}, "/sharing", "sharing-network-mismatch"),
        ({"network": {"name": "conv4", "filters": 0}}, "/network/conv4/filters", None),
    ],
)
def test_what_an_image_cannot_be_is_told_when_the_job_is_submitted(model, change, pointer, code):
    tenant, _ = model
    dataset = tenant.client.get("/v1/datasets").json()["data"][0]["id"]
    spec = of_images(dataset, **change)
    spec["tasks"] = [{"dataset": dataset, **task} for task in spec["tasks"]]
    answer = tenant.client.post("/v1/jobs", json=spec)
    assert answer.status_code == 422, answer.text
    found = answer.json()["errors"][0]
    assert found["pointer"].startswith(pointer.replace("/conv4", "")), found
    assert code in (None, found["code"])


def test_a_table_without_images_is_told_to_conv4(new_tenant):
    tenant = new_tenant()
    dataset = tenant.upload(b"a,y\n" + b"".join(b"%d,%d\n" % (i, 2 * i) for i in range(30)))["id"]
    answer = tenant.client.post("/v1/jobs", json=of_images(dataset, tasks=[{"dataset": dataset, "target": "y"}]))
    assert (answer.status_code, answer.json()["code"]) == (422, "network-needs-image")
    assert answer.json()["errors"][0]["pointer"] == "/network"


def test_a_few_pictures_adapt_a_model_to_other_words_for_them(model):
    tenant, name = model
    kinds = ["flat", "upright"]
    rows = [
        {"image": cell(png(bar(kind, seed))), "kind": kinds[kind == "standing"]}
        for seed in range(40, 52)
        for kind in ("lying", "standing")
    ]
    query = {"columns": {"image": [one["image"] for one in rows[:4]]}}
    body = {"support": {"rows": rows}, "target": "kind", "query": query, "name": "words"}
    answer = tenant.client.post(f"/v1/models/{name}/adaptations", json=body)
    assert answer.status_code == 201, answer.text
    told = answer.json()
    assert sorted(told["predictions"]["kind"]["classes"]) == kinds
    child = told["model"]["id"]
    again = tenant.client.post(f"/v1/models/{child}/predictions", json=query).json()["predictions"]["kind"]
    np.testing.assert_allclose(again["probabilities"], told["predictions"]["kind"]["probabilities"], atol=1e-5)


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"support": {"rows": [{"image": {"base64": "@"}, "kind": "a"}]}}, "/support/rows/0/image"),
        ({"query": {"columns": {"image": [7]}}}, "/query/columns/image/0"),
    ],
)
def test_an_odd_picture_of_an_adaptation_is_told_with_its_place(model, change, pointer):
    tenant, name = model
    rows = [{"image": cell(png(bar("lying", seed))), "kind": "ab"[seed % 2]} for seed in range(6)]
    body = {"support": {"rows": rows}, "target": "kind", "store": False, **change}
    answer = tenant.client.post(f"/v1/models/{name}/adaptations", json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid-image"), answer.text
    assert answer.json()["errors"][0]["pointer"] == pointer
