"""`relaunch launcher add` asks in a terminal for what is not given."""

import json
import os
import pty
import subprocess
import sys
from collections.abc import Sequence

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


NOTHING_THERE = {"status": "invalid", "error_code": "metadata_unauthorized"}
FOUND = {
    "status": "valid",
    "metadata": {"git_url": "x", "pull_permission": True, "visibility": "public"},
}
CLASS = {"id": 7, "name": "small", "cpu": 1, "memory": 4, "gpu": 0} | {
    "max_storage": 20,
    "default_storage": 1,
    "default": True,
}
FIELDS = "There are errors in the following fields, "
MADE_HERE = {"builder_variants": ["python"], "platforms": ["linux/amd64"]} | {
    "frontend_variants": ["jupyterlab", "infer", "none"]
}
UNKNOWN = {"error": {"code": 1404, "message": "There is nothing under this path."}}
POOL = {"id": 1, "name": "a", "classes": [CLASS], "public": True, "default": True}


def test_a_terminal_is_asked_as_the_form_asks() -> None:
    with stand_in() as told:
        bodies = [MADE_HERE, [POOL], NOTHING_THERE, FOUND, MADE]
        told.statuses = [200, 200, 200, 200, 201]
        told.bodies = [json.dumps(body).encode() for body in bodies]
        wrong = "https://forge.example/ada/statistic.git\n"
        answers = "https://forge.example/ada/statistics.git\n\n\nnone\n\nnotify\n7\n"
        printed = add_in_a_terminal(told, answers=wrong + answers)
        sent = [json.loads(asked.body) for asked in told.asked if asked.body]

    assert sent, printed
    assert sent[0]["name"] == "statistics"
    assert sent[0]["update_policy"] == "notify"
    assert sent[0]["environment"]["frontend_variant"] == "none"
    assert sent[0]["resource_class_id"] == 7
    assert "User interface (jupyterlab, none)" in printed
    assert "does not exist, or it is private" in printed
    assert "It is public" in printed
    assert "7  small: 1 CPU, 4 GB" in printed


def test_what_cannot_be_read_is_taken_from_whoever_insists() -> None:
    with stand_in() as told:
        told.statuses = [404, 200, 200, 200, 201]
        told.bodies = [
            json.dumps(UNKNOWN).encode(),
            b"[]",
            *[json.dumps(NOTHING_THERE).encode()] * 2,
            json.dumps(MADE).encode(),
        ]
        url = "https://forge.example/ada/statistics.git\n"
        printed = add_in_a_terminal(told, answers=url + url + "\n\nnone\n\n\n")
        sent = [json.loads(asked.body) for asked in told.asked if asked.body]

    assert sent, printed
    assert sent[0]["environment"]["repository"] == url.strip()
    # An older service does not say what it makes.
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


def test_who_was_asked_is_asked_once_more_when_it_is_refused() -> None:
    """Nobody answers everything again because one answer was wrong."""
    refused = {"error": {"code": 1422, "message": "There is a launcher 'a' already"}}
    bodies: list[object] = [MADE_HERE, [], FOUND, refused, FOUND, MADE]
    with stand_in() as told:
        told.statuses = [200, 200, 200, 409, 200, 201]
        told.bodies = [json.dumps(body).encode() for body in bodies]
        first = "https://forge.example/ada/a\n\n\nnone\nmanual\n"
        printed = add_in_a_terminal(told, "a", answers=first + "\n\nb\n\n")
        sent = [json.loads(asked.body) for asked in told.asked if asked.body]

    assert "There is a launcher 'a' already" in printed
    assert [body["name"] for body in sent] == ["a", "b"], printed
    assert sent[1] == {**sent[0], "name": "b"}


def test_what_was_given_whole_is_refused_at_once() -> None:
    refused = {"error": {"code": 1409, "message": "There is a launcher already"}}
    with stand_in() as told:
        told.statuses = [409]
        told.bodies = [json.dumps(refused).encode()]
        printed = add_in_a_terminal(
            told, "a", "https://forge.example/ada/a", answers="\n\n\n\n\n"
        )

    assert "There is a launcher already" in printed
    assert len(told.asked) == 1


