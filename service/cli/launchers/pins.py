"""`relaunch launcher pin`, `unpin` and `rollback`."""

import click

from service.cli.client import models
from service.cli.client.api import Client, connected
from service.cli.groups import Command
from service.cli.launchers.fields import find_launcher, image_of
from service.cli.output.printing import echo, example, moment, reference

__all__ = ["pin", "rollback", "unpin"]


@click.command(cls=Command, epilog=example("relaunch launcher pin course"))
@click.argument("name")
@connected
async def pin(client: Client, *, name: str) -> None:
    """Keep a launcher on its image until it is unpinned."""
    found = await find_launcher(client, name)
    made = await client.post(
        models.LauncherDetails, "session_launchers", found.id, "pin"
    )
    echo(f"Launcher {made.name} stays on {image_of(made)}.")


@click.command(cls=Command, epilog=example("relaunch launcher unpin course"))
@click.argument("name")
@connected
async def unpin(client: Client, *, name: str) -> None:
    """Have a launcher updated again, at once if it is behind."""
    found = await find_launcher(client, name)
    made = await client.post(
        models.LauncherDetails, "session_launchers", found.id, "unpin"
    )
    behind = ", and catches up now" if made.outdated else ""
    echo(f"Launcher {made.name} is updated again{behind}.")


@click.command(
    cls=Command,
    epilog=example(
        "relaunch launcher rollback course --list",
        "relaunch launcher rollback course --build 01J5M3Z0000000000000000000",
    ),
)
@click.argument("name")
@click.option("--build", metavar="ID", help="The build whose image it gets.")
@click.option("--list", "is_list", is_flag=True, help="Only show what there is.")
@connected
async def rollback(
    client: Client, *, name: str, build: str | None, is_list: bool
) -> None:
    """Go back to an earlier image, by default the last, and stay there."""
    found = await find_launcher(client, name)
    if is_list:
        await _list_images(client, found.id)
        return
    made = await client.post(
        models.LauncherDetails,
        "session_launchers",
        found.id,
        "rollback",
        body={"build_id": build} if build else {},
    )
    echo(f"Launcher {made.name} starts from {image_of(made)} now, and stays so.")


async def _list_images(client: Client, launcher: str) -> None:
    builds = await client.list(
        models.BuildDetails, "session_launchers", launcher, "images"
    )
    for build in builds:
        image = reference(build.result.image) if build.result else ""
        echo(f"{build.id}  {moment(build.created_at)}  {image}")
