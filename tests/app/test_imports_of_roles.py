"""What a role has no use for it does not import: seconds of a start, and megabytes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

NOWHERE = "service.adapters.local.builder,service.adapters.renku.builder"
"""Builders, where nobody builds."""
PARSERS = "ruamel,service.definitions.registry,service.build_failures,tomlkit,rattler"
"""What reads definitions and logs: children of the sandbox, and builders."""
CLIENTS = "kubernetes_asyncio,gidgethub,gitlab,dulwich,aiosqlite"
API = "handlers.routes,handlers.page.views,jinja2"
"""What answers the REST API and shows pages: imported once it is served."""
LOOKS = "rich,pygments,markdown_it"
"""For terminals; structlog takes them wherever they are installed."""

# Without a database a role ends once its parts are imported and its settings are read.
PROGRAM = """
import sys
from pathlib import Path
from service import app
from service.errors import InvalidRequestError
from service.settings import load

try:
    app.{start}(load(data=Path({data!r})), on_ready=print)
except InvalidRequestError:
    print(*(name for name in {names!r}.split(",") if name in sys.modules))
"""

# That ends before there is an application; here one is made, of nothing that works.
APPLICATION = """
import inspect
import sys
from unittest.mock import MagicMock
from handlers.app import make_application
from handlers.route import Surface
from service.app.roles import receive

takes = inspect.signature(make_application).parameters.values()
needed = [taken.name for taken in takes if taken.default is taken.empty]
made = make_application(
    **{{name: MagicMock() for name in needed}}, parts={{Surface.{part}}}
)
assert "/livez" in [route.resource.canonical for route in made.router.routes()]
print(*(name for name in {names!r}.split(",") if name in sys.modules))
"""


def imported(folder: Path, start: str, names: str) -> list[str]:
    return printed(PROGRAM.format(start=start, names=names, data=str(folder)))


def printed(program: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={"PATH": os.defpath},  # no settings of this machine
        capture_output=True,
        check=False,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


@pytest.mark.parametrize("start", ["run_receive", "run_api"])
def test_who_never_builds_and_parses_imports_neither_builders_nor_parsers(
    tmp_path: Path, start: str
) -> None:
    names = f"{NOWHERE},{PARSERS},{CLIENTS},{LOOKS},{API}"

    assert imported(tmp_path, start, names) == []


def test_a_consumer_imports_nothing_for_a_terminal_and_no_client(
    tmp_path: Path,
) -> None:
    assert imported(tmp_path, "run_consume", f"{LOOKS},{CLIENTS},{API}") == []


def test_what_is_looked_for_is_there_to_be_found(tmp_path: Path) -> None:
    found = imported(tmp_path, "run_receive", "structlog,sqlalchemy")

    assert found == ["structlog", "sqlalchemy"]


def test_an_application_of_webhooks_alone_imports_no_api_and_no_page() -> None:
    assert printed(APPLICATION.format(part="RECEIVE", names=API)) == []


def test_an_application_of_the_api_imports_its_handlers_and_pages() -> None:
    assert printed(APPLICATION.format(part="API", names=API)) == API.split(",")
