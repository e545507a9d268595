"""Ask poetry itself what it makes of projects; runs with poetry's own interpreter.

Standard input names folders, one a line; standard output says why each is refused, as
JSON: an empty text for one that is not. This is what `poetry install --only main` does
before it solves, and what it does to install the project itself.
"""
# mypy: disable-error-code="import-not-found"

import json
import logging
import sys
from pathlib import Path

import fastjsonschema
from cleo.io.null_io import NullIO
from poetry.config import config
from poetry.core.masonry.utils.module import ModuleOrPackageNotFound
from poetry.factory import Factory
from poetry.masonry.builders.editable import EditableBuilder
from poetry.utils.env import VirtualEnv

COMPILE = fastjsonschema.compile
COMPILED: dict[str, object] = {}
ENV = VirtualEnv(Path(sys.argv[1]))
"""Another environment than its own: a builder removes what is there by its name."""


def compile_once(schema: object) -> object:
    """Compile a schema, which poetry does anew for each project and takes longest."""
    key = json.dumps(schema)
    if key not in COMPILED:
        COMPILED[key] = COMPILE(schema)
    return COMPILED[key]


def refusal(folder: Path) -> str:
    """Return why a project is refused; empty for one that is not."""
    # It adds the sources of each project to one list, and parses the whole list again.
    config._default_config = None
    try:
        poetry = Factory().create_poetry(folder)
        if not poetry.package.has_dependency_group("main"):
            return "no group main"
        if poetry.is_package_mode:
            EditableBuilder(poetry, ENV, NullIO()).build()
    except (ModuleOrPackageNotFound, FileNotFoundError):
        return ""  # version 1 warns, and goes on
    except Exception as exc:  # noqa: BLE001 - poetry ends with whatever it is
        return f"{type(exc).__name__}: {exc}"
    return ""


if __name__ == "__main__":
    logging.disable()
    fastjsonschema.compile = compile_once
    for line in sys.stdin:
        # Marked: build scripts that poetry runs write to the same place.
        answer = json.dumps(refusal(Path(line.rstrip("\n"))))
        print(f"\nrefusal {answer}")  # noqa: T201
