"""The recorded refusals are those of poetry 1.8.3 itself, asked anew."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from uv import find_uv_bin

from service.definitions.poetry.git_urls import is_git_url
from tests.definitions.poetry_cases import (
    FORMS,
    PROJECTS,
    VERSIONS,
    with_form,
    with_version,
)
from tests.definitions.poetry_git_urls import GIT_URLS, some_git_urls
from tests.definitions.poetry_metadata import METADATA
from tests.definitions.poetry_packages import PACKAGES, with_packages
from tests.definitions.poetry_suggestions import SUGGESTIONS
from tests.definitions.tree import read

CASES = [
    *((text, with_version(text), {}, refused) for text, refused in VERSIONS),
    *((text, with_form(text), {}, refused) for text, refused in FORMS),
    *PROJECTS,
    *METADATA,
    *(
        (line, files["pyproject.toml"], files, refused)
        for name, line, paths, refused in PACKAGES
        for files in [with_packages(name, line, paths)]
    ),
]


def _run(*argv: str) -> None:
    subprocess.run(argv, check=True, capture_output=True)


@pytest.mark.index
def test_poetry_itself_refuses_what_is_refused_here(
    poetry_python: Path, tmp_path: Path
) -> None:
    into = tmp_path / "into"
    _run(find_uv_bin(), "venv", "--quiet", f"--python={sys.executable}", str(into))
    folders = []
    for place, (_, content, others, _) in enumerate(CASES):
        folder = tmp_path / str(place)
        files = {"pyproject.toml": content, "demo/__init__.py": "", **others}
        for path, text in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text)
        folders.append(str(folder))

    said = subprocess.run(
        [poetry_python, "-P", Path(__file__).with_name("poetry_itself.py"), into],
        input="\n".join(folders),
        capture_output=True,
        check=True,
        text=True,
        env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"},
    ).stdout.splitlines()

    refusals = [
        json.loads(line.removeprefix("refusal "))
        for line in said
        if line.startswith("refusal ")
    ]
    assert [
        (name, refusal)
        for (name, _, _, refused), refusal in zip(CASES, refusals, strict=True)
        if bool(refusal) != ("1" in refused)
    ] == []


@pytest.mark.index
def test_poetry_itself_reads_the_addresses_that_are_read_here(
    poetry_python: Path,
) -> None:
    urls = [url for url, _ in GIT_URLS] + some_git_urls(seed=1, count=20_000)

    said = subprocess.run(
        [poetry_python, "-P", Path(__file__).with_name("poetry_git_itself.py")],
        input=json.dumps(urls),
        capture_output=True,
        check=True,
        text=True,
    ).stdout

    answers: list[bool] = json.loads(said)
    assert sum(answers) > 5000
    assert [
        url
        for url, is_read in zip(urls, answers, strict=True)
        if is_read != is_git_url(url, major=1)
    ] == []
    assert [
        url
        for (url, refused), is_read in zip(GIT_URLS, answers, strict=False)
        if is_read != ("1" not in refused)
    ] == []


def _mended(rest: str) -> str:
    """Return a project with the lines that its finding suggests."""
    content = f'[project]\nname = "a"\nversion = "1"\n{rest}\n'
    [message] = [
        finding.message
        for finding in read({"pyproject.toml": content}).findings
        if finding.code == "poetry_table_missing"
    ]
    lines = message.partition("add under [tool.poetry]: ")[2]
    lines = lines.partition(", or commit")[0].partition(" (without")[0]
    return f"{content}[tool.poetry]\n" + lines.replace(" and ", "\n", 1)


@pytest.mark.index
def test_poetry_itself_reads_the_lines_that_are_suggested(
    poetry_python: Path, tmp_path: Path
) -> None:
    folders = []
    for place, (_, rest, _) in enumerate(SUGGESTIONS):
        folder = tmp_path / str(place)
        folder.mkdir()
        (folder / "pyproject.toml").write_text(_mended(rest))
        folders.append(str(folder))

    answers = subprocess.run(
        [poetry_python, "-P", Path(__file__).with_name("poetry_reads_itself.py")],
        input="\n".join(folders),
        capture_output=True,
        check=True,
        text=True,
    ).stdout.splitlines()

    assert [
        (name, (python if wanted != "3.11.9" or not is_allowed else wanted, names))
        for (name, _, (wanted, _)), answer in zip(SUGGESTIONS, answers, strict=True)
        for python, is_allowed, names in [json.loads(answer)]
    ] == [(name, asked) for name, _, asked in SUGGESTIONS]
