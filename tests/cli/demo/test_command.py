"""The whole demo, as a person runs it."""

import signal
import subprocess
from contextlib import suppress
from http.cookiejar import CookieJar
from pathlib import Path
from urllib.request import HTTPCookieProcessor, build_opener

import pytest

from service.settings import Settings, passed_to_builds
from tests.cli.living import RELAUNCH

pytestmark = pytest.mark.xdist_group("demo")

ROOT = Path(__file__).parents[3]


def variables(tmp_path: Path) -> dict[str, str]:
    return {
        **passed_to_builds(Settings()),
        "TMPDIR": str(tmp_path),
        "PYTHONUNBUFFERED": "1",
        # A person's own settings must not reach the demo's service.
        "RELAUNCH_DATABASE": "postgresql://nobody@127.0.0.1:9/none",
        "GIT_DIR": "/nowhere",
    }


@pytest.mark.index
@pytest.mark.timeout(240)
def test_every_push_leads_to_what_it_should(tmp_path: Path) -> None:
    said = subprocess.run(
        [*RELAUNCH, "demo"],
        env=variables(tmp_path),
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )

    assert said.returncode == 0, said.stdout + said.stderr
    *table, last = said.stdout.splitlines()[-7:]
    rows = [line.split() for line in table]
    assert [row[-2:] for row in rows] == [["as", "expected"]] * 6
    assert "relaunch demo --page" in last
    assert "inside the launcher's environment: import six gives" in said.stdout
    assert "requirements.txt line 8" in said.stdout
    assert list(tmp_path.iterdir()) == []


@pytest.mark.index
@pytest.mark.timeout(240)
def test_the_story_is_on_the_page_until_the_person_is_done(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [*RELAUNCH, "demo", "--page"],
        env=variables(tmp_path),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    assert process.stdout
    told = []
    for line in process.stdout:
        told.append(line)
        if line.startswith("All this is on the page"):
            break
    link = process.stdout.readline().strip()
    with build_opener(HTTPCookieProcessor(CookieJar())).open(link) as answer:
        shown = answer.read().decode()
    process.send_signal(signal.SIGINT)
    _, complaints = process.communicate()

    assert ">course</a>" in shown
    assert "Build failed" in shown
    assert "Only an older image available" in shown
    assert (process.returncode, complaints.strip()) == (0, ""), "".join(told)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.index
@pytest.mark.parametrize(
    ("number", "code", "forge", "builds"),
    [
        (signal.SIGINT, 130, "github", 1),
        # The second build is that of a push, as GitLab tells of it.
        (signal.SIGTERM, 143, "gitlab", 2),
    ],
)
def test_an_interrupted_demo_leaves_nothing_behind(
    tmp_path: Path, number: signal.Signals, code: int, forge: str, builds: int
) -> None:
    process = subprocess.Popen(
        [*RELAUNCH, "demo", "--forge", forge],
        env=variables(tmp_path),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    assert process.stdout
    for _ in range(builds):
        while "build.started" not in process.stdout.readline():
            assert process.poll() is None
    process.send_signal(number)
    _, complaints = process.communicate()

    assert process.returncode == code
    assert complaints.strip() == ""
    assert list(tmp_path.iterdir()) == []
    assert str(tmp_path) not in _commands()


def _commands() -> str:
    """Return the command line of every process of this machine."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        # It may be gone by now.
        with suppress(OSError):
            found.append((process / "cmdline").read_text())
    return "\n".join(found)


def test_a_machine_without_git_is_told(tmp_path: Path) -> None:
    said = subprocess.run(
        [*RELAUNCH, "demo"],
        env={"PATH": str(tmp_path), "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )

    assert said.returncode == 1
    assert said.stderr == "Error: the demo needs git, and this machine has none\n"
