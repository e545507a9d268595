"""`relaunch version`: which version speaks, and which answers."""

from importlib.metadata import PackageNotFoundError, version as installed_version

import click

from service.cli.client import models
from service.cli.client.api import Client, connected
from service.cli.client.wire import UnreachableError
from service.cli.groups import Command
from service.cli.output.printing import echo, example, output_option, show_json

__all__ = ["version"]


@click.command(cls=Command, epilog=example("relaunch version"))
@click.option("--client", "only_client", is_flag=True, help="Do not ask the service.")
@output_option
def version(*, only_client: bool, output: str) -> None:
    """Print the version of this program and of the service."""
    here = {"client": _here()}
    found = here if only_client else here | {"service": _there()}
    if output == "json":
        show_json(found)
        return
    echo(f"relaunch {found['client']}")
    if not only_client:
        echo(f"service  {found['service'] or 'not running'}")


def _here() -> str:
    try:
        return installed_version("relaunch")
    except PackageNotFoundError:
        return "unknown (not installed)"


def _there() -> str | None:
    try:
        return _ask()
    except UnreachableError:
        return None


@connected
async def _ask(client: Client) -> str:
    return (await client.get(models.Version, "version")).version
