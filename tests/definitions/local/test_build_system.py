"""[build-system] and [project] of a project that pip builds, held against the tools.

Pip itself and hatchling are asked; what the other backends refuse was tried with
setuptools 84, flit_core 4.2, pdm-backend 2.5 and poetry-core 2.5.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from service.domain.findings import Finding, Severity
from tests.definitions.tree import Files, read

NAMED: Final = '[project]\nname = "demo"\n'
PROJECT: Final = f'{NAMED}version = "1"\n'
SETUPTOOLS: Final = '[build-system]\nrequires = ["setuptools"]\n'
OWN: Final = '[build-system]\nrequires = []\nbuild-backend = "own"\n'
SYSTEMS: Final = (
    ("", ""),
    (SETUPTOOLS, ""),
    (f'{SETUPTOOLS}build-backend = "setuptools.build_meta"\n', ""),
    (f'{SETUPTOOLS}build-backend = "setuptools.build_meta:__legacy__"\n', ""),
    (f'{OWN}backend-path = ["build"]\n', ""),
    (f'{OWN}backend-path = ["./build/", "gone"]\n', ""),
    (f'{OWN}backend-path = ["build/../build"]\n', ""),
    (f'{OWN}backend-path = ["../lib/build"]\n', ""),
    ('build-system = "x"\n', "build-system"),
    ("build-system = 1\n", "build-system"),
    ("[build-system]\n", "requires"),
    ('[build-system]\nbuild-backend = "setuptools.build_meta"\n', "requires"),
    ('[build-system]\nrequires = "setuptools"\n', "list of strings"),
    ("[build-system]\nrequires = [1]\n", "list of strings"),
    ('[build-system]\nrequires = [\n"six",\n"set up"]\n', "set up"),
    (f"{SETUPTOOLS}build-backend = 1\n", "build-backend"),
    (f'{SETUPTOOLS}build-backend = ""\n', "build-backend"),
    (f'{SETUPTOOLS}build-backend = ":x"\n', "build-backend"),
    (f"{OWN}backend-path = 1\n", "backend-path"),
    (f"{OWN}backend-path = [1]\n", "backend-path"),
    (f'{OWN}backend-path = ["gone"]\n', "not there"),
    (f'{OWN}backend-path = ["../build"]\n', "outside"),
    (f'{OWN}backend-path = ["/build"]\n', "outside"),
    (f'{OWN}backend-path = ["build", "../.."]\n', "outside"),
)
"""Each with a word of what is reported; with none where pip takes it."""

PIP: Final = """
import json, os, sys
from pip._internal.exceptions import PipError
from pip._internal.pyproject import load_pyproject_toml
from pip._vendor.pyproject_hooks import BuildBackendHookCaller

def takes(folder):
    try:
        found = load_pyproject_toml(
            os.path.join(folder, "pyproject.toml"), os.path.join(folder, "setup.py"), ""
        )
        caller = BuildBackendHookCaller(folder, found.backend, found.backend_path)
        with caller.subprocess_runner(run):
            caller.get_requires_for_build_wheel()
    except Exception:
        return False
    return True

def run(cmd, cwd=None, extra_environ=None):
    import subprocess
    subprocess.run(cmd, cwd=cwd, env={**os.environ, **extra_environ}, check=True)

print(json.dumps([takes(folder) for folder in json.loads(sys.argv[1])]))
"""
HATCHLING: Final = """
import json, os, sys
from hatchling.build import build_wheel

def takes(folder):
    os.chdir(folder)
    try:
        build_wheel(folder)
    except Exception:
        return False
    return True

print(json.dumps([takes(folder) for folder in json.loads(sys.argv[1])]))
"""


def errors(pyproject: str, others: Files | None = None) -> list[Finding]:
    files: dict[str, str | bytes] = {
        "requirements.txt": "./lib\n",
        "lib/pyproject.toml": pyproject,
        "lib/build/own.py": "",
        "lib/demo/__init__.py": "",
    }
    found = read({**files, **(others or {})})
    assert all(finding.path for finding in found.findings)
    return [finding for finding in found.findings if finding.severity is Severity.ERROR]


def ask(program: str, texts: list[str], folder: Path) -> list[bool]:
    folders = []
    for place, content in enumerate(texts):
        project = folder / str(place) / "lib"
        for name in ("build/own.py", "demo/__init__.py"):
            (project / name).parent.mkdir(parents=True)
            (project / name).write_text("")
        (project / "pyproject.toml").write_text(content)
        folders.append(str(project))
    done = subprocess.run(
        [sys.executable, "-c", program, json.dumps(folders)],
        check=True,
        capture_output=True,
        text=True,
    )
    taken: list[bool] = json.loads(done.stdout.splitlines()[-1])
    return taken


@pytest.mark.parametrize(("content", "word"), SYSTEMS)
def test_a_build_system_is_refused_as_pip_refuses_it(content: str, word: str) -> None:
    found = errors(content)

    if not word:
        assert not found
        return
    [error] = found
    assert (error.code, error.path) == ("build_system_invalid", "lib/pyproject.toml")
    assert word in error.message
    assert error.line


def test_pip_itself_refuses_what_is_refused_here(tmp_path: Path) -> None:
    taken = ask(PIP, [content for content, _ in SYSTEMS], tmp_path)

    assert [
        content
        for (content, word), is_taken in zip(SYSTEMS, taken, strict=True)
        if is_taken != (not word)
    ] == []


def test_a_requirement_of_many_lines_has_its_own() -> None:
    [error] = errors('[build-system]\nrequires = [\n"six",\n"set up"]\n')

    assert error.line == 4


def test_a_backend_that_nobody_installs_is_reported() -> None:
    """Tried with pip 26.3, the environments of which hold what is required alone."""
    assert [error.code for error in errors(OWN)] == ["build_system_invalid"]
