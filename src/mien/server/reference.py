"""GET /docs: the OpenAPI document as a plain page. No script, nothing from elsewhere, so it works under the policy.

Tools take /openapi.json; this is for reading.
"""

from __future__ import annotations

import html
from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.responses import HTMLResponse, Response

__all__ = ["add_reference"]

_STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 54rem; margin: 2rem auto; padding: 0 1rem; }
h2 { margin-top: 2.5rem; border-top: 1px solid #8886; padding-top: 1rem; overflow-wrap: anywhere; }
code, pre { font: 0.9em/1.4 ui-monospace, monospace; overflow-wrap: anywhere; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: 0.25rem 1rem 0.25rem 0; border-bottom: 1px solid #8884; }
.method { background: #8883; border-radius: 0.25rem; padding: 0.1rem 0.4rem; }
"""


def add_reference(app: FastAPI) -> None:
    """Serve /docs and its style."""

    @app.get("/docs", include_in_schema=False)
    async def reference() -> HTMLResponse:
        return HTMLResponse(_page(app.openapi()))

    @app.get("/docs.css", include_in_schema=False)
    async def style() -> Response:
        return Response(_STYLE, media_type="text/css")


def _page(document: dict[str, Any]) -> str:
    parts = [
        "<!doctype html><html lang='en'><head><meta charset='utf-8'>",
        "<meta name='viewport' content='width=device-width, initial-scale=1'>",
        "<link rel='icon' type='image/svg+xml' href='static/favicon.svg'>",
        f"<title>{_text(document['info']['title'])}: API</title><link rel='stylesheet' href='docs.css'></head><body>",
        f"<h1>{_text(document['info']['title'])} {_text(document['info']['version'])}</h1>",
        f"<p>{_text(document['info']['description'])}</p>",
        "<p>For tools: <a href='openapi.json'><code>openapi.json</code></a>.</p>",
    ]
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            parts += _operation(path, method, operation)
    parts.append("<h2>Values</h2>")
    for name, schema in document["components"]["schemas"].items():
        parts += _schema(name, schema)
    return "\n".join((*parts, "</body></html>"))


def _operation(path: str, method: str, operation: dict[str, Any]) -> Iterator[str]:
    yield f"<h2><code class='method'>{_text(method.upper())}</code> <code>{_text(path)}</code></h2>"
    yield f"<p><strong>{_text(operation.get('summary', ''))}.</strong> {_text(operation.get('description', ''))}</p>"
    kinds = operation.get("requestBody", {}).get("content", {})
    if kinds:
        yield f"<p>Takes: {', '.join(f'<code>{_text(kind)}</code>' for kind in kinds)}.</p>"
    yield "<table><tr><th>status</th><th>answer</th></tr>"
    for status, response in operation["responses"].items():
        schemas = [_named(content.get("schema", {})) for content in response.get("content", {}).values()]
        yield f"<tr><td>{_text(status)}</td><td>{_text(response['description'])} {' '.join(schemas)}</td></tr>"
    yield "</table>"


def _schema(name: str, schema: dict[str, Any]) -> Iterator[str]:
    yield f"<h3 id='{_text(name)}'>{_text(name)}</h3><p>{_text(schema.get('description', ''))}</p><table>"
    for key, value in schema.get("properties", {}).items():
        meaning = _text(value.get("description", ""))
        yield f"<tr><td><code>{_text(key)}</code></td><td>{_named(value)}</td><td>{meaning}</td></tr>"
    yield "</table>"


def _named(schema: dict[str, Any]) -> str:
    """A type in a few words, linked where it is described."""
    if "$ref" in schema:
        name = _text(schema["$ref"].rpartition("/")[2])
        return f"<a href='#{name}'>{name}</a>"
    if "anyOf" in schema:
        return " or ".join(_named(one) for one in schema["anyOf"])
    if schema.get("type") == "array":
        return f"list of {_named(schema['items'])}"
    return _text(schema.get("type", ""))


def _text(value: object) -> str:
    return html.escape(str(value))
