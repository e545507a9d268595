"""The import contracts leave nothing out: a file beside the layers breaks them."""

import shutil
import subprocess
import sys
import tomllib
from configparser import ConfigParser
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Final

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT: Final = Path(__file__).parents[2]
PACKAGES: Final = ("service", "handlers", "consumers")
WITHOUT_A_HOME: Final = {
    "cachetools",
    "multidict",
    "msgspec",
    "packaging",
    "pydantic",
    "structlog",
}
"""Libraries of values, caches and logs, without I/O: anywhere above the domain."""
WITHOUT_AN_IMPORT: Final = {"uv", "yarl"}
"""uv is a program that is started; URLs of yarl are what other libraries take."""

PROBES: Final = [
    ("service/probe.py", "import handlers.app", "Imports point one way"),
    ("service/probe/inner.py", "import consumers.runner", "Imports point one way"),
    ("service/probe.py", "", "Imports point one way"),
    (
        "service/domain/probe.py",
        "import handlers.app",
        "Nothing below the application imports what drives it",
    ),
    (
        "service/usecases/probe.py",
        "import service.adapters.retry",
        "Imports point one way",
    ),
    (
        "service/adapters/probe.py",
        "import handlers.app",
        "What drives the service is composed by the application alone",
    ),
    (
        "consumers/probe.py",
        "import service.app.http",
        "What drives the service is composed by the application alone",
    ),
    (
        "service/adapters/gitea/probe.py",
        "import service.adapters.github.client",
        "Adapters of one port are independent",
    ),
    (
        "service/adapters/local/probe.py",
        "import service.adapters.kubernetes.errors",
        "Builders are independent",
    ),
    (
        "handlers/usecases/probe.py",
        "import handlers.app_keys",
        "Use cases know no HTTP",
    ),
    ("handlers/usecases/probe.py", "import aiohttp", "Use cases know no HTTP"),
    (
        "handlers/webhooks/probe.py",
        "import handlers.api.openapi",
        "Webhooks do not import the REST API",
    ),
    (
        "handlers/api/probe.py",
        "import handlers.webhooks.body",
        "The REST API does not import webhooks",
    ),
    (
        "handlers/page/probe.py",
        "import handlers.api.openapi",
        "The pages import neither the REST API nor webhooks",
    ),
    (
        "handlers/usecases/probe.py",
        "import handlers.page.words",
        "Webhooks, the REST API and use cases do not import the pages",
    ),
    (
        "service/usecases/probe.py",
        "import aiohttp",
        "HTTP is spoken by handlers, clients and the application",
    ),
    (
        "service/domain/probe.py",
        "import pydantic",
        "The domain imports the standard library only",
    ),
]


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("contracts")
    for package in PACKAGES:
        shutil.copytree(
            ROOT / package,
            folder / package,
            ignore=shutil.ignore_patterns("__pycache__"),
        )
    shutil.copy(ROOT / ".importlinter", folder)
    return folder


def broken_contracts(folder: Path) -> list[str]:
    """Run lint-imports in a folder and list the contracts that are broken."""
    result = subprocess.run(
        [
            sys.executable,
            "-c",
            "from importlinter.cli import lint_imports_command; lint_imports_command()",
            "--no-logo",
        ],
        cwd=folder,
        env={"COLUMNS": "200", "PYTHONPATH": str(folder), "PYTHONUTF8": "1"},
        capture_output=True,
        check=False,
        text=True,
    )
    assert "Contracts:" in result.stdout, result.stdout + result.stderr
    lines = result.stdout.splitlines()
    return [line.split(" BROKEN")[0] for line in lines if " BROKEN" in line]


def test_the_copy_keeps_every_contract(copy: Path) -> None:
    assert broken_contracts(copy) == []


@pytest.mark.parametrize(("path", "statement", "contract"), PROBES)
def test_a_wrong_import_breaks_its_contract(
    copy: Path, path: str, statement: str, contract: str
) -> None:
    probe = copy / path
    is_new_folder = not probe.parent.exists()
    probe.parent.mkdir(exist_ok=True)
    if is_new_folder:
        (probe.parent / "__init__.py").touch()
    probe.write_text(f'"""A file that is on no layer."""\n{statement}\n')
    try:
        assert contract in broken_contracts(copy)
    finally:
        shutil.rmtree(probe.parent) if is_new_folder else probe.unlink()


def modules_of_dependencies() -> set[str]:
    """List the top-level modules of the libraries that the project depends on."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    names = {
        canonicalize_name(Requirement(entry).name) for entry in project["dependencies"]
    }
    return {
        module
        for module, distributions in packages_distributions().items()
        if names & {canonicalize_name(name) for name in distributions}
        and module.isidentifier()
        and not module.startswith("_")
    }


def contract_values(kind: str, field: str) -> set[str]:
    contracts = ConfigParser()
    contracts.read(ROOT / ".importlinter")
    return {
        value
        for section in contracts.values()
        if section.get("type") == kind
        for value in section.get(field, "").split()
    }


def test_every_library_has_a_home_or_is_named_as_one_without() -> None:
    homes = contract_values("protected", "protected_modules")

    missing = modules_of_dependencies() - homes - WITHOUT_A_HOME - WITHOUT_AN_IMPORT
    assert missing == set()


def test_the_domain_is_forbidden_every_library() -> None:
    forbidden = contract_values("forbidden", "forbidden_modules")

    assert modules_of_dependencies() - forbidden == set()
