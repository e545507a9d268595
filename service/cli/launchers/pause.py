"""`relaunch pause` and `resume`: automatic work, in a project or everywhere."""

import click

from service.cli.client.api import Client, connected
from service.cli.output.printing import echo, example, moment

__all__ = ["pause", "resume"]

PROJECT = click.option("--project", metavar="ULID", help="Only of this project.")


@click.command(epilog=example('relaunch pause --reason "the cluster is moved"'))
@PROJECT
@click.option("--reason", default="", help="What launchers show about it.")
@click.option("--list", "is_list", is_flag=True, help="Only show what is paused.")
@connected
async def pause(
    client: Client, *, project: str | None, reason: str, is_list: bool
) -> None:
    """Pause automatic work; pushes are taken in, and what you ask for is built."""
    if is_list:
        for each in await client.list("pauses"):
            where = each.text("project_id") or "everything"
            since = moment(each.text("since"))
            echo(f"{where}  since {since}  {each.text('reason')}".rstrip())
        return
    made = await client.post(*_path(project), body={"reason": reason})
    echo(f"Paused since {moment(made.text('since'))}: {project or 'everything'}.")


@click.command(epilog=example("relaunch resume"))
@PROJECT
@connected
async def resume(client: Client, *, project: str | None) -> None:
    """Resume automatic work; launchers that fell behind catch up by themselves."""
    await client.delete(*_path(project))
    echo(f"Resumed: {project or 'everything'}.")


def _path(project: str | None) -> tuple[str, ...]:
    return ("projects", project, "pause") if project else ("pause",)
