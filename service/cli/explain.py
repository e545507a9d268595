"""`relaunch explain`: why something happened, or did not."""

import click

from service.cli.client import Client, connected
from service.cli.output import example, output_option, show_json

__all__ = ["explain"]


@click.command(
    epilog=example(
        "relaunch explain course",
        "relaunch explain 3f2a9c1",
        "relaunch explain d-0123456789abcdef01234567 -o json",
    )
)
@click.argument("what")
@output_option
@connected
async def explain(client: Client, *, what: str, output: str) -> None:
    """Tell the story of WHAT, from the delivery to the launcher.

    WHAT is a delivery's id (ours or the forge's), the first seven digits or more of
    a commit, a launcher's id or name, a build's id, or an evaluation's id.
    """
    found = await client.get("explanations", of=what)
    if output == "json":
        show_json(found.raw)
        return
    from service.cli.story import tell  # noqa: PLC0415 - rich is slow

    tell(found)
