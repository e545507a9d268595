"""`relaunch rebuild`, `builds`, `logs` and `cancel`: images in the making."""

from typing import Final

import click

from service.cli.answer import Answer
from service.cli.client import Client, connected
from service.cli.launcher_fields import find_launcher
from service.cli.output import (
    example,
    moment,
    output_option,
    plain,
    reference,
    say,
    show_json,
    took,
    waiting_line,
)
from service.cli.retries import retry_failed
from service.errors import NotFoundError

__all__ = ["builds", "cancel", "failure_of", "logs", "rebuild"]

ULID_LENGTH: Final = 26


@click.command(
    epilog=example(
        "relaunch rebuild course --wait",
        "relaunch rebuild --failed --since 2h --class network",
    )
)
@click.argument("launcher", required=False)
@click.option("--wait", is_flag=True, help="Wait until it has ended.")
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
    return await _rebuild_one(client, launcher, wait=wait, output=output)


async def _rebuild_one(
    client: Client, launcher: str, *, wait: bool, output: str
) -> int | None:
    from service.cli.waiting import wait_for  # noqa: PLC0415 - rich is slow

    found = await find_launcher(client, launcher)
    made = await client.post(
        "environments",
        found.inner("environment").text("id"),
        "builds",
    )
    if output == "json" and not wait:
        show_json(made.raw)
    elif output != "json":
        say(f"Build {made.text('id')} was asked for.")
    if not wait:
        return None
    return await wait_for(client, made.text("id"), output=output)


@click.command(epilog=example("relaunch builds course"))
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
        found = await client.list("builds", limit=limit)
    if output == "json":
        show_json([it.raw for it in found])
        return
    from service.cli.tables import show_table  # noqa: PLC0415 - rich is slow

    columns = ("ID", "STATE", "HOW", "WHY", "COMMIT", "CREATED", "TOOK", "RESULT")
    show_table(columns, [_row(it) for it in found])


async def _of_launcher(client: Client, text: str, *, limit: int) -> list[Answer]:
    found = await find_launcher(client, text)
    environment = found.inner("environment").text("id")
    return await client.list("environments", environment, "builds", limit=limit)


def _row(it: Answer) -> tuple[str, ...]:
    result = it.inner("result")
    return (
        it.text("id"),
        it.text("state") or it.text("status"),
        it.text("ended"),
        it.text("reason"),
        it.text("commit")[:12],
        moment(it.text("created_at")),
        took(it.text("created_at"), it.text("completed_at")),
        reference(result.text("image")) or failure_of(it) or _outlook(it),
    )


def _outlook(it: Answer) -> str:
    """Say what an unfinished build waits for, and until about when."""
    why = waiting_line(it.inner("waiting"))
    expected = it.text("expected_at")
    done = f"done about {moment(expected)}" if expected else ""
    return ", ".join(filter(None, (why, done)))


def failure_of(it: Answer) -> str:
    """Return the sentence that says how a build failed; empty when it did not."""
    return it.inner("failure").text("message") or it.text("error_reason")


@click.command(
    epilog=example(
        "relaunch logs course --follow",
        "relaunch logs 01J5M3Z0000000000000000000 --lines 20",
    )
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
    """Show what a build said; of a launcher, its newest build.

    With --follow the exit code is 0 only when the build succeeded.
    """
    name = await _build_id(client, build)
    if follow:
        from service.cli.waiting import print_log  # noqa: PLC0415 - rich is slow

        return await print_log(client, name)
    found = await client.get("builds", name, "logs", max_lines=lines)
    for phase in found.raw:
        say(found.text(str(phase)))
    if why := waiting_line((await client.get("builds", name)).inner("waiting")):
        click.echo(plain(f"build {name}: {why}"), err=True)
    return None


async def _build_id(client: Client, text: str) -> str:
    if len(text) == ULID_LENGTH and text.isalnum():
        try:
            return (await client.get("builds", text.upper())).text("id")
        except NotFoundError:
            pass
    found = await _of_launcher(client, text, limit=1)
    if not found:
        raise NotFoundError(f"launcher {text!r} has no build yet")
    return found[0].text("id")


@click.command(epilog=example("relaunch cancel 01J5M3Z0000000000000000000"))
@click.argument("build")
@connected
async def cancel(client: Client, *, build: str) -> None:
    """Cancel a build; its launcher keeps the image it has."""
    made = await client.patch("builds", build, body={"status": "cancelled"})
    say(f"Build {made.text('id') or build} was cancelled.")
