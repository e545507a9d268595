"""The command line reads each answer as the model that its route answers with."""

import ast
import importlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest
from pydantic import BaseModel

from handlers.route import ListOf, Route
from handlers.routes import ROUTES
from service.cli.client import models
from service.cli.client.roots import root_of

ROOT: Final = Path(__file__).parents[2]
METHODS: Final = {
    "get": "GET",
    "list": "GET",
    "list_all": "GET",
    "list_history": "GET",
    "post": "POST",
    "patch": "PATCH",
}
LISTS: Final = {"list", "list_all", "list_history"}
"""The methods of `Client` that read a list of their model."""
ANYTHING: Final = "*"
"""A segment of a path that is known at run time only, such as an id."""


@dataclass(frozen=True, kw_only=True)
class Call:
    """A request in the source, and the name of the model that it reads."""

    place: str
    method: str
    path: tuple[str, ...]
    model: str
    is_list: bool

    @property
    def answer(self) -> type[BaseModel] | ListOf:
        model: type[BaseModel] = getattr(models, self.model)
        return ListOf(model) if self.is_list else model

    def is_of(self, route: Route) -> bool:
        path = f"{root_of(self.path)}/{'/'.join(self.path)}"
        pattern = re.sub(r"{\w+}", r"\\*", route.path)
        return route.method == self.method and re.fullmatch(pattern, path) is not None


def calls(source: str, name: str = "") -> Iterator[Call]:
    """Yield the requests that a file reads a model from.

    Raises:
        AssertionError: One of them cannot be compared with the routes.
    """
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        if node.func.attr not in METHODS or not _is_client(node.func.value):
            continue
        place = f"{name}:{node.lineno}"
        model, *path = node.args
        assert not any(isinstance(part, ast.Starred) for part in path), (
            f"{place}: the path is not written out"
        )
        found = re.fullmatch(r"(list\[)?models\.(\w+)\]?", ast.unparse(model))
        assert found, f"{place}: no model is named"
        yield Call(
            place=place,
            method=METHODS[node.func.attr],
            path=tuple(_segment(part) for part in path),
            model=found[2],
            is_list=node.func.attr in LISTS or found[1] is not None,
        )


def _is_client(node: ast.expr) -> bool:
    return ast.unparse(node) in {"client", "self._client"}


def _segment(node: ast.expr) -> str:
    return str(node.value) if isinstance(node, ast.Constant) else ANYTHING


def files() -> list[Path]:
    return [
        path
        for path in sorted((ROOT / "service" / "cli").rglob("*.py"))
        if "models." in path.read_text() and path.parent.name != "client"
    ]


@pytest.mark.parametrize("path", files(), ids=lambda path: str(path.relative_to(ROOT)))
def test_an_answer_is_read_as_the_model_of_its_route(path: Path) -> None:
    wrong = [
        call
        for call in calls(path.read_text(), str(path.relative_to(ROOT)))
        if [route.answer for route in ROUTES if call.is_of(route)] != [call.answer]
    ]

    assert wrong == []


def test_requests_are_found() -> None:
    assert sum(len([*calls(path.read_text())]) for path in files()) > 40


@pytest.mark.parametrize(
    "source",
    [
        pytest.param('client.get(models.Version, "usage")', id="another model"),
        pytest.param('client.get(models.Version, "no", "such")', id="no such route"),
        pytest.param('client.get(models.HookResponse, "hooks")', id="no list"),
        pytest.param('client.list(models.HookResponse, "hooks", id)', id="a list"),
    ],
)
def test_a_request_that_reads_something_else_is_found(source: str) -> None:
    (call,) = calls(source)

    assert [route.answer for route in ROUTES if call.is_of(route)] != [call.answer]


@pytest.mark.parametrize("source", ["client.get(Version, 'v')", "client.get(m, *path)"])
def test_a_request_that_cannot_be_compared_is_refused(source: str) -> None:
    with pytest.raises(AssertionError):
        list(calls(source))


def test_every_model_is_loaded_from_where_mypy_reads_it() -> None:
    tree = ast.parse(Path(models.__file__).read_text())
    imported = {
        alias.name: node.module
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and "schemas" in str(node.module)
        for alias in node.names
    }

    assert sorted(imported) == models.__all__
    for name, module in imported.items():
        assert getattr(models, name) is getattr(
            importlib.import_module(str(module)), name
        )
