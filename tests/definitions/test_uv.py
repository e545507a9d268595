"""What uv refuses is said before the build, and nothing else is: uv itself is asked."""

import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
from uv import find_uv_bin

from service.domain.building.tools import Tools
from service.domain.definition import Kind
from service.domain.findings import Finding, Severity
from tests.definitions.tree import Files, read
from tests.definitions.uv_cases import LOCK, PROJECT, PROJECTS
from tests.definitions.uv_settings import VERSIONS
from tests.definitions.uv_tables import IGNORED, READ

HERE = Tools(uv=version("uv"))


def errors(files: Files) -> list[Finding]:
    found = read(files, tools=HERE)
    return [finding for finding in found.findings if finding.severity is Severity.ERROR]


@pytest.mark.parametrize(
    ("content", "lock", "others", "is_refused"),
    [pytest.param(*case, id=name) for name, *case in PROJECTS],
)
def test_a_project_is_refused_as_uv_refuses_it(
    content: str, lock: str, others: dict[str, str], *, is_refused: bool
) -> None:
    found = errors({"pyproject.toml": content, "uv.lock": lock, **others})

    assert bool(found) == is_refused, found
    assert all(finding.line for finding in found)


def test_uv_itself_refuses_what_is_refused_here(tmp_path: Path) -> None:
    differing = []
    for place, (name, content, lock, others, is_refused) in enumerate(PROJECTS):
        folder = tmp_path / str(place)
        folder.mkdir()
        files = {"pyproject.toml": content, "uv.lock": lock, **others}
        for path, text in files.items():
            (folder / path).write_text(text)
        if (_sync(folder, home=tmp_path) != 0) != is_refused:
            differing.append(name)

    assert not differing


def _sync(folder: Path, *, home: Path) -> int:
    return _ask(folder, home=home)[0]


def _ask(folder: Path, *, home: Path) -> tuple[int, str]:
    """Return what uv ends with, and what it says."""
    argv = [find_uv_bin(), "sync", "--frozen", "--no-dev", "--dry-run", "--offline"]
    # The one Python that it may find is that of the tests. With one home for all
    # projects it asks that Python once what it is.
    variables = {
        "PATH": str(Path(sys.base_prefix) / "bin"),
        "HOME": str(home),
        "TMPDIR": str(home),
        "UV_PYTHON_DOWNLOADS": "never",
    }
    done = subprocess.run(
        argv, cwd=folder, check=False, capture_output=True, text=True, env=variables
    )
    return done.returncode, done.stderr


def test_a_lock_of_two_megabytes_counts_by_what_is_installed() -> None:
    wheel = LOCK.partition('\n[[package]]\nname = "six"')[2]
    others = "".join(
        f'\n[[package]]\nname = "only-for-developers-{number}"{wheel}'
        for number in range(4_000)
    )
    project = {"pyproject.toml": PROJECT}
    large = read({**project, "uv.lock": LOCK + others}, tools=HERE)
    edited = {**project, "uv.lock": LOCK + others.replace("b7/ce", "ce/b7")}
    moved = {**project, "uv.lock": LOCK.replace("4721f", "4721e") + others}

    assert len(others) > 2 * 1024 * 1024
    assert not large.findings
    assert read(edited, tools=HERE).meaning == large.meaning
    assert read(moved, tools=HERE).meaning != large.meaning


@pytest.mark.parametrize("name", ["pyproject.toml", "uv.toml"])
def test_directories_of_archives_count_and_are_no_projects(
    name: str, tmp_path: Path
) -> None:
    line = 'find-links = ["wheels"]\n'
    written = f"{PROJECT}[tool.uv]\n{line}" if name == "pyproject.toml" else line
    files = {"pyproject.toml": PROJECT, "uv.lock": LOCK, name: written}
    wheel = {"wheels/six-1.17.0-py2.py3-none-any.whl": "x"}

    assert not errors({**files, **wheel})
    assert [error.code for error in errors(files)] == ["missing_include"]
    one, other = (read({**files, **dict.fromkeys(wheel, char)}) for char in "xy")
    assert one.meaning != other.meaning
    for path, text in files.items():
        (tmp_path / path).write_text(text)
    assert _sync(tmp_path, home=tmp_path) != 0
    (tmp_path / "wheels").mkdir()
    assert _sync(tmp_path, home=tmp_path) == 0


def test_a_python_version_that_is_not_utf_8_is_an_error(tmp_path: Path) -> None:
    files: Files = {"pyproject.toml": PROJECT, "uv.lock": LOCK}
    raw = b"3.11\n# \xff\n"
    [error] = errors({**files, ".python-version": raw})

    assert (error.code, error.path, error.line) == (
        "syntax_error",
        ".python-version",
        2,
    )
    (tmp_path / "pyproject.toml").write_text(PROJECT)
    (tmp_path / "uv.lock").write_text(LOCK)
    (tmp_path / ".python-version").write_bytes(raw)
    assert "valid UTF-8" in _ask(tmp_path, home=tmp_path)[1]


def test_what_uv_ignores_in_a_python_version_is_a_warning(tmp_path: Path) -> None:
    files = {"pyproject.toml": PROJECT, "uv.lock": LOCK}
    for path, text in files.items():
        (tmp_path / path).write_text(text)
    differing = []
    for asked, _ in VERSIONS:
        (tmp_path / ".python-version").write_text(asked)
        is_ignored = "Ignoring unsupported" in _ask(tmp_path, home=tmp_path)[1]
        found = read({**files, ".python-version": asked}, tools=HERE).findings
        if is_ignored != ("python_ignored" in {finding.code for finding in found}):
            differing.append(asked)

    assert not differing


