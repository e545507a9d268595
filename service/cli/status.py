"""`relaunch status`: whether all is right, and who waits for what."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import click

from service.cli.client import models
from service.cli.client.api import Client, connected
from service.cli.client.wire import UnreachableError
from service.cli.groups import Command
from service.cli.output.printing import (
    echo,
    example,
    facts,
    length,
    moment,
    output_option,
    show_json,
    waiting_line,
)
from service.cli.output.status_problems import StatusProblem, find_problems
from service.errors import InvalidRequestError, TransientError

__all__ = ["status"]

NEEDS_OPERATOR: Final = 1
UNREACHABLE: Final = 3
"""As of every other command; 2 is a wrong use of this one."""
_NEWEST: Final = 1000
"""The most that is answered at once."""
_UNFINISHED: Final = ("queued", "running")
"""In this order: a build that starts between two answers is in both, not in none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """The service as it was at one moment."""

    parts: Mapping[str, str]
    state: "models.StatusResponse | None" = None
    """None where the database or the bus did not answer."""
    unfinished: Sequence["models.BuildDetails"] = ()
    sick_hooks: Sequence["models.HookResponse"] = ()

    @property
    def problems(self) -> Sequence[StatusProblem]:
        """Return what needs an operator, worst first."""
        return find_problems(self.parts, self.state, self.sick_hooks)


@click.command(
    cls=Command,
    epilog=example(
        "relaunch status", "relaunch status --watch", "relaunch status -o json"
    ),
)
@click.option("--watch", is_flag=True, help="Show it again and again, until Ctrl-C.")
@click.option(
    "--every",
    type=click.FloatRange(0.2, 3600),
    default=2,
    show_default=True,
    help="With --watch: seconds between two looks.",
)
@output_option
@connected
async def status(client: Client, *, watch: bool, every: float, output: str) -> int:
    """Show whether all is right, what runs, and who waits for what.

    The exit code is 0 when all is right, 1 when something needs an operator, and 3 when
    no service answers.
    """
    # Also after an answer that failed: whoever watches an upgrade wants to see when the
    # service is back.
    while True:
        code = await _show_once(client, output=output, clears=watch)
        if not watch:
            return code
        client.forget()
        await asyncio.sleep(every)


async def _show_once(client: Client, *, output: str, clears: bool) -> int:
    try:
        snapshot = await _take(client)
    except UnreachableError as exc:
        if output == "json":
            show_json({"url": client.url, "error": str(exc)})
        else:
            echo(str(exc))
        return UNREACHABLE
    if output == "json":
        show_json(_to_json(client, snapshot))
    else:
        # Cleared once the new state is read: the old one stays in sight until then.
        if clears:
            click.clear()
        _show(client.url, snapshot)
    return NEEDS_OPERATOR if snapshot.problems else 0


async def _take(client: Client) -> Snapshot:
    # First, and open to everybody: it answers also when database or broker are away,
    # and all else is a refusal then.
    parts = (await client.readiness()).parts
    try:
        state = await client.get(models.StatusResponse, "status")
        builds = await _unfinished(client)
        hooks = await client.list_all(models.HookResponse, "hooks")
    except UnreachableError:
        raise
    except TransientError:
        # Which part is away stands in `parts`: that is the news.
        return Snapshot(parts=parts)
    return Snapshot(
        parts=parts,
        state=state,
        unfinished=builds,
        sick_hooks=[hook for hook in hooks if hook.status == "unhealthy"],
    )


async def _unfinished(client: Client) -> "Sequence[models.BuildDetails]":
    """Return the builds that have not ended, newest first."""
    found = dict[str, models.BuildDetails]()
    try:
        for state in _UNFINISHED:
            builds = await client.list_history(
                models.BuildDetails, "builds", state=state
            )
            found |= {build.id: build for build in builds}
    except InvalidRequestError:
        # An older service, which does not list builds by state.
        builds = await client.list(models.BuildDetails, "builds", limit=_NEWEST)
        found = {build.id: build for build in builds if build.state in _UNFINISHED}
    return sorted(found.values(), key=lambda build: build.id, reverse=True)


def _to_json(client: Client, snapshot: Snapshot) -> dict[str, object]:
    state = snapshot.state
    return {
        "url": client.url,
        "problems": [
            {"message": problem.message, "advice": problem.advice}
            for problem in snapshot.problems
        ],
        "parts": dict(snapshot.parts),
        "status": client.json_of(state) if state else None,
        "builds": [client.json_of(build) for build in snapshot.unfinished],
        "unhealthy_hooks": [client.json_of(hook) for hook in snapshot.sick_hooks],
    }


def _show(url: str, snapshot: Snapshot) -> None:
    from service.cli.output.tables import echo_styled, show_table  # noqa: PLC0415

    problems = snapshot.problems
    words = ("all is right", "green") if not problems else ("not well", "red")
    echo_styled(f"{url}: ", words)
    for problem in problems:
        echo_styled(("  ! ", "red"), problem.message)
        if problem.advice:
            echo(f"    → {problem.advice}")
    parts = ", ".join(f"{name} {text}" for name, text in snapshot.parts.items())
    echo(f"Parts: {parts}")
    if snapshot.state is None:
        return
    _show_state(snapshot.state)
    echo()
    queues = [_queue(queue) for queue in snapshot.state.queues]
    show_table(("QUEUE", "WAITING", "DEAD", "CONSUMERS"), queues)
    if snapshot.unfinished:
        echo()
        builds = [_build(build) for build in snapshot.unfinished]
        show_table(("BUILD", "STATE", "SINCE", "WAITS FOR"), builds)


def _show_state(state: "models.StatusResponse") -> None:
    queued, hooks = _backlog(state.builds_queued), state.hooks
    counts = f"{hooks.healthy} healthy, {hooks.unhealthy} unhealthy"
    facts(
        [
            ("Version", state.version),
            ("Leader", "yes" if state.has_leader else "none"),
            ("Spool", _backlog(state.spool)),
            ("Evaluations due", _backlog(state.evaluations_due)),
            ("Builds", f"{state.builds_running} running, {queued} queued"),
            ("Outdated without a build", str(state.launchers_without_build)),
            ("Hooks", f"{counts}, {hooks.unchecked} unchecked"),
            ("Sweep is late by", length(timedelta(seconds=state.sweep_lag_seconds))),
        ]
    )


def _backlog(backlog: "models.BacklogResponse") -> str:
    since = length(timedelta(seconds=backlog.oldest_seconds))
    return f"{backlog.count} (the oldest for {since})" if backlog.count else "0"


def _queue(queue: "models.QueueResponse") -> tuple[str, ...]:
    consumers = "" if queue.consumers is None else str(queue.consumers)
    return queue.role, str(queue.waiting), str(queue.dead), consumers


def _build(build: "models.BuildDetails") -> tuple[str, ...]:
    return (
        build.id,
        build.state,
        moment(build.started_at or build.created_at),
        waiting_line(build.waiting).removeprefix("waiting because "),
    )
