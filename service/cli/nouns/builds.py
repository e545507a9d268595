"""`relaunch rebuild`, `builds`, `logs` and `cancel`: images in the making."""

import shlex
from contextlib import suppress
from typing import Final

import click

from service.cli.client import models
from service.cli.client.api import Client, connected
from service.cli.groups import Command
from service.cli.launchers.fields import find_launcher
from service.cli.nouns.retries import retry_failed
from service.cli.output.printing import (
    echo,
    example,
    moment,
    output_option,
    plain,
    reference,
    show_json,
    took,
    waiting_line,
)
from service.errors import ConflictError, NotFoundError

__all__ = ["builds", "cancel", "failure_of", "logs", "rebuild"]

ULID_LENGTH: Final = 26


@click.command(
    cls=Command,
    epilog=example(
        "relaunch rebuild course --wait",
        "relaunch rebuild --failed --since 2h --class network",
    ),
)
@click.argument("launcher", required=False)
@click.option("--wait", is_flag=True, help="Wait until it has ended.")
@click.option("--queue", is_flag=True, help="Behind a build in progress, if any.")
@click.option("--failed", is_flag=True, help="All launchers whose last build failed.")
@click.option("--since", metavar="TIME", help="With --failed: no longer ago (2h, 1d).")
@click.option(
    "--class",
    "classes",
    multiple=True,
    metavar="CLASS",
    help="With --failed: only of this class, such as network; more than once, too.",
)
@output_option
@connected
async def rebuild(
    client: Client,
    *,
    launcher: str | None,
    wait: bool,
    queue: bool,
    failed: bool,
    since: str | None,
    classes: tuple[str, ...],
    output: str,
) -> int | None:
    """Build a launcher's environment now, even if its image is there.

    With --wait the exit code is 0 only when the build succeeded. With --failed
    everything is tried again that failed, whatever the launchers' policy.
    """
    if failed and launcher is None and not wait:
        await retry_failed(client, since=since, classes=classes, output=output)
        return None
    if launcher is None or failed or since or classes:
        raise click.UsageError(
            "Name a LAUNCHER, or give --failed, to which --since and --class belong."
        )
    return await _rebuild_one(client, launcher, wait=wait, queue=queue, output=output)


async def _rebuild_one(
    client: Client, launcher: str, *, wait: bool, queue: bool, output: str
) -> int | None:
    from service.cli.output.progress import wait_for  # noqa: PLC0415 - rich is slow

    found = await find_launcher(client, launcher)
    try:
        made = await client.post(
            models.BuildDetails,
            "environments",
            found.environment.id,
            "builds",
            queue="true" if queue else None,
        )
    except ConflictError as exc:
        name = shlex.quote(found.name)
        raise ConflictError(
            f"launcher {found.name!r} has a build under way already; "
            f"`relaunch logs {name} --follow` shows it, "
            f"`relaunch cancel {name}` ends it, --queue waits for it"
        ) from exc
    if output == "json" and not wait:
        show_json(client.json_of(made))
    elif output != "json":
        echo(f"Build {made.id} was asked for.")
    if not wait:
        return None
    return await wait_for(client, made.id, output=output)


@click.command(cls=Command, epilog=example("relaunch builds course"))
@click.argument("launcher", required=False)
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True)
@output_option
@connected
async def builds(
    client: Client, *, launcher: str | None, limit: int, output: str
) -> None:
    """List builds, newest first; all of them, or those of a launcher."""
    if launcher:
        found = await _of_launcher(client, launcher, limit=limit)
    else:
        found = await client.list(models.BuildDetails, "builds", limit=limit)
    if output == "json":
        show_json(client.json_of(found))
        return
    from service.cli.output.tables import show_table  # noqa: PLC0415 - rich is slow

    columns = ("ID", "STATE", "HOW", "WHY", "COMMIT", "CREATED", "TOOK", "RESULT")
    show_table(columns, [_row(build) for build in found])


