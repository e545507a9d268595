"""README's recipes run as they are written.

Every line of every block is run in a shell, or stands in `NOT_RUN` with the reason.
Names in capitals are filled in, and repositories that are not ours are replaced by one
of this machine.
"""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from scripts.docs import ROOT
from tests.cli.living import Living, living
from tests.cli.repositories import a_repository, commit
from tests.docs.reading import Page

pytestmark = pytest.mark.xdist_group("living")

PAGE: Final = Page("README.md")
NOT_RUN: Final = {
    "make demo": "tests/cli/demo/test_command.py runs it",
    "make run": "the service of this test runs it: `relaunch dev`",
    "relaunch launcher start course": "opens a browser, and stays",
}
ACTIVATE: Final = ". .venv/bin/activate"


def recipes() -> list[str]:
    """Return the lines of all blocks, without their comments."""
    lines = [line for _, text in PAGE.blocks() for line in text.splitlines()]
    return [re.sub(r"\s+#.*$", "", line).strip() for line in lines]


def test_readme_has_no_block_of_another_kind() -> None:
    assert PAGE.fenced() == []


def test_what_is_not_run_is_there() -> None:
    assert set(NOT_RUN) <= set(recipes())


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Living]:
    with living(tmp_path_factory.mktemp("readme")) as found:
        yield found


class Shell:
    """Runs one line after the other, each filled in."""

    def __init__(self, service: Living, repository: Path) -> None:
        self.environment = service.env
        self.names = {
            "file:///path/to/repository": repository.as_uri(),
            "/path/to/repository": str(repository),
            "http://127.0.0.1:8080": service.url,
        }
        self._repository = repository

    def run(self, line: str) -> str:
        for name, value in self.names.items():
            line = re.sub(rf"(?<!\w){re.escape(name)}", value, line)
        if line.startswith("export "):
            name, _, value = line.removeprefix("export ").partition("=")
            self.environment[name] = value
            return ""
        if "launcher add" in line:
            # GitHub is not asked, and no JupyterLab is fetched.
            line = line.replace(
                "https://github.com/OWNER/COURSE", self._repository.as_uri()
            )
            line += " --frontend none"
        folder = self._repository if line.endswith(" .") else ROOT
        done = subprocess.run(
            ["bash", "-ec", f". {ROOT}/.venv/bin/activate; {line}"],
            cwd=folder,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
        for name, word in (("HOOK_ID", "hook"), ("SECRET", "secret")):
            if found := re.search(rf"^{word}: +(\S+)$", done.stdout, re.MULTILINE):
                self.names[name] = found[1]
        return done.stdout


@pytest.mark.index
@pytest.mark.skipif(not (ROOT / ".venv").exists(), reason="made by make")
def test_every_recipe_runs(service: Living, tmp_path: Path) -> None:
    repository = a_repository(tmp_path / "course")
    commit(repository, "Begin", requirements__txt="# nothing yet\n")
    shell = Shell(service, repository)

    told = {
        recipe: shell.run(recipe)
        for recipe in recipes()
        if recipe not in NOT_RUN | {ACTIVATE: ""}
    }

    assert "Launcher course" in told["relaunch explain course"]
    assert any(
        "202 accepted" in text for line, text in told.items() if " push " in line
    )
