"""`relaunch pause` and `resume`: automatic work, in a project or everywhere."""

import click

from service.cli.client import models
from service.cli.client.api import Client, connected
from service.cli.groups import Command
from service.cli.output.printing import echo, example, moment

__all__ = ["pause", "resume"]

PROJECT = click.option("--project", metavar="ULID", help="Only of this project.")


@click.command(
    cls=Command, epilog=example('relaunch pause --reason "the cluster is moved"')
)
@PROJECT
@click.option("--reason", default="", help="What launchers show about it.")
@click.option("--list", "is_list", is_flag=True, help="Only show what is paused.")
@connected
async def pause(
    client: Client, *, project: str | None, reason: str, is_list: bool
) -> None:
    """Pause automatic work; pushes are taken in, and what you ask for is built."""
    if is_list:
        for each in await client.list(models.PauseResponse, "pauses"):
            where, since = each.project_id or "everything", moment(each.since)
            echo(f"{where}  since {since}  {each.reason or ''}".rstrip())
        return
    body = {"reason": reason}
    if project:
        made = await client.post(
            models.PauseResponse, "projects", project, "pause", body=body
        )
    else:
        made = await client.post(models.PauseResponse, "pause", body=body)
    echo(f"Paused since {moment(made.since)}: {project or 'everything'}.")


@click.command(cls=Command, epilog=example("relaunch resume"))
@PROJECT
@connected
async def resume(client: Client, *, project: str | None) -> None:
    """Resume automatic work; launchers that fell behind catch up by themselves."""
    await client.delete(*(("projects", project, "pause") if project else ("pause",)))
    echo(f"Resumed: {project or 'everything'}.")
