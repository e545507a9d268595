"""`relaunch repository`: what projects may have read with credentials."""

import click

from service.cli.client import models
from service.cli.client.api import Client, connected
from service.cli.groups import CommandGroup
from service.cli.output.printing import echo, example, output_option, show_json

__all__ = ["repository"]

_PROJECT = "01JZ8XK2V3T4Y5W6Q7R8S9T0PR"
_URL = "https://github.com/acme/course"


@click.group(
    cls=CommandGroup, epilog=example(f"relaunch repository grant {_PROJECT} {_URL}")
)
def repository() -> None:
    """List, grant and withdraw repositories of projects.

    A private repository is read for the projects that it was granted to. Public ones
    are free for all.
    """


@repository.command(
    "list",
    short_help="List what is linked to a project, and what is granted.",
    epilog=example(f"relaunch repository list {_PROJECT}"),
)
@click.argument("project")
@output_option
@connected
async def list_(client: Client, *, project: str, output: str) -> None:
    """List what is linked to the project with the id PROJECT."""
    found = await client.list(
        models.LinkedRepositoryResponse, "projects", project, "repositories"
    )
    if output == "json":
        show_json(client.json_of(found))
        return
    from service.cli.output.tables import show_table  # noqa: PLC0415 - rich is slow

    show_table(
        ("REPOSITORY", "GRANTED BY"),
        [(linked.repository, linked.granted_by or "nobody") for linked in found],
    )


@repository.command(
    "grant",
    short_help="Have a private repository read for a project.",
    epilog=example(f"relaunch repository grant {_PROJECT} {_URL}"),
)
@click.argument("project")
@click.argument("url")
@connected
async def grant(client: Client, *, project: str, url: str) -> None:
    """Have the repository at URL read with the service's credentials for PROJECT.

    Everybody who may edit the project may then build it, and everybody who may read
    the project may see its definition, logs and package lists.
    """
    await _set(client, project, url, is_granted=True)
    echo(f"{url} is granted to project {project}")


@repository.command(
    "withdraw",
    short_help="Withdraw a grant; the link and what was built stay.",
    epilog=example(f"relaunch repository withdraw {_PROJECT} {_URL}"),
)
@click.argument("project")
@click.argument("url")
@connected
async def withdraw(client: Client, *, project: str, url: str) -> None:
    """Have the repository at URL read for PROJECT as anybody may read it, if so."""
    linked = await _set(client, project, url, is_granted=False)
    if any(each.repository == url and each.granted_by == "rule" for each in linked):
        echo(f"{url} is still granted by a rule of the settings (RELAUNCH_AUTH_GRANTS)")
        return
    echo(f"{url} is no longer granted to project {project}")


async def _set(
    client: Client, project: str, url: str, *, is_granted: bool
) -> "list[models.LinkedRepositoryResponse]":
    return await client.post(
        list[models.LinkedRepositoryResponse],
        "projects",
        project,
        "repositories",
        body={"repository": url, "granted": is_granted},
    )
