"""Which Python a definition gets."""

from collections.abc import Callable
from pathlib import Path

import pytest
from packaging.version import Version

from service.adapters.local.interpreters import Python, fitting, nearest, to_specifiers
from service.adapters.local.worker.environment import search_path

MACHINE = tuple(
    Python(version=Version(name), path=Path(f"/{name}"))
    for name in ("3.13.0", "3.11.7", "3.10.13", "3.9.18")
)


@pytest.fixture
def folder(tmp_path: Path) -> Callable[..., str]:
    """Makes a folder of programs that answer as interpreters do."""

    def make(**answers: str) -> str:
        for name, answer in answers.items():
            path = tmp_path / f"python3.{name.removeprefix('v')}"
            path.write_text(f"#!/bin/sh\necho {answer}\n")
            path.chmod(0o755)
        return str(tmp_path)

    return make


@pytest.mark.parametrize(
    ("there", "chosen"),
    [
        pytest.param((9, 10, 11), "3.10.1", id="the wanted one"),
        pytest.param((9, 11, 13), "3.11.1", id="the next newer"),
        pytest.param((8, 9), "3.9.1", id="the newest older"),
        pytest.param((), None, id="none"),
    ],
)
def test_the_nearest_python(
    folder: Callable[..., str], there: tuple[int, ...], chosen: str | None
) -> None:
    search = folder(**{f"v{minor}": f"CPython 3.{minor}.1" for minor in there})
    python = nearest("3.10", search)

    assert (str(python.version) if python else None) == chosen


def test_what_is_no_cpython_or_does_not_run_is_passed_over(
    folder: Callable[..., str],
) -> None:
    search = folder(v10="PyPy 3.10.1", v11="CPython 3.11.0rc1", v12="CPython 3.12.4")
    python = nearest("3.10", search)

    assert python is not None
    assert str(python.version) == "3.12.4"


@pytest.mark.parametrize(
    ("constraint", "chosen"),
    [
        pytest.param("^3.10", "3.13.0", id="caret"),
        pytest.param("~3.11", "3.11.7", id="tilde"),
        pytest.param(">=3.9,<3.11", "3.10.13", id="range"),
        pytest.param(">=3.9 <3.11", "3.10.13", id="range without a comma"),
        pytest.param("3.9.*", "3.9.18", id="wildcard"),
        pytest.param("<3.10 || ~3.10.1", "3.10.13", id="either"),
        pytest.param("*", "3.13.0", id="any"),
        pytest.param("~=3.10.0", "3.10.13", id="compatible"),
        pytest.param("^3.99", None, id="none fits"),
        pytest.param("three", "3.13.0", id="unreadable: the tool will say so"),
    ],
)
def test_the_newest_python_that_a_project_allows(
    constraint: str, chosen: str | None
) -> None:
    python = fitting(constraint, MACHINE)

    assert (str(python.version) if python else None) == chosen


@pytest.mark.parametrize(
    ("constraint", "meaning"),
    [
        ("^3.10", ">=3.10,<4"),
        ("^3.10.2", ">=3.10.2,<4"),
        ("~3.10", ">=3.10,<3.11"),
        ("~3", ">=3,<4"),
    ],
)
def test_carets_and_tildes_are_ranges(constraint: str, meaning: str) -> None:
    (specifiers,) = to_specifiers(constraint)

    assert set(str(specifiers).split(",")) == set(meaning.split(","))


def test_shims_give_way_to_what_they_stand_for(tmp_path: Path) -> None:
    for version in ("3.9.1", "3.10.2", "2.7.18", "3.13t"):
        (tmp_path / "versions" / version / "bin").mkdir(parents=True)
    (tmp_path / "shims").mkdir()
    path = search_path(f"{tmp_path}/shims:/usr/bin")

    versions = tmp_path / "versions"
    assert path == f"{versions}/3.10.2/bin:{versions}/3.9.1/bin:/usr/bin"