async def _of_launcher(
    client: Client, text: str, *, limit: int
) -> "list[models.BuildDetails]":
    found = await find_launcher(client, text)
    return await client.list(
        models.BuildDetails,
        "environments",
        found.environment.id,
        "builds",
        limit=limit,
    )


def _row(build: "models.BuildDetails") -> tuple[str, ...]:
    image = reference(build.result.image) if build.result else ""
    return (
        build.id,
        build.state,
        build.ended or "",
        build.reason,
        (build.commit or "")[:12],
        moment(build.created_at),
        took(build.created_at, build.completed_at),
        image or failure_of(build) or _outlook(build),
    )


def _outlook(build: "models.BuildDetails") -> str:
    """Describe what an unfinished build waits for, and until about when."""
    why = waiting_line(build.waiting)
    done = f"done about {moment(build.expected_at)}" if build.expected_at else ""
    return ", ".join(filter(None, (why, done)))


def failure_of(build: "models.BuildDetails") -> str:
    """Return the sentence of a build's failure; empty when it did not fail."""
    return build.failure.message if build.failure else build.error_reason or ""


@click.command(
    cls=Command,
    epilog=example(
        "relaunch logs course --follow",
        "relaunch logs 01J5M3Z0000000000000000000 --lines 20",
    ),
)
@click.argument("build", metavar="BUILD|LAUNCHER")
@click.option("-f", "--follow", is_flag=True, help="Go on until the build has ended.")
@click.option(
    "-n",
    "--lines",
    type=click.IntRange(1, 100_000),
    default=1000,
    show_default=True,
    help="How many of the last lines.",
)
@connected
async def logs(client: Client, *, build: str, follow: bool, lines: int) -> int | None:
    """Show the log of a build; of a launcher, its newest build.

    With --follow the exit code is 0 only when the build succeeded.
    """
    name = await _build_id(client, build)
    if follow:
        from service.cli.output.progress import print_log  # noqa: PLC0415 - rich is slow

        return await print_log(client, name)
    log = await client.get(models.BuildLogs, "builds", name, "logs", max_lines=lines)
    for text in log.root.values():
        echo(text)
    found = await client.get(models.BuildDetails, "builds", name)
    if note := _note(found, has_log=bool(log.root)):
        click.echo(plain(f"build {name}: {note}"), err=True)
    return None


def _note(build: "models.BuildDetails", *, has_log: bool) -> str:
    """Describe what a build waits for, or why it has no log."""
    state, why = build.state, failure_of(build)
    note = f"{state} without a log: {why}" if why else f"{state}, without a log so far"
    return waiting_line(build.waiting) or ("" if has_log else note)


async def _build_id(client: Client, text: str) -> str:
    if len(text) == ULID_LENGTH and text.isalnum():
        with suppress(NotFoundError):
            found = await client.get(models.BuildDetails, "builds", text.upper())
            return found.id
        with suppress(NotFoundError):
            return await _newest_of(client, text)
        raise NotFoundError(f"there is neither a build nor a launcher {text!r}")
    return await _newest_of(client, text)


async def _newest_of(client: Client, text: str) -> str:
    found = await _of_launcher(client, text, limit=1)
    if not found:
        raise NotFoundError(f"launcher {text!r} has no build yet")
    return found[0].id


@click.command(
    cls=Command,
    epilog=example(
        "relaunch cancel course", "relaunch cancel 01J5M3Z0000000000000000000"
    ),
)
@click.argument("build", metavar="BUILD|LAUNCHER")
@connected
async def cancel(client: Client, *, build: str) -> None:
    """Cancel a build, or a launcher's newest; the launcher keeps the image it has."""
    name = await _build_id(client, build)
    body = {"status": "cancelled"}
    made = await client.patch(models.BuildDetails, "builds", name, body=body)
    echo(f"Build {made.id} was cancelled.")
