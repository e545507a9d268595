"""`relaunch receive`: the HTTP side, in any number of processes."""

from pathlib import Path

import click

from service.cli.groups import Command
from service.cli.output.printing import echo, example
from service.cli.roles.dev import ReadyMessage

__all__ = ["receive"]


@click.command(
    cls=Command,
    epilog=example(
        "relaunch receive --listen 0.0.0.0:8080", "relaunch receive --webhooks-only"
    ),
)
@click.option(
    "--webhooks-only",
    is_flag=True,
    help="Leave the REST API to `relaunch api`, so that no client of it can delay a "
    "forge; RELAUNCH_TOKEN is not needed then.",
)
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    help="The folder for a token that nobody gave it; RELAUNCH_DATA when not given.",
)
@click.option(
    "--listen",
    metavar="HOST:PORT",
    help="Where it answers; RELAUNCH_LISTEN when not given.",
)
def receive(*, webhooks_only: bool, data: Path | None, listen: str | None) -> None:
    """Take webhooks and answer the REST API; run as many as you like.

    RELAUNCH_DATABASE (PostgreSQL), RELAUNCH_SECRET_KEY and RELAUNCH_TOKEN are the
    same for all processes, and so is RELAUNCH_BUS where it is set. `relaunch consume`
    does what deliveries ask for.
    """
    # The service imports more than any other command needs.
    from service.app import run_receive  # noqa: PLC0415
    from service.settings import load  # noqa: PLC0415

    given = {"data": data and data.absolute(), "listen": listen}
    settings = load(**{key: path for key, path in given.items() if path is not None})
    run_receive(settings, on_ready=_greet, webhooks_only=webhooks_only)


def _greet(ready: ReadyMessage) -> None:
    echo(f"relaunch {ready.version} answers at {ready.url}; consumers do the rest")
    if ready.public_url:
        echo(f"Forges reach it at {ready.public_url}")