def test_a_python_version_counts_behind_what_uv_ignores() -> None:
    def meaning(asked: str) -> object:
        files = {"pyproject.toml": PROJECT, "uv.lock": LOCK, ".python-version": asked}
        return read(files, tools=HERE).meaning

    assert meaning("myenv\n3.12\n") != meaning("myenv\n3.13\n")
    assert meaning("3.12\n3.11\n") == meaning("3.12\n3.13\n")


@pytest.mark.parametrize("builder", ["hatchling.build", "uv_build"])
def test_a_readme_that_is_named_and_missing_ends_the_build(builder: str) -> None:
    built = f'[build-system]\nrequires = []\nbuild-backend = "{builder}"\n'
    content = f'{PROJECT}readme = "README.md"\n{built}'
    files = {"pyproject.toml": content, "uv.lock": LOCK}

    assert [error.code for error in errors(files)] == ["readme_missing"]
    assert not errors({**files, "README.md": ""})
    assert not errors({**files, "pyproject.toml": f'{PROJECT}readme = "README.md"\n'})


@pytest.mark.parametrize("line", IGNORED)
def test_settings_that_uv_ignores_are_a_warning_and_no_error(
    line: str, tmp_path: Path
) -> None:
    files = {"pyproject.toml": f"{PROJECT}[tool.uv]\n{line}\n", "uv.lock": LOCK}
    (warning,) = read(files, tools=HERE).findings

    assert warning.code == "uv_settings_ignored"
    assert warning.severity is Severity.WARNING
    assert warning.line in {7, 8}
    assert _ignores_settings(tmp_path, files)


@pytest.mark.parametrize("line", READ)
def test_settings_that_uv_reads_are_not_said_to_be_ignored(
    line: str, tmp_path: Path
) -> None:
    files = {"pyproject.toml": f"{PROJECT}[tool.uv]\n{line}\n", "uv.lock": LOCK}

    assert not read(files, tools=HERE).findings
    assert not _ignores_settings(tmp_path, files)


def _ignores_settings(folder: Path, files: dict[str, str]) -> bool:
    """Return whether uv warns that it ignores the settings, and goes on."""
    for path, text in files.items():
        (folder / path).write_text(text)
    status, said = _ask(folder, home=folder)
    assert status == 0, said
    return "during settings discovery" in said


def test_an_unknown_uv_is_not_compared() -> None:
    content = f'{PROJECT}[tool.uv]\nrequired-version = ">=99"\n'
    found = read({"pyproject.toml": content, "uv.lock": LOCK})

    assert not found.findings


def test_a_required_version_that_is_met_is_no_meaning() -> None:
    files = {"pyproject.toml": PROJECT, "uv.lock": LOCK}
    asking = {**files, "pyproject.toml": f'{PROJECT}[tool.uv]\nrequired-version = ">0"'}

    assert read(asking, tools=HERE).meaning == read(files, tools=HERE).meaning
    unknown = Tools(uv="")
    assert read(asking, tools=unknown).meaning != read(files, tools=unknown).meaning


@pytest.mark.parametrize(
    ("default", "group", "is_same"),
    [
        ('["test"]', "test", False),
        ('["test"]', "dev", True),
        ('["test"]', "docs", True),
        ('"all"', "docs", False),
        ('["of-docs"]', "docs", False),
    ],
)
def test_the_python_of_an_installed_group_counts(
    default: str, group: str, *, is_same: bool
) -> None:
    groups = 'test=[]\ndev=[]\ndocs=[]\nof-docs=[{include-group="docs"}]\n'
    content = f"{PROJECT}\n[dependency-groups]\n{groups}[tool.uv]\n"
    content += f"default-groups={default}\n"
    asking = f'{content}dependency-groups={{{group}={{requires-python=">=3.12"}}}}\n'
    before = read({"pyproject.toml": content, "uv.lock": LOCK})
    after = read({"pyproject.toml": asking, "uv.lock": LOCK})

    assert (before.meaning == after.meaning) is is_same
    assert (after.python == before.python) is is_same


def test_uv_passes_over_a_byte_order_mark(tmp_path: Path) -> None:
    files = {"pyproject.toml": PROJECT, "uv.lock": LOCK, "uv.toml": "offline = true\n"}
    marked: Files = {path: f"\ufeff{content}" for path, content in files.items()}

    assert not errors(marked)
    assert read(marked).meaning == read(files).meaning
    for path, content in marked.items():
        (tmp_path / path).write_text(str(content))
    assert _sync(tmp_path, home=tmp_path) == 0


def test_poetry_refuses_a_byte_order_mark_also_beside_a_lock_of_uv() -> None:
    dependencies = '[tool.poetry.dependencies]\npython = "~3.12"\n'
    project = f"[tool.poetry]\npackage-mode = false\n{dependencies}"
    files = {"pyproject.toml": project, "uv.lock": LOCK}
    marked = {**files, "pyproject.toml": f"\ufeff{project}"}

    assert read(files).kind is read(marked).kind is Kind.POETRY
    assert not errors(files)
    assert [error.code for error in errors(marked)] == ["syntax_error"]
    # Its builds fail, and the mended one is another.
    assert read(marked).meaning != read(files).meaning


def test_what_builds_a_package_refuses_a_byte_order_mark() -> None:
    built = (
        '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"'
    )
    files = {"pyproject.toml": f"\ufeff{PROJECT}{built}", "uv.lock": LOCK}

    assert "syntax_error" in {error.code for error in errors(files)}
