"""`relaunch events` outlives the service that it follows."""

import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from service.events.envelope import Event
from service.events.models import BuildStarted, Data, LauncherUpdated
from tests.cli.conftest import Run

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
REFUSED = b""
"""Ends what otherwise goes on for ever."""


def an_event(data: Data) -> dict[str, object]:
    event: dict[str, object] = json.loads(Event.of(data, id="1", time=NOON).to_bytes())
    return event


COMMIT = "3f2a9c1" + 33 * "0"
STARTED = an_event(
    BuildStarted(
        build_id="b",
        build_key="k",
        attempt=1,
        repository_url="https://github.com/me/course",
        commit=COMMIT,
    )
)
MOVED = an_event(
    LauncherUpdated(
        launcher_id="l",
        environment_id="e",
        project_id="p",
        action="moved",
        image="local/env@sha256:" + "ab" * 32,
        generation=2,
    )
)
UNKNOWN = STARTED | {"type": "dev.relaunch.build.dreamt.v1"}
ODD = STARTED | {"data": {"commit": 7}}


def told(name: str, data: object, id_: str = "") -> bytes:
    place = f"id: {id_}\n" if id_ else ""
    return f"{place}event: {name}\ndata: {json.dumps(data)}\n\n".encode()


@contextmanager
def a_service(*streams: bytes) -> Iterator[tuple[str, Sequence[str]]]:
    """Answer each request for the stream with the next one; then refuse.

    Gives the URL, and the place that each request went on from.
    """
    left, places = [*streams, REFUSED], list[str]()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path.endswith("/version"):
                self._answer(200, "application/json", b'{"version": "0.2.0"}')
                return
            places.append(self.headers.get("Last-Event-ID", ""))
            stream = left.pop(0)
            if stream == REFUSED:
                self._answer(401, "application/json", b"{}")
            else:
                self._answer(200, "text/event-stream", stream)

        def _answer(self, status: int, kind: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", places
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_events_of_a_type_are_printed_one_a_line(run: Run) -> None:
    with a_service(told("a", STARTED, "1") + told("b", MOVED, "2")) as (url, _):
        said = run("--url", url, "events", "--type", "launcher", "-o", "json")

    assert [json.loads(line) for line in said.stdout.splitlines()] == [MOVED]


def test_a_service_that_comes_back_is_followed_from_the_last_event(run: Run) -> None:
    with a_service(told("a", STARTED, "1"), told("b", MOVED, "2")) as (url, places):
        said = run("--url", url, "events", "-o", "json")

    assert [json.loads(line) for line in said.stdout.splitlines()] == [STARTED, MOVED]
    assert places == ["", "1", "2"]
    assert "went away" in said.stderr
    assert "missed" not in said.stderr


@pytest.mark.parametrize(
    "streams",
    [
        pytest.param([b": still here\n\n"], id="cut before the first event"),
        pytest.param([told("gap", {"message": "…"})], id="the service says so"),
    ],
)
def test_whoever_may_have_missed_events_is_told(run: Run, streams: list[bytes]) -> None:
    with a_service(*streams) as (url, _):
        said = run("--url", url, "events", "-o", "json")

    assert said.stdout == ""
    assert "Events may have been missed." in said.stderr


def test_an_event_is_a_line_of_what_a_person_asks_first(run: Run) -> None:
    events = (STARTED, MOVED, UNKNOWN, ODD)
    stream = b"".join(told("a", event, "1") for event in events)
    with a_service(stream) as (url, _):
        said = run("--url", url, "events")

    when = NOON.astimezone().strftime("%Y-%m-%d %H:%M:%S")
    assert said.stdout == (
        f"{when}  build.started.v2           commit=3f2a9c100000\n"
        f"{when}  launcher.updated.v1        action=moved  image=env@abababababab\n"
        f"{when}  build.dreamt.v1            \n"
        f"{when}  build.started.v2           \n"
    )
