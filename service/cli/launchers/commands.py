"""`relaunch launcher`: add, list, change and use launchers."""

from functools import partial

import click

from service.cli.client import models
from service.cli.client.api import Client, connected
from service.cli.groups import CommandGroup
from service.cli.launchers.asking import add_by_asking
from service.cli.launchers.fields import (
    COLUMNS,
    Given,
    changes,
    creation,
    find_launcher,
    image_of,
    latest_of,
    row_of,
    schedule_of,
    state_of,
    tracked_by,
)
from service.cli.launchers.findings import show_findings, show_first_findings
from service.cli.launchers.pins import pin, rollback, unpin
from service.cli.launchers.sessions import run, start
from service.cli.output.printing import (
    echo,
    example,
    facts,
    moment,
    output_option,
    show_json,
)

__all__ = ["launcher"]


@click.group(
    cls=CommandGroup,
    epilog=example(
        "relaunch launcher add course https://github.com/me/course --revision main"
    ),
)
def launcher() -> None:
    """Add, list, change and use launchers.

    A launcher may be named by its id or by its name.
    """


POLICY = click.option(
    "--policy",
    type=click.Choice(["automatic", "notify", "manual"]),
    help="automatic: build and move. notify: build and tell. manual: wait for you.",
)
SCHEDULE = click.option(
    "--rebuild-schedule",
    type=click.Choice(["never", "weekly", "monthly"]),
    help="How often to build anew what leaves versions open. Never, by default.",
)
FRONTEND = click.option(
    "--frontend",
    type=click.Choice(["vscodium", "jupyterlab", "ttyd", "infer", "none"]),
    help="What sessions show.",
)
REVISION = click.option(
    "--revision", help="Branch, tag or commit; the default branch when not given."
)
CONTEXT = click.option(
    "--context-dir",
    metavar="DIR",
    help="The folder of the definition, if not the root.",
)
DESCRIPTION = click.option("--description", help="A sentence about it.")
RESOURCES = click.option(
    "--resource-class", type=int, metavar="ID", help="The resource class of sessions."
)
COMMAND = click.option(
    "--command",
    metavar="WORD",
    multiple=True,
    help="What sessions run instead of the frontend; once per word.",
)
ARGS = click.option(
    "--arg",
    "args",
    metavar="WORD",
    multiple=True,
    help="An argument of it; repeatable.",
)


@launcher.command(
    "add",
    short_help="Add a launcher; its first build starts at once.",
    epilog=example(
        "relaunch launcher add course https://github.com/me/course --wait",
        "relaunch launcher add mine ./work --revision feature/x --frontend none",
    ),
)
@click.argument("name", required=False)
@click.argument("repository", required=False)
@click.option("--image", help="Start from a ready image, instead of a repository.")
@click.option("--environment", metavar="ULID", help="Take a global environment.")
@REVISION
@CONTEXT
@FRONTEND
@POLICY
@SCHEDULE
@DESCRIPTION
@RESOURCES
@COMMAND
@ARGS
@click.option("--project", metavar="ULID", help="The project it belongs to.")
@click.option("--wait", is_flag=True, help="Wait until its first build has ended.")
@output_option
@connected
async def add(
    client: Client,
    /,
    *,
    wait: bool,
    output: str,
    **given: str | int | tuple[str, ...] | None,
) -> int | None:
    """Add a launcher NAME that follows REPOSITORY; its first build starts at once.

    REPOSITORY is a URL, or a folder on the service's machine. With --image or
    --environment nothing is built. In a terminal, what is not given is asked for.
    """
    from service.cli.output.progress import wait_for_newest  # noqa: PLC0415 - rich is slow

    if given["image"] is None and given["environment"] is None:
        made = await add_by_asking(client, given, partial(_create, client))
    else:
        made = await _create(client, given)
    if output == "json":
        show_json(client.json_of(made))
    else:
        echo(f"Launcher {made.name} was added: {made.id}")
        await show_first_findings(client, made.source_id)
    if not wait or made.source_id is None:
        return None
    shown = "none" if output == "json" else output
    return await wait_for_newest(client, made.environment.id, output=shown)


