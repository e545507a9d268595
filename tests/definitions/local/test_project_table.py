"""[project] of a project that pip builds, as far as its build backend reads it."""

from pathlib import Path
from typing import Final

import pytest

from tests.definitions.local.test_build_system import (
    HATCHLING,
    NAMED,
    PROJECT,
    ask,
    errors,
)
from tests.definitions.tree import read

BACKENDS: Final = {
    "setuptools": "setuptools.build_meta",
    "hatchling": "hatchling.build",
    "flit_core": "flit_core.buildapi",
    "pdm-backend": "pdm.backend",
    "poetry-core": "poetry.core.masonry.api",
}
NO_FILE: Final = '[tool.hatch.version]\npath = "nope.py"\n'
ALL: Final = frozenset(BACKENDS)
NONE: Final = frozenset[str]()
DESCRIBED: Final = f'{PROJECT}description = "x"\n'
STRICT: Final = ALL - {"flit_core", "poetry-core"}
READING: Final = ALL - {"setuptools"}
TABLES: Final = (
    (DESCRIBED, NONE),
    ('project = "x"\n', ALL),
    ('[project]\nversion = "1"\n', ALL),
    (NAMED, ALL),
    ('[project]\nname = "my demo"\nversion = "1"\n', ALL),
    (f"{NAMED}version = 1\n", ALL),
    (f'{NAMED}version = "abc"\n', ALL),
    (f'{PROJECT}dynamic = "readme"\n', ALL),
    (f'{PROJECT}dynamic = ["name"]\n', ALL),
    (f'{PROJECT}dynamic = ["version"]\n', ALL - {"poetry-core"}),
    (
        f'{PROJECT}dependencies = []\ndynamic = ["dependencies"]\n',
        {"setuptools", "hatchling", "flit_core"},
    ),
    (f'{DESCRIBED}dependencies = ["a b"]\n', STRICT),
    (f'{DESCRIBED}dependencies = "a"\n', ALL),
    (f"{DESCRIBED}dependencies = [1]\n", ALL),
    (f'{DESCRIBED}[project.optional-dependencies]\nx = ["a b"]\n', STRICT),
    (f'{DESCRIBED}[project.optional-dependencies]\nx = "a"\n', ALL),
    (f'{DESCRIBED}optional-dependencies = ["a"]\n', ALL),
    (f'{DESCRIBED}requires-python = "abc"\n', ALL - {"flit_core"}),
    (f'{DESCRIBED}requires-python = "3.x"\n', ALL - {"flit_core"}),
    (f'{DESCRIBED}requires-python = "^3.9"\n', STRICT),
    (f'{DESCRIBED}requires-python = ""\n', {"poetry-core"}),
    (f"{DESCRIBED}requires-python = 3.9\n", ALL),
    (f'{DESCRIBED}license = {{file = "NOPE"}}\n', READING),
    (f'{DESCRIBED}license = "MIT"\n', NONE),
    (f'{DESCRIBED}readme = "NOPE.md"\n', READING),
    (f'{DESCRIBED}readme = {{file = "NOPE", content-type = "text/plain"}}\n', READING),
    (f'{NAMED}dynamic = ["version", "description"]\n{NO_FILE}', {"hatchling"}),
)
"""Tables, and the backends by which they are refused."""


def system(requires: str, backend: str) -> str:
    return f'[build-system]\nrequires = ["{requires}"]\nbuild-backend = "{backend}"\n'


@pytest.mark.parametrize(("content", "refusing"), TABLES)
def test_a_project_is_refused_as_its_backend_refuses_it(
    content: str, refusing: frozenset[str]
) -> None:
    found = {
        package: errors(f"{content}{system(package, backend)}")
        for package, backend in BACKENDS.items()
    }

    assert {package for package, refused in found.items() if refused} == refusing
    for error in (error for refused in found.values() for error in refused):
        assert error.path == "lib/pyproject.toml"
        assert error.line


def test_hatchling_itself_refuses_what_is_refused_here(tmp_path: Path) -> None:
    build = system("hatchling", BACKENDS["hatchling"])
    taken = ask(HATCHLING, [f"{content}{build}" for content, _ in TABLES], tmp_path)

    assert [
        content
        for (content, refusing), is_taken in zip(TABLES, taken, strict=True)
        if is_taken != ("hatchling" not in refusing)
    ] == []


@pytest.mark.parametrize(
    ("build", "is_read"),
    [
        ("", True),
        ('[build-system]\nrequires = ["setuptools"]\n', True),
        (system("setuptools>=61,<70", "setuptools.build_meta"), True),
        (system("setuptools==61.*", "setuptools.build_meta"), True),
        (system("setuptools<61", "setuptools.build_meta"), False),
        (system("setuptools==60.2", "setuptools.build_meta"), False),
        (system("poetry-core>=1.0.0,<3", "poetry.core.masonry.api"), True),
        (system("poetry_core>=1.0.0,<2.0.0", "poetry.core.masonry.api"), False),
        (system("poetry-core>=1.0,<" + "9" * 5000, "poetry.core.masonry.api"), False),
        (system("flit_core >=2,<4", "flit_core.buildapi"), True),
        (system("flit_core >=2,<3", "flit_core.buildapi"), False),
        (system("own", "own"), False),
        (system("own", "setuptools.build_meta"), False),
    ],
)
def test_a_backend_that_does_not_read_the_table_refuses_nothing(
    build: str, *, is_read: bool
) -> None:
    assert bool(errors(f"{NAMED}{build}")) == is_read


def test_markers_without_end_and_long_numbers_are_read() -> None:
    build = system("hatchling", BACKENDS["hatchling"])
    deep = "a; " + "(" * 50_000
    long = "1" * 10_000

    assert not errors(f'{PROJECT}dependencies = ["{deep}"]\n{build}')
    assert not errors(f"{PROJECT}{build}".replace('"hatchling"', f'"{deep}"'))
    assert errors(f'{NAMED}version = "{long}"\n{build}')


def test_a_requirement_among_many_has_its_own_line() -> None:
    build = system("hatchling", BACKENDS["hatchling"])
    [error] = errors(f'{PROJECT}dependencies = [\n"six",\n"a b",\n]\n{build}')

    assert (error.code, error.line) == ("project_invalid", 6)


@pytest.mark.parametrize(
    "files",
    [
        {"requirements.txt": "."},
        {"requirements.txt": "-e ."},
        {"environment.yml": "dependencies: [pip, {pip: [-e .]}]"},
    ],
)
def test_a_project_is_checked_wherever_pip_installs_it(files: dict[str, str]) -> None:
    build = system("hatchling", BACKENDS["hatchling"])
    found = read({**files, "pyproject.toml": f"{NAMED}{build}"})

    assert "project_field_missing" in {finding.code for finding in found.findings}


def test_a_pyproject_toml_of_pip_is_checked() -> None:
    found = read(
        {
            "pyproject.toml": '[build-system]\nbuild-backend = "setuptools.build_meta"',
            "setup.py": "",
        }
    )

    assert "build_system_invalid" in {finding.code for finding in found.findings}


def test_a_file_that_appears_is_a_change() -> None:
    build = system("hatchling", BACKENDS["hatchling"])
    content = f'{DESCRIBED}license = {{file = "../TERMS"}}\n{build}'

    def fingerprint(**others: str) -> str:
        files = {"requirements.txt": "./lib", "lib/pyproject.toml": content}
        return str(read({**files, **others}).fingerprint)

    assert errors(content)
    assert not errors(content, {"TERMS": ""})
    assert fingerprint() != fingerprint(TERMS="")
