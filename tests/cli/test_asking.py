"""`relaunch launcher add` asks in a terminal for what is not given."""

import json
import os
import pty
import subprocess
import sys

import pytest

from service.settings import Settings, passed_to_builds
from tests.cli.repositories import QUIET
from tests.cli.standin import StandIn, stand_in

ADD = (sys.executable, "-m", "service.cli", "launcher", "add")
MADE = {"id": "01J", "name": "course", "source_id": "", "environment": {"id": "01K"}}


def environment(told: StandIn) -> dict[str, str]:
    where = {"RELAUNCH_PUBLIC_URL": told.url, "RELAUNCH_TOKEN": "t"}
    return {**QUIET, **passed_to_builds(Settings()), **where}


def add_in_a_terminal(told: StandIn, *words: str, answers: str) -> str:
    """Run the command with a terminal as its input; return what it printed."""
    ours, theirs = pty.openpty()
    os.write(ours, answers.encode())
    done = subprocess.run(
        [*ADD, *words],
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=environment(told),
        check=False,
        text=True,
        timeout=60,
    )
    os.close(theirs)
    os.close(ours)
    return done.stdout


def test_a_terminal_is_asked_as_the_form_asks() -> None:
    with stand_in() as told:
        told.statuses = [201]
        told.bodies = [json.dumps(MADE).encode()]
        answers = "https://forge.example/ada/statistics.git\n\n\nnone\n\nnotify\n"
        printed = add_in_a_terminal(told, answers=answers)
        sent = [json.loads(asked.body) for asked in told.asked if asked.body]

    assert sent, printed
    assert sent[0]["name"] == "statistics"
    assert sent[0]["update_policy"] == "notify"
    assert sent[0]["environment"]["frontend_variant"] == "none"
    assert "User interface (jupyterlab, vscodium, ttyd, none)" in printed


@pytest.mark.parametrize("words", [(), ("course",)])
def test_a_script_is_told_what_lacks(words: tuple[str, ...]) -> None:
    with stand_in() as told:
        done = subprocess.run(
            [*ADD, *words],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env=environment(told),
            check=False,
            text=True,
        )

    assert done.returncode == 2
    assert "expected NAME and REPOSITORY" in done.stderr
    assert told.asked == []