async def _create(client: Client, asked: Given) -> "models.LauncherDetails":
    sources = [asked[name] for name in ("repository", "image", "environment")]
    if asked["name"] is None or sum(each is not None for each in sources) != 1:
        raise click.UsageError(
            "Give a NAME, and one of REPOSITORY, --image and --environment."
        )
    return await client.post(
        models.LauncherDetails, "session_launchers", body=creation(asked)
    )


@launcher.command("list", epilog=example("relaunch launcher list -o json"))
@click.option("--project", metavar="ULID", help="Only those of a project.")
@output_option
@connected
async def list_(client: Client, *, project: str | None, output: str) -> None:
    """List launchers, newest first."""
    if project:
        found = await client.list_all(
            models.LauncherDetails, "projects", project, "session_launchers"
        )
    else:
        found = await client.list_all(models.LauncherDetails, "session_launchers")
    if output == "json":
        show_json(client.json_of(found))
        return
    from service.cli.output.tables import show_table  # noqa: PLC0415 - rich is slow

    show_table(COLUMNS, [row_of(each) for each in found])


@launcher.command(epilog=example("relaunch launcher show course"))
@click.argument("name")
@output_option
@connected
async def show(client: Client, *, name: str, output: str) -> None:
    """Show one launcher."""
    found = await find_launcher(client, name)
    if output == "json":
        show_json(client.json_of(found))
        return
    environment, tracked = found.environment, tracked_by(found)
    facts(
        [
            ("launcher", found.name),
            ("id", found.id),
            ("project", found.project_id),
            ("description", found.description),
            ("repository", tracked.repository),
            ("revision", tracked.revision or "(default branch)"),
            ("folder", tracked.folder),
            ("frontend", tracked.frontend),
            ("policy", found.update_policy),
            ("scheduled rebuild", schedule_of(found)),
            ("state", state_of(found)),
            ("pinned", moment(found.pinned_at)),
            ("paused", found.paused),
            ("last build", latest_of(found)),
            ("image", image_of(found)),
            ("available image", found.available_image),
            ("command", " ".join(environment.command or ())),
            ("arguments", " ".join(environment.args or ())),
            ("environment", environment.id),
            ("source", found.source_id),
            ("generation", str(found.generation)),
            ("created", moment(found.creation_date)),
        ]
    )
    await show_findings(client, found.source_id)


@launcher.command(
    epilog=example("relaunch launcher edit course --revision v2 --policy notify")
)
@click.argument("name")
@click.option("--name", "new_name", help="Its new name.")
@click.option("--repository", help="Follow another repository.")
@REVISION
@CONTEXT
@FRONTEND
@POLICY
@SCHEDULE
@DESCRIPTION
@RESOURCES
@COMMAND
@ARGS
@output_option
@connected
async def edit(
    client: Client,
    /,
    *,
    name: str,
    output: str,
    **given: str | int | tuple[str, ...] | None,
) -> None:
    """Change a launcher; what is not given stays.

    An empty text resets revision or folder: `--revision ""`.
    """
    body = changes(given)
    if not body:
        raise click.UsageError("Nothing to change; give at least one option.")
    found = await find_launcher(client, name)
    made = await client.patch(
        models.LauncherDetails, "session_launchers", found.id, body=body
    )
    if output == "json":
        show_json(client.json_of(made))
    else:
        echo(f"Launcher {made.name} was changed.")


@launcher.command(epilog=example("relaunch launcher remove course --yes"))
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask.")
@connected
async def remove(client: Client, *, name: str, yes: bool) -> None:
    """Remove a launcher; images and history stay."""
    found = await find_launcher(client, name)
    if not yes:
        click.confirm(f"Remove launcher {found.name}?", abort=True)
    await client.delete("session_launchers", found.id)
    echo(f"Launcher {found.name} was removed.")


@launcher.command(epilog=example("relaunch launcher move course"))
@click.argument("name")
@connected
async def move(client: Client, *, name: str) -> None:
    """Move a launcher to the image that it was offered."""
    found = await find_launcher(client, name)
    made = await client.post(
        models.LauncherDetails,
        "session_launchers",
        found.id,
        "move",
        body={"image": "available"},
    )
    echo(f"Launcher {made.name} starts from {image_of(made)} now.")


launcher.add_command(pin)
launcher.add_command(unpin)
launcher.add_command(rollback)
launcher.add_command(start)
launcher.add_command(run)
