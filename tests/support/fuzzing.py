"""Requests made of the OpenAPI document: what it allows, and what it nearly allows."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

__all__ = ["Operation", "Sent", "operations", "requests_of"]

Json = Mapping[str, Any]
MAX_DEPTH = 4
TEXTS = st.one_of(
    st.sampled_from(
        [
            "",
            "a",
            "python",
            "none",
            "main",
            "0",
            "-1",
            "null",
            "../x",
            "é\u0000",
            "\ud800",
            "https://github.com/ada/course",
            "file:///x",
            "x" * 600,
            "01" + "A" * 24,
        ]
    ),
    st.text(max_size=40),
)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXTS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=12), inner, max_size=3)
    ),
    max_leaves=6,
)


@dataclass(frozen=True)
class Operation:
    """A method and a path of the document."""

    method: str
    path: str
    facts: Json

    @property
    def documented(self) -> set[int]:
        """The statuses that it names."""
        return {int(each) for each in self.facts["responses"] if each != "default"}


@dataclass(frozen=True)
class Sent:
    """A request."""

    query: Mapping[str, str]
    body: Any
    raw: bytes | None
    headers: Mapping[str, str]
    wrong_ids: bool


def operations(spec: Json) -> Iterator[Operation]:
    """Return the operations of the REST API that answer at once."""
    for path, methods in sorted(spec["paths"].items()):
        for method, facts in methods.items():
            is_stream = path.endswith("/stream")
            if path.startswith("/api/") and not is_stream:
                yield Operation(method.upper(), path, facts)


def requests_of(operation: Operation, spec: Json) -> st.SearchStrategy[Sent]:
    """Return requests for an operation: right ones, wrong ones and strange ones."""
    body = operation.facts.get("requestBody")
    bodies: st.SearchStrategy[Any] = st.none()
    raws: st.SearchStrategy[bytes | None] = st.none()
    if body:
        schema = body["content"]["application/json"]["schema"]
        bodies = _values(schema, spec, MAX_DEPTH) | ANYTHING
        raws = st.none() | st.none() | st.binary(max_size=20)
    return st.builds(
        Sent,
        query=_query(operation.facts, spec),
        body=bodies,
        raw=raws,
        headers=st.sampled_from(
            [{}, {}, {"If-Match": '"0"'}, {"If-Match": "*"}, {"If-None-Match": "*"}]
        ),
        wrong_ids=st.sampled_from([False, False, True]),
    )


def _query(facts: Json, spec: Json) -> st.SearchStrategy[dict[str, str]]:
    known = {
        each["name"]: _values(each["schema"], spec, 1).map(_text) | TEXTS
        for each in facts.get("parameters", ())
        if each["in"] == "query"
    }
    strange = {"unknown": TEXTS}
    return st.one_of(
        st.just({}),
        st.fixed_dictionaries({}, optional=known),
        st.fixed_dictionaries({}, optional=known | strange),
    )


def _text(value: Any) -> str:
    return value if isinstance(value, str) else str(value).lower()


SCALARS: Mapping[str, st.SearchStrategy[Any]] = {
    "integer": st.integers(-2, 5) | st.integers(),
    "number": st.floats(allow_nan=False, allow_infinity=False),
    "boolean": st.booleans(),
    "null": st.none(),
    "string": TEXTS,
}


def _values(schema: Json, spec: Json, depth: int) -> st.SearchStrategy[Any]:
    """Return values that a schema allows, mostly, and some that it does not."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return _values(spec["components"]["schemas"][name], spec, depth)
    for word in ("anyOf", "oneOf", "allOf"):
        if word in schema:
            return st.one_of([_values(each, spec, depth) for each in schema[word]])
    if "const" in schema:
        return st.just(schema["const"])
    if "enum" in schema:
        return st.sampled_from(schema["enum"]) | TEXTS
    return _typed(schema, spec, depth)


def _typed(schema: Json, spec: Json, depth: int) -> st.SearchStrategy[Any]:
    kind = schema.get("type")
    if depth and kind == "object":
        return _object(schema, spec, depth - 1)
    if depth and kind == "array":
        return st.lists(_values(schema.get("items", {}), spec, depth - 1), max_size=3)
    return SCALARS.get(str(kind), ANYTHING)


def _object(schema: Json, spec: Json, depth: int) -> st.SearchStrategy[Any]:
    fields = {
        name: _values(each, spec, depth)
        for name, each in schema.get("properties", {}).items()
    }
    required = set(schema.get("required", ())) & fields.keys()
    return st.fixed_dictionaries(
        {name: fields[name] for name in sorted(required)},
        optional={name: fields[name] for name in fields if name not in required},
    )
