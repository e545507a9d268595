"""`relaunch consume`: the bus side, in any number of processes."""

from pathlib import Path

import click

from service.cli.groups import Command
from service.cli.output.printing import echo, example
from service.cli.roles.dev import ReadyMessage

__all__ = ["consume"]


@click.command(
    cls=Command,
    epilog=example("relaunch consume", "relaunch consume --listen 0.0.0.0:8081"),
)
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    help="The folder for what it builds; RELAUNCH_DATA when not given.",
)
@click.option(
    "--listen",
    metavar="HOST:PORT",
    help="Where its health and metrics are; RELAUNCH_LISTEN when not given, or else "
    "127.0.0.1:8081; further consumers of a machine take any free port.",
)
def consume(*, data: Path | None, listen: str | None) -> None:
    """Evaluate, build and roll out what `relaunch receive` took in.

    Run as many as you like; one of them leads and builds. When it dies another takes
    over within seconds. The settings are those of `relaunch receive`.
    """
    # The service imports more than any other command needs.
    from service.app import run_consume  # noqa: PLC0415
    from service.settings import load  # noqa: PLC0415

    given = {"data": data and data.absolute(), "listen": listen}
    settings = load(**{key: path for key, path in given.items() if path is not None})
    run_consume(settings, on_ready=_greet)


def _greet(ready: ReadyMessage) -> None:
    echo(f"relaunch {ready.version} consumes; its health is at {ready.url}/readyz")
