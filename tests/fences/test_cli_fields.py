"""The command line reads no field that the service's answers do not have."""

import ast
import importlib
import pkgutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from pydantic import BaseModel

from handlers.api import schemas
from service.events import envelope, models

ROOT: Final = Path(__file__).parents[2]
READERS: Final = frozenset({"text", "number", "inner", "each", "texts", "has"})
"""The methods of `ResponseFields` that name a field."""

LOG_LINES: Final = {"phase", "text"}
"""What an event of a log's stream holds; no schema describes streams."""


def fields_of_answers() -> set[str]:
    """Return every field of a schema, and of an event's data."""
    names = [
        module.name
        for module in pkgutil.walk_packages(schemas.__path__, f"{schemas.__name__}.")
    ]
    modules = [models, envelope, *map(importlib.import_module, names)]
    found = {
        item
        for module in modules
        for item in vars(module).values()
        if isinstance(item, type) and issubclass(item, BaseModel)
    }
    return LOG_LINES | {
        field.serialization_alias or name
        for model in found
        for name, field in model.model_fields.items()
    }


def reads(source: str) -> Iterator[tuple[int, str]]:
    """Yield the fields that a file reads by name, with their lines."""
    for node in ast.walk(ast.parse(source)):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in READERS
            and node.args
            and isinstance(node.args[0], ast.Constant)
            and isinstance(node.args[0].value, str)
        ):
            yield node.lineno, node.args[0].value


def files() -> list[Path]:
    return [
        path
        for path in sorted((ROOT / "service" / "cli").rglob("*.py"))
        if "ResponseFields" in path.read_text()
    ]


@pytest.mark.parametrize("path", files(), ids=lambda path: str(path.relative_to(ROOT)))
def test_what_a_command_reads_is_a_field_of_an_answer(path: Path) -> None:
    known = fields_of_answers()

    unknown = [
        f"{path.relative_to(ROOT)}:{line}: {name}"
        for line, name in reads(path.read_text())
        if name not in known
    ]

    assert unknown == []


def test_a_field_that_no_answer_has_is_found() -> None:
    ((line, name),) = reads('fields.text("no_such_field")\n')

    assert (line, name) == (1, "no_such_field")
    assert name not in fields_of_answers()
