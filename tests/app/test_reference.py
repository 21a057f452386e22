"""The documentation is one page that needs no network but the service's own."""

import re
from typing import Any

import httpx
import pytest

from app.reference import page


@pytest.fixture(scope="module")
def shown(anonymous: httpx.Client) -> httpx.Response:
    return anonymous.get("/docs")


def test_the_page_loads_nothing(shown: httpx.Response):
    places = set(re.findall(r"""(?:src|href|srcset|action)\s*=\s*["']([^"']*)""", shown.text))

    assert shown.headers["content-type"] == "text/html; charset=utf-8"
    assert {place for place in places if not place.startswith("#")} == {"/openapi.json"}
    assert not re.search(r"<script|<link|<img|<iframe|@import|url\(", shown.text)
    assert shown.headers["content-security-policy"].startswith("default-src 'none'")


def test_the_page_shows_every_operation_and_every_schema(shown: httpx.Response, anonymous: httpx.Client):
    document = anonymous.get("/openapi.json").json()
    anchors = set(re.findall(r'id="([^"]*)"', shown.text))

    assert len(anchors) == sum(len(methods) for methods in document["paths"].values()) + len(
        document["components"]["schemas"]
    )
    for path, methods in document["paths"].items():
        assert path in shown.text
        for operation in methods.values():
            assert all(parameter["name"] in shown.text for parameter in operation.get("parameters", ()))
    assert set(re.findall(r'href="#([^"]*)"', shown.text)) <= anchors


def test_what_a_description_holds_is_text():
    evil = "<script src='https://evil'></script>"
    schema: dict[str, Any] = {"description": evil, "properties": {evil: {"type": "string", "default": evil}}}
    operation = {"description": evil, "parameters": [{"name": evil, "in": "query"}], "responses": {}}
    document = {
        "info": {"title": evil, "version": "1", "description": evil},
        "paths": {"/a": {"get": operation}},
        "components": {"schemas": {evil: schema}},
    }

    assert "<script" not in page(document)
