"""`relaunch explain`: why something happened, or did not."""

import click

from service.cli.client import models
from service.cli.client.api import Client, connected
from service.cli.groups import Command
from service.cli.launchers.fields import nearest_launcher
from service.cli.output.printing import example, output_option, show_json
from service.errors import NotFoundError

__all__ = ["explain"]


@click.command(
    cls=Command,
    epilog=example(
        "relaunch explain course",
        "relaunch explain 3f2a9c1",
        "relaunch explain d-0123456789abcdef01234567 -o json",
    ),
)
@click.argument("what")
@output_option
@connected
async def explain(client: Client, *, what: str, output: str) -> None:
    """Report what became of WHAT, from the delivery to the launcher.

    WHAT is a delivery's id (ours or the forge's), the first seven digits or more of
    a commit, a launcher's id or name, a build's id, or an evaluation's id.
    """
    try:
        found = await client.get(models.Explanation, "explanations", of=what)
    except NotFoundError as exc:
        near = await nearest_launcher(client, what)
        hint = f"; did you mean the launcher {near!r}?" if near else ""
        raise NotFoundError(f"{exc}{hint}") from exc
    if output == "json":
        show_json(client.json_of(found))
        return
    from service.cli.output.sentences import print_sentences  # noqa: PLC0415 - rich is slow

    print_sentences(found.lines)
