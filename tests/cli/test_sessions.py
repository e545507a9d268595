"""`relaunch launcher start`: a launcher's own command, in its environment."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

import pytest
from click.testing import CliRunner, Result

from service.cli.commands import relaunch
from tests.cli.living import RELAUNCH, Living, free_port, living
from tests.cli.repositories import a_repository, commit

pytestmark = [pytest.mark.xdist_group("living"), pytest.mark.index]

SERVE = "python -m http.server --bind $RENKU_SESSION_IP $RENKU_SESSION_PORT"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Living]:
    with living(tmp_path_factory.mktemp("sessions")) as service:
        yield service


@pytest.fixture
def course(tmp_path: Path) -> Path:
    repository = a_repository(tmp_path / "course")
    commit(repository, "Begin", requirements__txt="# nothing yet\n")
    return repository


def call(service: Living, *words: str) -> Result:
    runner = CliRunner(env=service.env)
    return runner.invoke(relaunch, words, prog_name="relaunch")


@contextmanager
def started(service: Living, *words: str) -> Iterator[subprocess.Popen[str]]:
    argv = [*RELAUNCH, "launcher", "start", *words, "--no-browser"]
    with subprocess.Popen(
        argv, env=service.env, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)


def opened_at(process: subprocess.Popen[str]) -> str:
    """Read what the command says until it names its address."""
    assert process.stdout
    for line in process.stdout:
        if line.startswith("Open "):
            return line.split()[1]
    raise AssertionError("it ended before it named an address")


def test_a_dashboard_starts_in_a_clone_of_its_repository_and_ends_with_ctrl_c(
    service: Living, course: Path
) -> None:
    added = call(
        *(service, "launcher", "add", "dashboard", str(course), "--frontend=none"),
        *("--command", "sh", "--command", "-c", "--arg", f"exec {SERVE}", "--wait"),
    )
    assert added.exit_code == 0, added.output
    port = free_port()

    with started(service, "dashboard", "--port", str(port)) as process:
        address = opened_at(process)
        with urlopen(address, timeout=5) as answer:  # noqa: S310 - a loopback URL
            page = str(answer.read().decode())
        # A terminal sends it to everybody.
        os.killpg(process.pid, signal.SIGINT)
        process.wait(timeout=20)

    assert address == f"http://127.0.0.1:{port}/"
    assert "requirements.txt" in page


def test_the_program_s_exit_code_and_folder_are_the_session_s(
    service: Living, course: Path, tmp_path: Path
) -> None:
    call(
        *(service, "launcher", "add", "short", str(course), "--frontend=none"),
        *("--command", "sh", "--command", "-c", "--arg", "ls; exit 7", "--wait"),
    )
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "mine.txt").touch()

    with started(service, "short", "--folder", str(tmp_path / "work")) as process:
        said, _ = process.communicate(timeout=20)

    assert process.returncode == 7
    assert "mine.txt" in said


def test_where_there_is_nothing_to_start_it_says_what_to_do(
    service: Living, course: Path
) -> None:
    call(service, "launcher", "add", "bare", str(course), "--frontend=none", "--wait")

    said = call(service, "launcher", "start", "bare")

    assert said.exit_code == 1
    assert "there is nothing to start" in said.output
    assert "relaunch launcher edit NAME --command" in said.output


def test_a_frontend_that_is_not_made_here_is_refused_before_it_is_built(
    service: Living, course: Path
) -> None:
    said = call(service, "launcher", "add", "code", str(course), "--frontend=vscodium")

    assert said.exit_code == 1
    assert "it makes jupyterlab, none" in " ".join(said.output.split())


def test_adding_a_launcher_tells_what_was_found(service: Living, course: Path) -> None:
    commit(course, "Break it", requirements__txt="six==\n")

    said = call(service, "launcher", "add", "broken", str(course), "--frontend=none")

    assert "error: requirements.txt line 1" in said.output
