"""`relaunch dev`: the whole service in one process."""

import os
import shutil
import sys
from pathlib import Path
from typing import Protocol

import click

from service.cli.groups import Command
from service.cli.output.printing import echo, example

__all__ = ["ReadyMessage", "dev"]


class ReadyMessage(Protocol):
    """What the service prints about itself once it answers."""

    @property
    def url(self) -> str:
        """Where this machine reaches it."""
        ...

    @property
    def public_url(self) -> str:
        """Where forges do, where known; else empty."""
        ...

    @property
    def data(self) -> Path:
        """Where it keeps everything."""
        ...

    @property
    def sign_in_url(self) -> str:
        """Where a browser is signed in, once; empty where that is others' to decide."""
        ...

    @property
    def version(self) -> str:
        """What it is."""
        ...


@click.command(
    cls=Command,
    epilog=example(
        "relaunch dev", "relaunch dev --data ./data --listen 127.0.0.1:9000"
    ),
)
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    help="The folder for everything it keeps; RELAUNCH_DATA when not given.",
)
@click.option(
    "--listen",
    metavar="HOST:PORT",
    help="Where it answers; RELAUNCH_LISTEN when not given.",
)
def dev(*, data: Path | None, listen: str | None) -> None:
    """Run the service on this machine: receiver, builder and database in one process.

    Stop it with Ctrl-C; what was accepted goes on at the next start.
    """
    # The service imports more than any other command needs.
    from service.app import run_dev  # noqa: PLC0415
    from service.settings import load  # noqa: PLC0415

    given = {"data": data and data.absolute(), "listen": listen}
    settings = load(**{name: path for name, path in given.items() if path is not None})
    run_dev(settings, on_ready=_greet)


def _greet(ready: ReadyMessage) -> None:
    echo(
        f"relaunch {ready.version} answers at {ready.url}; its data is in {ready.data}"
    )
    if ready.public_url:
        echo(f"Forges reach it at {ready.public_url}")
    if ready.sign_in_url:
        echo(f"Open it in a browser: {ready.sign_in_url}")
        echo("(The link signs in once; `relaunch open` makes another.)")
    echo("Try, in another terminal:")
    me = _program()
    echo(f"  {me} launcher add course https://github.com/OWNER/COURSE --wait")
    echo(f"  {me} hook add https://github.com/OWNER/COURSE")
    echo(f"  {me} events")


def _program() -> str:
    """Return what a person types to run this program again."""
    if shutil.which("relaunch"):
        return "relaunch"
    return os.path.relpath(sys.argv[0])
