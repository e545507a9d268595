"""`relaunch environment`: ready images that launchers of all projects may take."""

import click

from service.cli.client import models
from service.cli.client.api import Client, connected
from service.cli.groups import CommandGroup
from service.cli.output.printing import (
    echo,
    example,
    output_option,
    show_json,
    yes_or_no,
)

__all__ = ["environment"]


@click.group(
    cls=CommandGroup,
    epilog=example("relaunch environment add base renku/base:1 --port 8888"),
)
def environment() -> None:
    """Add, list, change and remove global environments."""


PORT = click.option("--port", type=int, help="Where sessions listen.")
URL = click.option("--default-url", help="The path that sessions open.")
DESCRIPTION = click.option("--description", help="A sentence about it.")


@environment.command("list", epilog=example("relaunch environment list --archived"))
@click.option("--archived", is_flag=True, help="Archived ones, too.")
@output_option
@connected
async def list_(client: Client, *, archived: bool, output: str) -> None:
    """List global environments, oldest first."""
    found = await client.list(
        models.Environment,
        "environments",
        include_archived="true" if archived else None,
    )
    if output == "json":
        show_json(client.json_of(found))
        return
    from service.cli.output.tables import show_table  # noqa: PLC0415 - rich is slow

    show_table(
        ("ID", "NAME", "IMAGE", "PORT", "ARCHIVED"),
        [
            (
                each.id,
                each.name,
                each.container_image,
                str(each.port),
                yes_or_no(each.is_archived),
            )
            for each in found
        ],
    )


@environment.command(
    "add", epilog=example("relaunch environment add base renku/base:1")
)
@click.argument("name")
@click.argument("image")
@PORT
@URL
@DESCRIPTION
@connected
async def add(
    client: Client, /, *, name: str, image: str, **given: str | int | None
) -> None:
    """Add an environment NAME that starts from IMAGE."""
    body = {
        "name": name,
        "container_image": image,
        "environment_image_source": "image",
        **_given(given),
    }
    made = await client.post(models.Environment, "environments", body=body)
    echo(f"Environment {made.name} was added: {made.id}")


@environment.command(
    "edit", epilog=example("relaunch environment edit 01JZ8XK2V3T4Y5W6Q7R8S9T0PR")
)
@click.argument("environment_id")
@click.option("--name", help="Its new name.")
@click.option("--image", "container_image", help="Its new image.")
@PORT
@URL
@DESCRIPTION
@click.option(
    "--archive/--restore",
    "is_archived",
    default=None,
    help="Whether new launchers may take it.",
)
@connected
async def edit(
    client: Client, /, *, environment_id: str, **given: str | int | bool | None
) -> None:
    """Change an environment, for all launchers that take it."""
    body = _given(given)
    if not body:
        raise click.UsageError("Nothing to change; give at least one option.")
    made = await client.patch(
        models.Environment, "environments", environment_id, body=body
    )
    echo(f"Environment {made.name} was changed.")


@environment.command(
    "remove", epilog=example("relaunch environment remove 01JZ8XK2V3T4Y5W6Q7R8S9T0PR")
)
@click.argument("environment_id")
@connected
async def remove(client: Client, *, environment_id: str) -> None:
    """Remove an environment that no launcher takes."""
    await client.delete("environments", environment_id)
    echo(f"Environment {environment_id} was removed.")


def _given(fields: dict[str, str | int | None]) -> dict[str, object]:
    return {name: value for name, value in fields.items() if value is not None}
