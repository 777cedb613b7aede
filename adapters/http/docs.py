"""The API's description for people: one page made of ``openapi.json``, without scripts or anything from elsewhere."""

from base64 import b64encode
from collections.abc import Iterator
from functools import cache
from hashlib import sha256
from html import escape
from typing import Any

import msgspec
from litestar import Response, get

from adapters.http.openapi import document, operations

STYLE = """
:root{color-scheme:light dark;--line:#8884;--soft:#8881}
body{font:15px/1.5 system-ui,sans-serif;margin:0;display:grid;grid-template-columns:17rem minmax(0,1fr)}
nav{position:sticky;top:0;height:100vh;overflow:auto;padding:1rem;box-sizing:border-box;
border-right:1px solid var(--line)}
nav a{display:block;color:inherit;text-decoration:none;padding:.1rem 0}nav b{display:block;margin-top:1rem}
main{padding:1rem 2rem;max-width:60rem}h2{margin-top:3rem;border-bottom:1px solid var(--line)}
details{border:1px solid var(--line);border-radius:6px;margin:.6rem 0;padding:.5rem .8rem}
summary{cursor:pointer}summary code{font-weight:600}
.method{display:inline-block;min-width:4.2rem;font:600 12px/1.6 ui-monospace,monospace}
.GET{color:#2a7de1}.POST{color:#1a9c4b}.PATCH{color:#b7791f}.DELETE{color:#d64545}
pre,code{font-family:ui-monospace,monospace;font-size:13px}pre{background:var(--soft);padding:.7rem;overflow:auto}
table{border-collapse:collapse;width:100%}td,th{border-top:1px solid var(--line);padding:.25rem .6rem .25rem 0;
text-align:left;vertical-align:top}p{white-space:pre-line}
@media(max-width:50rem){body{display:block}nav{position:static;height:auto}}
"""
POLICY = (
    "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; "
    f"style-src 'sha256-{b64encode(sha256(STYLE.encode()).digest()).decode()}'"
)


@get("/docs", media_type="text/html")
async def docs() -> Response[str]:
    """The API's description for people."""
    return Response(page(), headers={"Content-Security-Policy": POLICY, "Cache-Control": "no-cache"})


@get("/openapi.json")
async def openapi() -> Response[bytes]:
    """The API's description for programs."""
    headers = {"Cache-Control": "no-cache"}
    return Response(msgspec.json.encode(document()), media_type="application/json", headers=headers)


@cache
def page() -> str:
    """The whole page."""
    found = document()
    chapters: dict[str, list[str]] = {}
    contents: dict[str, list[str]] = {}
    for path, method, operation in operations(found):
        chapter = operation["tags"][0]
        chapters.setdefault(chapter, []).append("".join(_operation(path, method, operation)))
        link = f'<a href="#{operation["operationId"]}">{escape(operation["summary"])}</a>'
        contents.setdefault(chapter, []).append(link)
    titles = [tag["name"] for tag in found["tags"]]
    nav = "".join(f"<b>{escape(title)}</b>{''.join(contents[title])}" for title in titles)
    body = "".join(f"<h2>{escape(title)}</h2>{''.join(chapters[title])}" for title in titles)
    schemas = "".join(_schema(name, schema) for name, schema in sorted(found["components"]["schemas"].items()))
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Shipbook API</title>'
        f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style></head><body>'
        f'<nav><strong>Shipbook API</strong><a href="/openapi.json">openapi.json</a>{nav}<b>Schemas</b>'
        f'<a href="#schemas">All</a></nav><main><h1>Shipbook API</h1><p>{_marked(found["info"]["description"])}</p>'
        f'{body}<h2 id="schemas">Schemas</h2>{schemas}</main></body></html>'
    )


def _operation(path: str, method: str, operation: dict[str, Any]) -> Iterator[str]:
    yield f'<details><summary><span class="method {method}">{method}</span> '
    yield f"<code>{escape(path)}</code> {escape(operation['summary'])}</summary>"
    # The anchor stands inside, so that browsers unfold what a link leads to.
    yield f'<p id="{operation["operationId"]}">{_marked(operation["description"])}</p>'
    yield f"<pre>{escape(_curl(path, method, operation))}</pre>"
    yield "<table><tr><th>Parameter</th><th>In</th><th>Type</th><th></th></tr>"
    for parameter in operation["parameters"]:
        schema = parameter["schema"]
        said = parameter.get("description") or schema.get("description", "")
        yield _row(parameter["name"], parameter["in"], _type(schema), escape(said))
    yield "</table>"
    if body := operation.get("requestBody"):
        yield f"<p>Body: {_type(body['content']['application/json']['schema'])}</p>"
    yield "<table><tr><th>Answer</th><th></th><th></th></tr>"
    for code, answer in operation["responses"].items():
        content: dict[str, Any] = next(iter(answer.get("content", {}).values()), {})
        yield _row(code, escape(answer["description"]), _type(content.get("schema", {})))
    yield "</table></details>"


def _schema(name: str, schema: dict[str, Any]) -> str:
    required = set(schema.get("required", []))
    rows = "".join(
        _row(key + ("" if key in required else "?"), _type(part), escape(part.get("description", "")))
        for key, part in schema.get("properties", {}).items()
    )
    shown = f"<table>{rows}</table>" if rows else _type({**schema, "title": ""})
    said = escape(schema.get("description", ""))
    return f'<details><summary><code>{escape(name)}</code></summary><p id="{escape(name)}">{said}</p>{shown}</details>'


def _row(*cells: str) -> str:
    first, *others = cells
    return f"<tr><td><code>{escape(first)}</code></td>{''.join(f'<td>{cell}</td>' for cell in others)}</tr>"


def _type(schema: dict[str, Any]) -> str:
    """A schema in a few words, with links to the named ones."""
    if reference := schema.get("$ref"):
        name = escape(reference.rpartition("/")[2])
        return f'<a href="#{name}">{name}</a>'
    if kinds := schema.get("oneOf") or schema.get("anyOf") or schema.get("allOf"):
        return " or ".join(dict.fromkeys(_type(kind) for kind in kinds))
    if values := schema.get("enum"):
        return " | ".join(f"<code>{escape(str(value))}</code>" for value in values)
    if "const" in schema:
        return f"<code>{escape(str(schema['const']))}</code>"
    if schema.get("type") == "array":
        return f"list of {_type(schema.get('items', {}))}"
    kind = schema.get("type", "")
    words = " or ".join(kind) if isinstance(kind, list) else str(kind)
    return escape(f"{words} ({schema['format']})" if "format" in schema else words)


def _curl(path: str, method: str, operation: dict[str, Any]) -> str:
    lines = [f"curl -X {method} $SHIPBOOK{path}", '-H "Authorization: Bearer $TOKEN"']
    if operation.get("requestBody"):
        lines.append("-H 'Content-Type: application/json' -d '{…}'")
    return " \\\n  ".join(lines)


def _marked(text: str) -> str:
    """The little Markdown that the description uses: ``**bold**`` and code."""
    out = escape(text)
    for mark, tag in (("**", "b"), ("``", "code"), ("`", "code")):
        parts = out.split(mark)
        out = "".join(f"<{tag}>{part}</{tag}>" if place % 2 else part for place, part in enumerate(parts))
    return out


ROUTES = [docs, openapi]
