"""Spans over OTLP/HTTP: what is sent, under which name, and what happens without."""

import asyncio
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from service.adapters.otlp import open_tracer
from service.events.trace import Span, TraceContext
from tests.support.otlp import a_collector

NOW = datetime(2026, 3, 1, 12, 0, 0, 250_000, tzinfo=UTC)
VARIABLES = (
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_SERVICE_NAME",
    "OTEL_TRACES_SAMPLER",
    "OTEL_TRACES_SAMPLER_ARG",
)


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


def a_span(unique: str = "a push", *, error: str = "") -> Span:
    context = TraceContext.begin(unique)
    return Span(
        name="evaluate",
        context=context.child("evaluation 1"),
        parent=context,
        began=NOW,
        ended=NOW + timedelta(seconds=1.5),
        attributes={"relaunch.source": "one", "relaunch.attempt": 2},
        error=error,
    )


async def test_a_span_keeps_its_ids_times_and_attributes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with a_collector() as collector:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
        span = a_span(error="https://me:c4n4ry@host/x did not answer")
        async with open_tracer(version="1") as tracer:
            tracer.record([span])

    (received,) = collector.spans
    assert received.trace_id == span.context.trace_id
    assert received.span_id == span.context.span_id
    assert received.parent_id == TraceContext.begin("a push").span_id
    assert (received.began, received.ended) == (span.began, span.ended)
    assert received.attributes == {"relaunch.source": "one", "relaunch.attempt": 2}
    assert "did not answer" in received.error
    assert "c4n4ry" not in received.error
    assert received.service == "relaunch"


async def test_the_standard_variables_name_it_and_choose_whole_traces(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with a_collector() as collector:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
        monkeypatch.setenv("OTEL_SERVICE_NAME", "rebuilds")
        monkeypatch.setenv("OTEL_TRACES_SAMPLER", "parentbased_traceidratio")
        monkeypatch.setenv("OTEL_TRACES_SAMPLER_ARG", "0.5")
        for _ in range(2):  # two processes
            async with open_tracer(version="1") as tracer:
                tracer.record(a_span(str(number)) for number in range(100))

    chosen = [span.trace_id for span in collector.spans]
    assert 20 < len(set(chosen)) < 80
    assert sorted(chosen) == sorted(2 * list(set(chosen)))
    assert {span.service for span in collector.spans} == {"rebuilds"}


async def test_a_collector_that_hangs_holds_no_process_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hanging: list[asyncio.StreamWriter] = []

    async def hang(_: object, writer: asyncio.StreamWriter) -> None:
        hanging.append(writer)

    server = await asyncio.start_server(hang, "127.0.0.1", 0)
    async with server:
        host, port = server.sockets[0].getsockname()
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://{host}:{port}")
        # Longer than this test may take: it ends by our own limit or not at all.
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "600")
        async with open_tracer(version="1") as tracer:
            tracer.record([a_span()])
        for writer in hanging:
            writer.close()

    assert hanging


def test_without_the_extra_the_setting_is_refused_with_the_command(
    tmp_path: Path,
) -> None:
    program = (
        "import sys; sys.modules['opentelemetry.exporter'] = None\n"
        "from service.cli import main\n"
        "sys.argv = ['relaunch', 'dev', '--listen', '127.0.0.1:0']\n"
        "main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={"RELAUNCH_TRACES": "true", "RELAUNCH_DATA": str(tmp_path)},
        capture_output=True,
        check=False,
        text=True,
    )

    assert done.returncode != 0
    assert "pip install 'relaunch[traces]'" in done.stderr
    assert "Traceback" not in done.stderr


def test_nobody_who_is_not_traced_imports_the_library() -> None:
    program = (
        "import sys, service.app.engines, service.app.roles.receive\n"
        "print([name for name in sys.modules if name.startswith('opentelemetry')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, check=True, text=True
    )

    assert done.stdout.strip() == "[]"
