"""Events become spans: of a crowd of deliveries, of earlier versions, of no trace."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from service.events.envelope import Event
from service.events.spans import spans_of
from service.events.trace import Span, TraceContext

FOLDER = Path(__file__).parent.parent / "recorded" / "events"
NOW = datetime(2026, 3, 1, 12, 1, tzinfo=UTC)
CONTEXT = TraceContext.begin("a push")


def spans(event: Event) -> list[Span]:
    return list(spans_of(event, began=NOW, ended=NOW + timedelta(seconds=1)))


def recorded(name: str, **data: object) -> Event:
    event = Event.from_bytes((FOLDER / f"{name}.json").read_bytes())
    changed = {"traceparent": CONTEXT.to_traceparent(), "data": event.data | data}
    return event.model_copy(update=changed)


def test_deliveries_that_share_an_event_have_a_request_each() -> None:
    earlier = {
        "delivery_id": "earlier",
        "hook_id": "hook",
        "received_at": "2026-03-01T12:00:00Z",
    }
    *requests, publish = spans(recorded("push.received.v2", earlier=[earlier]))

    assert [span.name for span in requests] == ["request", "request"]
    assert requests[0].attributes["relaunch.delivery"] == "earlier"
    assert publish.parent == requests[1].context
    assert publish.context == CONTEXT
    assert publish.attributes["messaging.batch.message_count"] == 2


def test_a_replay_has_no_request() -> None:
    (publish,) = spans(recorded("push.received.v2", trigger="replay"))

    assert publish.parent is None


def test_a_failed_build_says_why() -> None:
    times = {
        "created_at": "2026-03-01T12:00:00Z",
        "started_at": "2026-03-01T12:00:02Z",
        "finished_at": "2026-03-01T12:00:09Z",
        "attempt": 3,
    }
    build, queue = spans(recorded("build.finished.v2.failed", **times))

    assert build.error == "It failed as the test said."
    assert build.attributes["relaunch.attempt"] == 3
    assert (queue.parent, queue.ended - queue.began) == (
        build.context,
        timedelta(seconds=2),
    )


@pytest.mark.parametrize("path", sorted(FOLDER.iterdir()), ids=lambda path: path.stem)
def test_every_recorded_event_is_no_error_and_none_is_a_span_without_a_trace(
    path: Path,
) -> None:
    event = Event.from_bytes(path.read_bytes())

    spans(event.model_copy(update={"traceparent": CONTEXT.to_traceparent()}))
    assert spans(event.model_copy(update={"traceparent": None})) == []


def test_what_cannot_be_read_has_no_span() -> None:
    event = recorded("push.received.v2").model_copy(update={"data": {"ref": 1}})

    assert spans(event) == []
