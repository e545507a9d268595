"""A receiver of OTLP over HTTP, which reads what it gets as the protocol defines it.

https://opentelemetry.io/docs/specs/otlp/#otlphttp
"""

import gzip
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span as WireSpan

__all__ = ["Collector", "ReceivedSpan", "a_collector"]

PROTOBUF = "application/x-protobuf"
_NANOSECONDS = 1_000_000_000


@dataclass(frozen=True, kw_only=True)
class ReceivedSpan:
    """A span as it came over the wire."""

    name: str
    trace_id: str
    span_id: str
    parent_id: str
    kind: str
    began: datetime
    ended: datetime
    attributes: Mapping[str, str | int]
    error: str
    service: str
    instance: str
    """The process that sent it."""


@dataclass(kw_only=True)
class Collector:
    """Keeps whatever is exported to it."""

    url: str
    spans: list[ReceivedSpan] = field(default_factory=list)

    def of(self, trace_id: str) -> Mapping[str, ReceivedSpan]:
        """Return the spans of a trace by their ids."""
        return {span.span_id: span for span in self.spans if span.trace_id == trace_id}

    async def export(self, request: web.Request) -> web.Response:
        assert request.content_type == PROTOBUF
        body = await request.read()
        if (
            request.headers.get("Content-Encoding") == "gzip"
            and body[:2] == b"\x1f\x8b"
        ):
            body = gzip.decompress(body)
        message = ExportTraceServiceRequest.FromString(body)
        for resource in message.resource_spans:
            facts = {
                item.key: item.value.string_value
                for item in resource.resource.attributes
            }
            self.spans += [
                _read(span, facts)
                for scope in resource.scope_spans
                for span in scope.spans
            ]
        answer = ExportTraceServiceResponse().SerializeToString()
        return web.Response(body=answer, content_type=PROTOBUF)


def _read(span: WireSpan, resource: Mapping[str, str]) -> ReceivedSpan:
    values = {item.key: item.value for item in span.attributes}
    return ReceivedSpan(
        name=span.name,
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        parent_id=span.parent_span_id.hex(),
        kind=WireSpan.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_"),
        began=datetime.fromtimestamp(span.start_time_unix_nano / _NANOSECONDS, UTC),
        ended=datetime.fromtimestamp(span.end_time_unix_nano / _NANOSECONDS, UTC),
        attributes={
            key: value.string_value or value.int_value for key, value in values.items()
        },
        error=span.status.message,
        service=resource["service.name"],
        instance=resource["service.instance.id"],
    )


@asynccontextmanager
async def a_collector() -> AsyncIterator[Collector]:
    """Listen on a free port of this machine."""
    collector = Collector(url="")
    application = web.Application()
    application.router.add_post("/v1/traces", collector.export)
    runner = web.AppRunner(application)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        collector.url = f"http://{host}:{port}"
        yield collector
    finally:
        await runner.cleanup()
