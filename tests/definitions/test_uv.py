"""What uv refuses is said before the build, and nothing else is: uv itself is asked."""

import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
from uv import find_uv_bin

from service.domain.findings import Finding, Severity
from service.domain.tools import Tools
from tests.definitions.tree import Files, read
from tests.definitions.uv_cases import LOCK, PROJECT, PROJECTS

HERE = Tools(uv=version("uv"))


def errors(files: Files) -> list[Finding]:
    found = read(files, tools=HERE)
    return [it for it in found.findings if it.severity is Severity.ERROR]


@pytest.mark.parametrize(
    ("content", "lock", "others", "is_refused"),
    [pytest.param(*case, id=name) for name, *case in PROJECTS],
)
def test_a_project_is_refused_as_uv_refuses_it(
    content: str, lock: str, others: dict[str, str], *, is_refused: bool
) -> None:
    found = errors({"pyproject.toml": content, "uv.lock": lock, **others})

    assert bool(found) == is_refused, found
    assert all(it.line for it in found)


def test_uv_itself_refuses_what_is_refused_here(tmp_path: Path) -> None:
    differing = []
    for name, content, lock, others, is_refused in PROJECTS:
        folder = tmp_path / name
        folder.mkdir()
        files = {"pyproject.toml": content, "uv.lock": lock, **others}
        for path, text in files.items():
            (folder / path).write_text(text)
        if (_sync(folder) != 0) != is_refused:
            differing.append(name)

    assert not differing


def _sync(folder: Path) -> int:
    argv = [find_uv_bin(), "sync", "--frozen", "--no-dev", "--dry-run", "--offline"]
    argv += [f"--python={sys.executable}", "--quiet"]
    return subprocess.run(argv, cwd=folder, check=False, capture_output=True).returncode


@pytest.mark.parametrize("builder", ["hatchling.build", "uv_build"])
def test_a_readme_that_is_named_and_missing_ends_the_build(builder: str) -> None:
    built = f'[build-system]\nrequires = []\nbuild-backend = "{builder}"\n'
    content = f'{PROJECT}readme = "README.md"\n{built}'
    files = {"pyproject.toml": content, "uv.lock": LOCK}

    assert [it.code for it in errors(files)] == ["readme_missing"]
    assert not errors({**files, "README.md": ""})
    assert not errors({**files, "pyproject.toml": f'{PROJECT}readme = "README.md"\n'})


def test_an_unknown_uv_is_not_compared() -> None:
    content = f'{PROJECT}[tool.uv]\nrequired-version = ">=99"\n'
    found = read({"pyproject.toml": content, "uv.lock": LOCK})

    assert not found.findings
