"""The reference of the API as one page of HTML, made from the OpenAPI document: no script, nothing loaded from anywhere."""

from collections.abc import Iterable, Iterator, Mapping
from html import escape
from typing import Any

Schema = Mapping[str, Any]

HEADERS = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"}
"""A browser that obeys them loads nothing for the page, whatever a description may hold."""
_METHODS = ("get", "post", "put", "patch", "delete")
_STYLE = """
body{font:16px/1.5 system-ui,sans-serif;margin:0 auto;max-width:62rem;padding:1rem;color:#1a1a1a;background:#fff}
code,.method{font-family:ui-monospace,monospace;font-size:.9em}
section{border-top:1px solid #ddd;padding:.5rem 0}
table{border-collapse:collapse;width:100%}
td,th{border-bottom:1px solid #eee;padding:.3rem .8rem .3rem 0;text-align:left;vertical-align:top}
td:first-child{white-space:nowrap}
.method{font-weight:bold;text-transform:uppercase}
a{color:#0b5394}
@media(prefers-color-scheme:dark){body{color:#ddd;background:#161616}a{color:#8ab4f8}td,th{border-color:#333}section{border-color:#444}}
"""


def page(document: Mapping[str, Any]) -> str:
    """The page of an OpenAPI ``document``: every operation by path, then every schema that they name."""
    info, schemas = document["info"], document.get("components", {}).get("schemas", {})
    operations = [
        (method, path, methods[method])
        for path, methods in document["paths"].items()
        for method in _METHODS
        if method in methods
    ]
    title = f"{info['title']} {info['version']}"
    parts = [
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>',
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head><body>',
        f"<h1>{escape(title)}</h1><p>{escape(info.get('description', ''))}</p>",
        "<p>Send your key with every request: <code>Authorization: Bearer tg_…</code>. HEAD is answered as GET. ",
        'The same for machines: <a href="/openapi.json">openapi.json</a>.</p><ul>',
        *(f'<li><a href="#{_anchor(method, path)}">{_called(method, path)}</a></li>' for method, path, _ in operations),
        "</ul>",
        *(part for operation in operations for part in _operation(*operation)),
        "<h2>Schemas</h2>",
        *(part for name in sorted(schemas) for part in _schema(name, schemas[name])),
        "</body></html>",
    ]
    return "\n".join(parts)


def _anchor(method: str, path: str) -> str:
    return escape(f"{method}{path}".replace("/", "-").replace("{", "").replace("}", ""))


def _called(method: str, path: str) -> str:
    return f'<span class="method">{method}</span> <code>{escape(path)}</code>'


def _operation(method: str, path: str, operation: Mapping[str, Any]) -> Iterator[str]:
    yield f'<section id="{_anchor(method, path)}"><h2>{_called(method, path)}</h2>'
    yield f"<p>{escape(operation.get('description', operation.get('summary', '')))}</p>"
    parameters = [
        (one["name"], _type(one.get("schema", {})), one["in"] + _required(one.get("required")), _told(one))
        for one in operation.get("parameters", ())
    ]
    yield from _table(("parameter", "type", "in", "meaning"), parameters)
    body = operation.get("requestBody", {})
    sent = [(kind, _type(one.get("schema", {}))) for kind, one in body.get("content", {}).items()]
    yield from _table(("body", "type"), sent)
    answers = [
        (status, escape(answer.get("description", "")), kind, _type(one.get("schema", {})))
        for status, answer in operation["responses"].items()
        for kind, one in (answer.get("content") or {"": {}}).items()
    ]
    yield from _table(("answer", "meaning", "body", "type"), answers)
    yield "</section>"


def _schema(name: str, schema: Schema) -> Iterator[str]:
    yield f'<section id="schema-{escape(name)}"><h3>{escape(name)}</h3><p>{_told(schema)}</p>'
    needed = schema.get("required", ())
    fields = [
        (field, _type(one) + _required(field in needed), _default(one), _told(one))
        for field, one in schema.get("properties", {}).items()
    ]
    yield from _table(("field", "type", "default", "meaning"), fields)
    if not fields:
        yield f"<p>{_type(schema)}</p>"
    yield "</section>"


def _table(heads: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    """A table; the first cell of a row is a name, the others are HTML already."""
    lines = [
        f"<tr><td><code>{escape(first)}</code></td>{''.join(f'<td>{cell}</td>' for cell in rest)}</tr>"
        for first, *rest in rows
    ]
    if lines:
        yield f"<table><tr>{''.join(f'<th>{head}</th>' for head in heads)}</tr>"
        yield from lines
        yield "</table>"


def _told(schema: Schema) -> str:
    return escape(schema.get("description") or schema.get("schema", {}).get("description") or "")


def _required(needed: bool | None) -> str:
    return ", required" if needed else ""


def _default(schema: Schema) -> str:
    default = schema.get("default")
    return f"<code>{escape(str(default))}</code>" if isinstance(default, str | int | float) else ""


def _type(schema: Schema) -> str:
    """What a value is, in words, with links to the schemas it names."""
    if "$ref" in schema:
        name = escape(schema["$ref"].rpartition("/")[2])
        return f'<a href="#schema-{name}">{name}</a>'
    for several in ("anyOf", "oneOf", "allOf"):
        if several in schema:
            return " or ".join(dict.fromkeys(_type(one) for one in schema[several]))
    if "const" in schema or "enum" in schema:
        values = schema.get("enum") or [schema["const"]]
        return " or ".join(f"<code>{escape(str(value))}</code>" for value in values)
    if schema.get("type") == "array":
        return f"list of {_type(schema['items'])}" if schema.get("items") else "list"
    if schema.get("type") == "object" and isinstance(inner := schema.get("additionalProperties"), Mapping):
        return f"object of {_type(inner)}"
    form = f" ({escape(schema['format'])})" if "format" in schema else ""
    return escape(str(schema.get("type", "any"))) + form
