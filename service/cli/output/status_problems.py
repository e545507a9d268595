"""Which states of the service need an operator, and what to do; pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from service.cli.client import models
from service.cli.output.printing import length

__all__ = ["StatusProblem", "find_problems"]

# The limits of the alert rules (charts/relaunch/files/alerts.yaml): whoever is woken by
# an alert finds the same here.
_LONGEST: Final[Mapping[str, tuple[timedelta, str, str]]] = {
    "spool": (
        timedelta(minutes=5),
        "events wait for the bus",
        "see that the broker answers, and that a consumer runs",
    ),
    "evaluations_due": (
        timedelta(minutes=10),
        "sources wait for an evaluation",
        "see that forges answer: relaunch explain LAUNCHER",
    ),
    "builds_queued": (
        timedelta(hours=1),
        "builds wait to be started",
        "relaunch builds shows because of what",
    ),
}
_LATE: Final = timedelta(hours=1)
_PARTS: Final[Mapping[str, tuple[str, str]]] = {
    "store": (
        "database",
        "start it, or correct RELAUNCH_DATABASE; forges get errors meanwhile",
    ),
    "bus": (
        "broker",
        "start it, or correct RELAUNCH_BUS; nothing is lost meanwhile",
    ),
}
"""What operators call each part, and what to do when it is away."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusProblem:
    """Something that does not pass by itself."""

    message: str
    advice: str = ""


def find_problems(
    parts: Mapping[str, str],
    state: "models.StatusResponse | None",
    sick_hooks: Sequence["models.HookResponse"],
) -> Sequence[StatusProblem]:
    """Return what needs an operator, worst first."""
    found = [_part(name, text) for name, text in parts.items() if text != "ok"]
    # Without the database nothing else can be known: what is in it may be fine.
    if state is None:
        return found or [
            StatusProblem(message="the state of the service cannot be read")
        ]
    return [
        *found,
        *_processes(state),
        *_backlogs(state),
        *_letters(state),
        *_launchers(state),
        *(_hook(hook) for hook in sick_hooks),
    ]


def _part(name: str, state: str) -> StatusProblem:
    known, advice = _PARTS.get(name, (name, ""))
    return StatusProblem(message=f"the {known} does not answer: {state}", advice=advice)


def _processes(state: "models.StatusResponse") -> Iterator[StatusProblem]:
    if not state.has_leader:
        yield StatusProblem(
            message="no consumer leads: nothing is built or swept",
            advice="start `relaunch consume`, or read the log of the one that runs",
        )
    for queue in state.queues:
        # 0 and not None: a bus that is a table does not know who reads it.
        if queue.consumers == 0:
            yield StatusProblem(
                message=f"nobody consumes the queue of {queue.role}",
                advice="start `relaunch consume`",
            )


def _backlogs(state: "models.StatusResponse") -> Iterator[StatusProblem]:
    backlogs = {
        "spool": state.spool,
        "evaluations_due": state.evaluations_due,
        "builds_queued": state.builds_queued,
    }
    for name, backlog in backlogs.items():
        longest, what, advice = _LONGEST[name]
        waited = timedelta(seconds=backlog.oldest_seconds)
        if waited > longest:
            message = f"{backlog.count} {what}, the oldest for {length(waited)}"
            yield StatusProblem(message=message, advice=advice)
    # The lag counts from the time at which a source was due, so it is 0 on a service
    # that keeps up, whatever its intervals are.
    late = timedelta(seconds=state.sweep_lag_seconds)
    if late > _LATE:
        yield StatusProblem(
            message=f"the sweep is {length(late)} late",
            advice="raise RELAUNCH_SWEEP_MAX_PER_HOUR, or see whether forges answer",
        )


def _letters(state: "models.StatusResponse") -> Iterator[StatusProblem]:
    for queue in state.queues:
        if queue.dead:
            yield StatusProblem(
                message=f"{queue.dead} messages of {queue.role} could not be handled",
                advice="relaunch dead-letters list",
            )


def _launchers(state: "models.StatusResponse") -> Iterator[StatusProblem]:
    # Behind, with nothing on its way and no wait that ends: the fault that nobody would
    # notice, as no build fails and no message waits.
    if count := state.launchers_without_build:
        yield StatusProblem(
            message=f"{count} launchers are outdated, and no build is under way",
            advice="relaunch explain LAUNCHER; after a mend: relaunch rebuild --failed",
        )


def _hook(hook: "models.HookResponse") -> StatusProblem:
    health = hook.health
    return StatusProblem(
        message=f"hook {hook.id}: {health.message if health else hook.status}",
        advice=health.remedy if health else "",
    )
