"""`relaunch api`: the REST API without webhooks, in any number of processes."""

from pathlib import Path

import click

from service.cli.groups import Command
from service.cli.output.printing import echo, example
from service.cli.roles.dev import ReadyMessage

__all__ = ["api"]


@click.command(
    cls=Command, epilog=example("relaunch api", "relaunch api --listen 0.0.0.0:8080")
)
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    help="The folder that the command line finds it by; RELAUNCH_DATA when not given.",
)
@click.option(
    "--listen",
    metavar="HOST:PORT",
    help="Where it answers; RELAUNCH_LISTEN when not given.",
)
def api(*, data: Path | None, listen: str | None) -> None:
    """Answer the REST API and no forge; run as many as you like.

    Beside `relaunch receive --webhooks-only`, which takes the webhooks: what clients
    ask for cannot delay a forge then. The settings are those of `relaunch receive`.
    """
    # The service imports more than any other command needs.
    from service.app import run_api  # noqa: PLC0415
    from service.settings import load  # noqa: PLC0415

    given = {"data": data and data.absolute(), "listen": listen}
    settings = load(**{key: path for key, path in given.items() if path is not None})
    run_api(settings, on_ready=_greet)


def _greet(ready: ReadyMessage) -> None:
    echo(f"relaunch {ready.version} answers the REST API at {ready.url}")
