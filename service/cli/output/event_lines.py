"""Events of the service, each as one line for a person."""

from collections.abc import Mapping

from service.cli.output.printing import moment, reference
from service.events.envelope import Event, UndecodableEventError, data_of
from service.events.models import (
    BuildFinished,
    BuildStarted,
    BuildWaiting,
    Data,
    EnvironmentEvaluated,
    EvaluationRequested,
    LauncherUpdated,
    PushReceived,
    RebuildRequested,
)

__all__ = ["event_line"]


def event_line(event: Event, *, is_timed: bool = True) -> str:
    """Write an event as one line: when, what, and what a person asks of it first.

    Of data that this version does not know, nothing is asked.
    """
    facts = _facts(_known_data(event))
    words = "  ".join(f"{word}={text}" for word, text in facts.items() if text)
    when = f"{moment(event.time)}  " if is_timed else ""
    return f"{when}{event.name:<26} {words}"


def _known_data(event: Event) -> Data | None:
    try:
        return data_of(event)
    except UndecodableEventError:
        # Administrators follow all that is on the bus, whoever wrote it.
        return None


def _facts(data: Data | None) -> Mapping[str, str | None]:
    facts: dict[str, str | None] = {}
    match data:
        case PushReceived():
            facts = {"trigger": data.trigger, "ref": data.ref}
        case EvaluationRequested():
            facts = {"trigger": data.trigger}
        case EnvironmentEvaluated():
            facts = {"verdict": data.verdict, "reason": data.reason}
            facts |= {"trigger": data.trigger, "ref": data.ref}
            facts |= {"commit": _short(data.commit)}
        case RebuildRequested():
            facts = {"trigger": data.trigger, "commit": _short(data.commit)}
        case BuildStarted() | BuildWaiting():
            facts = {"commit": _short(data.commit)}
        case BuildFinished():
            facts = {"outcome": data.outcome, "reason": data.reason}
            facts |= {"image": reference(data.image or "")}
        case LauncherUpdated():
            facts = {"action": data.action, "commit": _short(data.commit)}
            facts |= {"image": reference(data.image)}
        case _:
            pass
    return facts


def _short(commit: str | None) -> str:
    return (commit or "")[:12]
