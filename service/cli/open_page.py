"""`relaunch open`: the web page, signed in."""

import webbrowser

import click

from service.cli.client import models
from service.cli.client.api import Client, connected
from service.cli.groups import Command
from service.cli.output.printing import echo, example

__all__ = ["open"]


@click.command(
    "open", cls=Command, epilog=example("relaunch open", "relaunch open --print")
)
@click.option(
    "--print",
    "is_printed",
    is_flag=True,
    help="Print the link, and start no browser.",
)
@connected
async def open(  # noqa: A001 - the command is called so
    client: Client, *, is_printed: bool
) -> None:
    """Open the web page, signed in.

    The link signs in once, within a quarter of an hour.
    """
    link = await client.post(models.SignInLink, "sign_in_links")
    url = f"{client.url}{link.path}"
    if is_printed or not webbrowser.open(url):
        echo(url)
        return
    echo("The page is open in your browser.")
