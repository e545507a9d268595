"""The REST API as a page to browse, made from its OpenAPI document.

Plain HTML that opens and closes without a script: nothing is loaded from anywhere.
"""

from collections.abc import Iterable, Iterator, Mapping
from html import escape
from typing import Any, Final

__all__ = ["render_reference"]

Json = Mapping[str, Any]

_HEAD: Final = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>relaunch {version}: REST API</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ font: 1rem/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto;
  padding: 0 1rem; }}
h2 {{ margin-top: 2.5rem; }}
details {{ border-top: 1px solid #8884; padding: .3rem 0; }}
summary {{ cursor: pointer; }}
summary b {{ display: inline-block; min-width: 4.5rem; }}
code, pre {{ font: .9em/1.5 ui-monospace, monospace; }}
pre {{ overflow-x: auto; padding: .6rem; background: #8882; border-radius: .3rem; }}
table {{ border-collapse: collapse; width: 100%; }}
td, th {{ text-align: left; vertical-align: top; padding: .2rem .8rem .2rem 0; }}
.note {{ opacity: .75; }}
</style>
</head>
<body>
<h1>relaunch {version}: REST API</h1>
<p>{description}</p>
<p>Requests carry <code>Authorization: Bearer</code> with a token. Errors are
<code>{{"error": {{"code": 1404, "message": "…"}}}}</code>. The same as
<a href="/api/spec.json">OpenAPI 3.1</a>.</p>
"""
_METHODS: Final = ("get", "post", "patch", "delete")


def render_reference(spec: Json) -> str:
    """Write the page of an OpenAPI document."""
    schemas = spec["components"]["schemas"]
    parts = [
        _HEAD.format(
            version=escape(spec["info"]["version"]),
            description=escape(spec["info"]["description"]),
        )
    ]
    for title, prefix in {
        "As in Renku": "/api/data",
        "Beside it": "/api/relaunch",
        "For forges, people and machines": "/",
    }.items():
        parts.append(f"<h2>{title}: <code>{prefix}</code></h2>")
        parts += [
            _operation(method, path, operation, schemas)
            for path, method, operation in _operations(spec)
            if _section(path) == prefix
        ]
    parts.append("<h2>Shapes</h2>")
    parts += [_shape(name, schemas[name]) for name in sorted(schemas)]
    parts.append("</body>\n</html>\n")
    return "\n".join(parts)


def _section(path: str) -> str:
    known = ("/api/data", "/api/relaunch")
    return next((prefix for prefix in known if path.startswith(f"{prefix}/")), "/")


def _operations(spec: Json) -> Iterator[tuple[str, str, Json]]:
    for path, methods in sorted(spec["paths"].items()):
        for method in _METHODS:
            if method in methods:
                yield path, method, methods[method]


def _operation(method: str, path: str, operation: Json, schemas: Json) -> str:
    del schemas
    body = operation.get("requestBody")
    parts = [f"<p>{escape(operation.get('description', ''))}</p>"]
    if parameters := operation.get("parameters"):
        rows = [
            (each["name"], each["in"], _type(each["schema"]), each.get("description"))
            for each in parameters
        ]
        parts.append(_table(("Parameter", "In", "Type", ""), rows))
    if body:
        parts.append(f"<p>Body: {_content(body)}</p>")
    rows = [
        (status, answer["description"], _content(answer), None)
        for status, answer in operation["responses"].items()
    ]
    parts.append(_table(("Status", "", "Shape", ""), rows))
    parts.append(f"<pre>{escape(_example(method, path, has_body=bool(body)))}</pre>")
    return (
        f'<details id="{escape(operation["operationId"])}"><summary>'
        f"<b>{method.upper()}</b> <code>{escape(path)}</code> "
        f'<span class="note">{escape(operation["summary"])}</span></summary>\n'
        + "\n".join(parts)
        + "\n</details>"
    )


def _example(method: str, path: str, *, has_body: bool) -> str:
    words = ["curl", "-H 'Authorization: Bearer TOKEN'"]
    if method != "get":
        words.append(f"-X {method.upper()}")
    if has_body:
        words.append("-H 'Content-Type: application/json' -d '{…}'")
    return " ".join((*words, f"http://localhost:8080{path}"))


def _content(holder: Json) -> str:
    for kind, content in holder.get("content", {}).items():
        found = _type(content["schema"])
        return found if kind == "application/json" else f"{found} <i>{escape(kind)}</i>"
    return ""


def _shape(name: str, schema: Json) -> str:
    required = set(schema.get("required", ()))
    rows = [
        (
            field,
            "required" if field in required else "",
            _type(facts),
            facts.get("description"),
        )
        for field, facts in schema.get("properties", {}).items()
    ]
    about = escape(" ".join(schema.get("description", "").split()))
    inside = _table(("Field", "", "Type", ""), rows) if rows else _type(schema)
    return (
        f'<details id="{_anchor(name)}"><summary><code>{escape(name)}</code> '
        f'<span class="note">{about}</span></summary>\n{inside}\n</details>'
    )


def _table(titles: Iterable[str], rows: Iterable[tuple[str, str, str, Any]]) -> str:
    """Write a table; the third column is HTML already."""
    head = "".join(f"<th>{title}</th>" for title in titles)
    lines = [
        f"<tr><td><code>{escape(str(name))}</code></td><td>{escape(str(where))}</td>"
        f"<td>{kind}</td><td>{escape(str(note or ''))}</td></tr>"
        for name, where, kind, note in rows
    ]
    return f"<table><tr>{head}</tr>\n{''.join(lines)}</table>"


def _type(schema: Json) -> str:
    """Write what a schema takes, in HTML."""
    if "$ref" in schema:
        name = str(schema["$ref"]).rpartition("/")[2]
        return f'<a href="#{_anchor(name)}">{escape(name)}</a>'
    for word in ("anyOf", "oneOf"):
        if word in schema:
            return " or ".join(dict.fromkeys(_type(each) for each in schema[word]))
    if "const" in schema:
        return f"<code>{escape(repr(schema['const']))}</code>"
    if "enum" in schema:
        return " | ".join(
            f"<code>{escape(str(each))}</code>" for each in schema["enum"]
        )
    if schema.get("type") == "array":
        return f"list of {_type(schema.get('items', {}))}"
    text = str(schema.get("format") or schema.get("type") or "anything")
    limits = {
        "minimum": "≥",
        "exclusiveMinimum": ">",
        "maximum": "≤",
        "exclusiveMaximum": "<",
        "maxLength": "length ≤",
        "minLength": "length ≥",
    }
    known = [f"{sign} {schema[key]}" for key, sign in limits.items() if key in schema]
    return escape(" ".join((text, *known)))


def _anchor(name: str) -> str:
    return escape(f"shape-{name}")