def refusals_of(
    told: StandIn, *, pools: Sequence[object], messages: Sequence[str]
) -> None:
    """Have a stand-in refuse a launcher by messages, and then add it."""
    refused = [
        {"error": {"code": 1422, "message": f"{FIELDS}{message}"}}
        for message in messages
    ]
    bodies = [MADE_HERE, pools, FOUND, *refused, MADE]
    told.statuses = [200, 200, 200, *[422] * len(refused), 201]
    told.bodies = [json.dumps(body).encode() for body in bodies]


@pytest.mark.parametrize(
    ("field", "wrong"),
    [("context_dir", "\n../x\n"), ("repository_revision", "a b\n\n")],
)
def test_what_was_refused_is_asked_for_and_nothing_else(field: str, wrong: str) -> None:
    with stand_in() as told:
        refusals_of(told, pools=[], messages=[f"environment.{field}: is wrong"])
        first = f"https://forge.example/ada/a\n{wrong}none\nb\nmanual\n"
        printed = add_in_a_terminal(told, answers=f"{first}env\n")
        sent = [json.loads(asked.body) for asked in told.asked if asked.body]

    assert "Once more" in printed
    changed = {**sent[0]["environment"], field: "env"}
    assert sent[1:] == [{**sent[0], "environment": changed}], printed


def test_an_answer_that_may_be_left_out_can_be_taken_back() -> None:
    with stand_in() as told:
        told_wrong = "resource_class_id: too large, environment.context_dir: is wrong"
        refusals_of(told, pools=[POOL], messages=[told_wrong])
        first = "https://forge.example/ada/a\n\n../x\nnone\nb\nmanual\n7\n"
        printed = add_in_a_terminal(told, answers=f"{first}-\n-\n")
        sent = [json.loads(asked.body) for asked in told.asked if asked.body]

    assert sent[0]["resource_class_id"] == 7
    assert "resource_class_id" not in sent[1], printed
    assert "context_dir" not in sent[1]["environment"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--project", "x"), "project_id: is wrong"),
        (("--arg", "x"), "environment.args.0: is wrong"),
        (("--resource-class", "5"), "resource_class_id: is wrong"),
        (("--project", "x"), "name: is wrong, project_id: is wrong"),
    ],
)
def test_what_nobody_is_asked_for_is_refused_at_once(
    words: tuple[str, ...], message: str
) -> None:
    with stand_in() as told:
        refusals_of(told, pools=[], messages=[message])
        first = "https://forge.example/ada/a\n\n\nnone\nmanual\n"
        printed = add_in_a_terminal(told, "a", *words, answers=first + "\n" * 9)

    assert "Once more" not in printed
    assert f"{words[0]}: is wrong" in printed
    assert len([asked for asked in told.asked if asked.body]) == 1


def test_nobody_is_asked_for_ever() -> None:
    with stand_in() as told:
        refusals_of(told, pools=[], messages=["name: is wrong", "name: is wrong"])
        first = "https://forge.example/ada/a\n\n\nnone\n\nmanual\n"
        printed = add_in_a_terminal(told, answers=first + "\n" * 9)

    assert printed.count("Once more") == 1
    assert printed.count("the name: is wrong") == 2
    assert len([asked for asked in told.asked if asked.body]) == 2


def test_a_class_that_was_given_stays_where_none_are_named() -> None:
    with stand_in() as told:
        refusals_of(told, pools=[], messages=["name: is wrong"])
        first = "https://forge.example/ada/a\n\n\nnone\n\nmanual\n"
        printed = add_in_a_terminal(
            told, "--resource-class", "5", answers=first + "b\n"
        )
        sent = [json.loads(asked.body) for asked in told.asked if asked.body]

    assert [body["resource_class_id"] for body in sent] == [5, 5], printed
    assert sent[1]["name"] == "b"


def test_enter_takes_an_option_again_that_is_not_offered() -> None:
    with stand_in() as told:
        frontend = "environment.frontend_variant: is wrong"
        message = f"name: is wrong, {frontend}, resource_class_id: is wrong"
        refusals_of(told, pools=[POOL], messages=[message])
        options = ("--frontend", "infer", "--resource-class", "5")
        first = "https://forge.example/ada/a\n\n\n\nmanual\n"
        printed = add_in_a_terminal(told, *options, answers=f"{first}\nb\n\n")
        sent = [json.loads(asked.body) for asked in told.asked if asked.body]

    assert sent[1:] == [{**sent[0], "name": "b"}], printed
