"""An empty text is a variable that is not set, never an option that nobody gave."""

import json
from collections.abc import Iterator

import click
import pytest

from service.cli.commands import relaunch
from service.cli.groups import Command, CommandGroup
from tests.cli.conftest import Run
from tests.cli.standin import StandIn

PAUSED = {"project_id": None, "reason": "", "since": "2026-01-02T03:04:05Z"}


def commands(
    group: click.Group = relaunch, *above: str
) -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        found = group.get_command(context, name)
        assert found is not None
        yield " ".join((*above, name)), found
        if isinstance(found, click.Group):
            yield from commands(found, *above, name)


def test_every_command_refuses_what_is_empty() -> None:
    others = [
        name
        for name, command in commands()
        if not isinstance(command, Command | CommandGroup)
    ]

    assert others == []


@pytest.mark.parametrize(
    ("words", "parameter"),
    [
        pytest.param(["pause", "--project", ""], "'--project'", id="pause everything"),
        pytest.param(["resume", "--project="], "'--project'", id="resume everything"),
        pytest.param(["builds", ""], "'[LAUNCHER]'", id="builds of everybody"),
        pytest.param(["hook", "add", ""], "'REPOSITORY'", id="the folder we are in"),
        pytest.param(["check", " "], "'[PATH|URL]'", id="blank"),
        pytest.param(["explain", ""], "'WHAT'", id="what the service refuses"),
        pytest.param(["deliveries", "list", "--hook", ""], "'--hook'", id="all hooks"),
        pytest.param(
            ["dead-letters", "drop", "1", "", "--yes"], "'ID...'", id="one of several"
        ),
    ],
)
def test_an_empty_value_is_refused_and_nothing_is_asked(
    run: Run, server: StandIn, words: list[str], parameter: str
) -> None:
    said = run("--url", server.url, *words)

    assert said.exit_code == 2
    assert f"Invalid value for {parameter}: it is empty" in said.stderr
    assert server.asked == []


def test_an_empty_url_is_no_service(run: Run) -> None:
    said = run("--url", "", "builds")

    assert said.exit_code == 2
    assert "Invalid value for '--url': it is empty" in said.stderr


def test_a_reason_may_be_empty(run: Run, server: StandIn) -> None:
    server.body = json.dumps(PAUSED).encode()

    said = run("--url", server.url, "pause", "--reason", "")

    assert (said.exit_code, said.stderr) == (0, "")
