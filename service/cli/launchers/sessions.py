"""`relaunch launcher start` and `run`: what is in a launcher's image, used here."""

import shlex
from pathlib import Path

import click

from service.cli.client import models
from service.cli.client.api import Client, connected
from service.cli.groups import Command
from service.cli.launchers.fields import (
    find_launcher,
    image_of,
    latest_of,
    tracked_by,
)
from service.cli.output.printing import example
from service.errors import NotFoundError

__all__ = ["run", "start"]


@click.command(
    cls=Command,
    short_help="Start a launcher's frontend or its own command here.",
    epilog=example(
        "relaunch launcher start course",
        "relaunch launcher start dashboard --port 8501 --folder ./work",
    ),
)
@click.argument("name")
@click.option(
    "--folder",
    type=click.Path(exists=True, file_okay=False, resolve_path=True, path_type=Path),
    help="Where it works; a clone of the repository, kept, when not given.",
)
@click.option("--port", type=click.IntRange(1, 65535), help="A free one by default.")
@click.option("--browser/--no-browser", default=True, help="Whether one is opened.")
def start(*, name: str, folder: Path | None, port: int | None, browser: bool) -> int:
    """Start a launcher's frontend or its own command, on the service's machine.

    The address is in RENKU_SESSION_PORT and RENKU_BASE_URL_PATH, as in a session of
    Renku. The exit code is the program's.
    """
    from service.cli.launchers.session import RunningSession, start_session  # noqa: PLC0415 - slow

    found = _launcher(name)
    environment, tracked = found.environment, tracked_by(found)
    image = image_of(found)
    if not image:
        raise NotFoundError(_not_built(found))
    return start_session(
        RunningSession(
            launcher_id=found.id,
            image=image,
            frontend=tracked.frontend,
            repository=tracked.repository,
            revision=tracked.revision,
            command=environment.command or (),
            args=environment.args or (),
            variables=_variables(found),
            folder=folder,
            port=port or 0,
            opens_browser=browser,
        )
    )


def _not_built(launcher: "models.LauncherDetails") -> str:
    name, latest = launcher.name, latest_of(launcher)
    how = f"its newest build: {latest}; " if latest else ""
    return (
        f"launcher {name!r} has no image yet; {how}`relaunch logs {shlex.quote(name)} "
        "--follow` shows more"
    )


def _variables(launcher: "models.LauncherDetails") -> dict[str, str]:
    return {pair.name: pair.value or "" for pair in launcher.env_variables or ()}


@click.command(
    cls=Command,
    short_help="Run a command inside a launcher's environment, here.",
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
    epilog=example(
        "relaunch launcher run course",
        "relaunch launcher run course -- python -c 'import numpy'",
    ),
)
@click.argument("name")
@click.argument("words", metavar="[-- COMMAND...]", nargs=-1, type=click.UNPROCESSED)
def run(*, name: str, words: tuple[str, ...]) -> int:
    """Run a command inside a launcher's environment, on the service's machine.

    Without a command, say which Python it has and how many packages. The exit code
    is the command's.
    """
    from service.cli.launchers.exec import run_inside  # noqa: PLC0415 - the builder is slow

    # Options of the command are its own: click hands over everything, `--` too.
    command = words[1:] if words[:1] == ("--",) else words
    return run_inside(_image(name), command)


def _image(name: str) -> str:
    found = _launcher(name)
    image = image_of(found)
    if not image:
        raise NotFoundError(_not_built(found))
    return image


@connected
async def _launcher(client: Client, name: str) -> "models.LauncherDetails":
    return await find_launcher(client, name)
