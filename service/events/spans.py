"""The spans of a trace, out of the events that report what was done.

Events are committed facts with their times, so a step has its span whichever process
began it, and none that was rolled back has one.

    request ─ publish ─ evaluate ─┬─ build ─ queue, clone, …, export
                                  └─ rollout
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from service.events.envelope import Event, UndecodableEventError, data_of
from service.events.models import (
    ArrivalData,
    BuildFinished,
    Data,
    EnvironmentEvaluated,
    LauncherUpdated,
    PushReceived,
)
from service.events.trace import Span, SpanKind, TraceContext

__all__ = ["build_step", "evaluation_step", "spans_of"]


def evaluation_step(evaluation_id: str) -> str:
    """Name the step of an evaluation; what it requests is caused by it."""
    return f"evaluation {evaluation_id}"


def build_step(build_id: str) -> str:
    """Name the step of a build, over all its attempts."""
    return f"build {build_id}"


def spans_of(event: Event, *, began: datetime, ended: datetime) -> Iterator[Span]:
    """Yield the spans that an event completes; none outside of a trace.

    Args:
        event: It was published.
        began: When its publication began.
        ended: When the bus confirmed it.
    """
    context = TraceContext.parse(event.traceparent)
    if context is None:
        return
    try:
        data = data_of(event)
    except UndecodableEventError:
        return  # whoever consumes it says so
    for span in _spans(data, context, began=began, ended=ended, at=event.time):
        yield replace(span, attributes=_known(span.attributes))


def _spans(
    data: Data | None,
    context: TraceContext,
    *,
    began: datetime,
    ended: datetime,
    at: datetime,
) -> Iterator[Span]:
    match data:
        case PushReceived():
            yield from _arrived(data, context, began=began, ended=ended)
        case EnvironmentEvaluated():
            yield from _evaluated(data, context)
        case BuildFinished():
            yield from _built(data, context)
        case LauncherUpdated():
            yield _rolled_out(data, context, at=at, ended=ended)
        case _:
            return


def _arrived(
    data: PushReceived, context: TraceContext, *, began: datetime, ended: datetime
) -> Iterator[Span]:
    # Deliveries that share an event share its trace, each with a request of its own.
    arrivals: tuple[PushReceived | ArrivalData, ...] = (*data.earlier, data)
    requests = [
        _request(arrival, data, context, ended=ended)
        for arrival in arrivals
        if arrival.delivery_id and data.trigger == "push"
    ]
    yield from requests
    yield Span(
        name="publish",
        context=context,
        parent=requests[-1].context if requests else None,
        began=began,
        ended=ended,
        kind=SpanKind.PRODUCER,
        attributes={
            "messaging.operation.type": "send",
            "messaging.batch.message_count": 1 + len(data.earlier),
            "relaunch.trigger": data.trigger,
        },
    )


def _request(
    arrival: PushReceived | ArrivalData,
    data: PushReceived,
    context: TraceContext,
    *,
    ended: datetime,
) -> Span:
    return Span(
        name="request",
        context=context.child(f"request {arrival.delivery_id}"),
        parent=None,
        began=arrival.received_at,
        ended=ended,
        kind=SpanKind.SERVER,
        attributes={
            "relaunch.delivery": arrival.delivery_id or "",
            "relaunch.hook": arrival.hook_id or "",
            "vcs.repository.url.full": data.repository.url,
            "vcs.ref.head.name": data.ref,
            "vcs.ref.head.revision": arrival.after,
        },
    )


def _evaluated(data: EnvironmentEvaluated, context: TraceContext) -> Iterator[Span]:
    if data.started_at is None or data.completed_at is None:
        return  # of a version that did not write them
    yield Span(
        name="evaluate",
        context=context.child(evaluation_step(data.evaluation_id)),
        parent=context,
        began=data.started_at,
        ended=data.completed_at,
        attributes={
            "relaunch.evaluation": data.evaluation_id,
            "relaunch.source": data.source_id,
            "relaunch.verdict": data.verdict,
            "relaunch.reason": data.reason,
            "vcs.ref.head.revision": data.commit or "",
        },
        error=data.message if data.verdict == "unknown" else "",
    )


def _built(data: BuildFinished, context: TraceContext) -> Iterator[Span]:
    if not data.build_id or data.created_at is None or data.finished_at is None:
        return  # nothing was built, or a version that did not write times
    build = context.child(build_step(data.build_id))
    yield Span(
        name="build",
        context=build,
        parent=context,
        began=data.created_at,
        ended=data.finished_at,
        attributes={
            "relaunch.build": data.build_id,
            "relaunch.attempt": data.attempt or 1,
            "relaunch.outcome": data.outcome,
            "relaunch.reason": data.reason,
        },
        error=data.failure.message if data.failure else "",
    )
    if data.started_at is not None:
        queue = build.child("queue")
        yield Span(
            name="queue",
            context=queue,
            parent=build,
            began=data.created_at,
            ended=data.started_at,
        )
    # Phases of the last attempt: those before left their failure in the log alone.
    for phase in data.phases or ():
        if phase.started_at is not None:
            yield Span(
                name=phase.name,
                context=build.child(f"phase {phase.name}"),
                parent=build,
                began=phase.started_at,
                ended=phase.started_at + timedelta(seconds=phase.seconds),
            )


def _rolled_out(
    data: LauncherUpdated, context: TraceContext, *, at: datetime, ended: datetime
) -> Span:
    """Describe the time from the transaction until others can hear of it."""
    return Span(
        name="rollout",
        context=context.child(f"rollout {data.launcher_id} {data.generation}"),
        parent=context,
        began=at,
        ended=max(at, ended),
        attributes={
            "relaunch.launcher": data.launcher_id,
            "relaunch.action": data.action,
            "relaunch.image": data.image,
        },
    )


def _known(attributes: Mapping[str, str | int]) -> Mapping[str, str | int]:
    return {name: value for name, value in attributes.items() if value != ""}
