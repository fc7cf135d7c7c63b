"""The API reference as a page: rendered here from the OpenAPI document, without scripts and without other hosts."""

from __future__ import annotations

import json
from html import escape
from typing import Any, Final

from nfold_service.openapi import Json, operations

STYLE: Final = """\
:root { color-scheme: light dark; --line: #8884; --soft: #8882; --accent: #1f6feb; }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 62rem; padding: 2rem 1.25rem 6rem; font: 16px/1.55 system-ui, sans-serif; }
h1 { margin: 0; } h2 { margin: 3rem 0 .25rem; } h3 { margin: 0; font-size: 1rem; font-weight: 600; }
nav ul { columns: 2; padding-left: 1.1rem; } a { color: var(--accent); }
section.operation { border: 1px solid var(--line); border-radius: .6rem; margin: 1rem 0; padding: 1rem 1.1rem; }
.method { display: inline-block; min-width: 4.2rem; font: 700 .8rem/1 ui-monospace, monospace; color: var(--accent); }
.path { font-family: ui-monospace, monospace; overflow-wrap: anywhere; }
table { border-collapse: collapse; width: 100%; margin: .5rem 0; font-size: .92rem; }
th, td { text-align: left; vertical-align: top; padding: .3rem .6rem .3rem 0; border-top: 1px solid var(--line); }
pre { background: var(--soft); border-radius: .4rem; padding: .7rem .9rem; overflow-x: auto; font-size: .85rem; }
summary { cursor: pointer; } p { margin: .4rem 0; }
@media (max-width: 40rem) { nav ul { columns: 1; } }
"""


def reference_page(document: Json) -> str:
    """The page, as HTML that a strict content security policy lets pass."""
    info = document["info"]
    groups: dict[str, list[tuple[str, str, Json]]] = {}
    for path, method, operation in operations(document):
        groups.setdefault(operation.get("tags", ["service"])[0], []).append((path, method, operation))
    words = {tag["name"]: tag.get("description", "") for tag in document.get("tags", ())}
    names = [name for name in words if name in groups] + [name for name in groups if name not in words]
    body = [
        f"<h1>{escape(info['title'])} {escape(info['version'])}</h1>",
        f"<p>{escape(info.get('summary', ''))} The same as <a href='/openapi.json'>OpenAPI</a>.</p>",
        _security(document),
        "<nav aria-label='Operations'>",
        *(_contents(name, groups[name]) for name in names),
        "</nav>",
    ]
    for name in names:
        body.append(f"<h2>{escape(name.capitalize())}</h2><p>{_text(words.get(name, ''))}</p>")
        body.extend(_operation(document, *entry) for entry in groups[name])
    return (
        "<!doctype html><html lang='en'><head><meta charset='utf-8'><title>nfold: API reference</title>"
        "<meta name='viewport' content='width=device-width, initial-scale=1'>"
        f"<link rel='stylesheet' href='/docs/style.css'></head><body><main>{''.join(body)}</main></body></html>"
    )


def _security(document: Json) -> str:
    schemes = document.get("components", {}).get("securitySchemes", {})
    if not schemes:
        return ""
    items = "".join(
        f"<li>{escape(scheme.get('name') or 'Authorization: Bearer')}: {_text(scheme.get('description', ''))}</li>"
        for scheme in schemes.values()
    )
    return f"<p>Keys:</p><ul>{items}</ul>"


def _contents(name: str, entries: list[tuple[str, str, Json]]) -> str:
    items = "".join(
        f"<li><a href='#{escape(operation['operationId'])}'>{escape(operation.get('summary', ''))}</a></li>"
        for _, _, operation in entries
    )
    return f"<p>{escape(name.capitalize())}</p><ul>{items}</ul>"


def _operation(document: Json, path: str, method: str, operation: Json) -> str:
    identity = escape(operation["operationId"])
    parts = [
        f"<section class='operation' id='{identity}'><h3>{escape(operation.get('summary', ''))}</h3>",
        f"<p><span class='method'>{method.upper()}</span> <span class='path'>{escape(path)}</span></p>",
        f"<p>{_text(operation.get('description', ''))}</p>",
        _parameters(operation.get("parameters", [])),
    ]
    body = operation.get("requestBody")
    if body is not None:
        parts.append("<p>Body:</p>")
        parts.extend(_content(document, kind, media) for kind, media in body.get("content", {}).items())
    for status, response in operation["responses"].items():
        shown = "".join(_content(document, kind, media) for kind, media in response.get("content", {}).items())
        title = f"{escape(status)} {_text(response.get('description', ''))}"
        parts.append(f"<details><summary>{title}</summary>{shown}</details>" if shown else f"<p>{title}</p>")
    return "".join(parts) + "</section>"


def _parameters(parameters: list[Json]) -> str:
    if not parameters:
        return ""
    rows = "".join(
        f"<tr><td><code>{escape(one['name'])}</code></td><td>{escape(one['in'])}"
        f"{', required' if one.get('required') else ''}</td><td>{_text(one.get('description', ''))} "
        f"{escape(_bounds(one.get('schema', {})))}</td></tr>"
        for one in parameters
    )
    return f"<table><thead><tr><th>Parameter</th><th>Where</th><th>What</th></tr></thead><tbody>{rows}</tbody></table>"


def _bounds(schema: Json) -> str:
    said = {
        "minimum": "at least {}",
        "maximum": "at most {}",
        "maxLength": "at most {} characters",
        "pattern": "as {}",
        "default": "default {}",
    }
    return ", ".join(words.format(schema[name]) for name, words in said.items() if schema.get(name) not in (None, ""))


def _content(document: Json, kind: str, media: Json) -> str:
    example = example_in(document, media)
    if example is None:
        return f"<p><code>{escape(kind)}</code></p>"
    text = example if isinstance(example, str) else json.dumps(example, indent=2, ensure_ascii=False)
    return f"<p><code>{escape(kind)}</code></p><pre>{escape(text)}</pre>"


def example_in(document: Json, media: Json) -> Any:
    """The example of a body: its own, or that of its schema; None when it has none."""
    if "example" in media:
        return media["example"]
    for example in media.get("examples", {}).values():
        return example.get("value")
    return _example_of_schema(document, media.get("schema", {}))


def _example_of_schema(document: Json, schema: Json) -> Any:
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return _example_of_schema(document, document["components"]["schemas"].get(name, {}))
    if "example" in schema:
        return schema["example"]
    if schema.get("examples"):
        return schema["examples"][0]
    for other in schema.get("anyOf", ()):
        found = _example_of_schema(document, other)
        if found is not None:
            return found
    if schema.get("type") == "array":
        found = _example_of_schema(document, schema.get("items", {}))
        return None if found is None else [found]
    parts = {name: _example_of_schema(document, part) for name, part in schema.get("properties", {}).items()}
    return parts if parts and None not in parts.values() else None


def _text(words: str) -> str:
    """A description: code between backticks, the rest as it is."""
    parts = escape(words).split("`")
    if len(parts) % 2 == 0:
        return escape(words)
    return "".join(f"<code>{part}</code>" if number % 2 else part for number, part in enumerate(parts))
