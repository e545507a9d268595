"""Spans as OpenTelemetry has them, sent over OTLP/HTTP.

Where to, how much and under which name stands in the variables of the specification:
https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
"""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta
from typing import Final

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import Decision
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags

from service.events import trace
from service.redaction import redact_credentials

__all__ = ["OtlpTracer", "open_tracer"]

FLUSH: Final = timedelta(seconds=3)
"""What a process that stops may still take to send spans: far less than the ten seconds
that an exporter tries by default, as a stop has a grace period."""
_KINDS: Final = {
    trace.SpanKind.SERVER: SpanKind.SERVER,
    trace.SpanKind.PRODUCER: SpanKind.PRODUCER,
    trace.SpanKind.INTERNAL: SpanKind.INTERNAL,
}
_MICROSECOND: Final = timedelta(microseconds=1)
_NANOSECONDS: Final = 1000
_UNNAMED: Final = "unknown_service"
_EPOCH: Final = datetime.fromisoformat("1970-01-01T00:00:00Z")


class OtlpTracer:
    """Implement the port `Tracer` with the SDK's sampler, resource and processor."""

    def __init__(self, provider: TracerProvider, processor: SpanProcessor) -> None:
        self._sampler = provider.sampler
        self._resource = provider.resource
        self._processor = processor

    def record(self, spans: Iterable[trace.Span]) -> None:
        # Finished spans and not the SDK's own, which draw their ids and live in the
        # process that began them: a build outlives its leader.
        for span in spans:
            if self._is_sampled(span):
                self._processor.on_end(self._to_readable(span))

    def _is_sampled(self, span: trace.Span) -> bool:
        # Asked as for a root each time: by the id of the trace, every process decides
        # the same of all its spans.
        trace_id = int(span.context.trace_id, 16)
        result = self._sampler.should_sample(None, trace_id, span.name)
        return result.decision is Decision.RECORD_AND_SAMPLE

    def _to_readable(self, span: trace.Span) -> ReadableSpan:
        return ReadableSpan(
            name=span.name,
            context=_to_context(span.context),
            parent=_to_context(span.parent, is_remote=True) if span.parent else None,
            resource=self._resource,
            attributes=span.attributes,
            kind=_KINDS[span.kind],
            status=_to_status(span.error),
            start_time=_to_nanoseconds(span.began),
            end_time=_to_nanoseconds(max(span.began, span.ended)),
            instrumentation_scope=InstrumentationScope("relaunch"),
        )


@asynccontextmanager
async def open_tracer(*, version: str) -> AsyncIterator[OtlpTracer]:
    """Open a tracer, and send what it holds after the block, within a time limit."""
    # No arguments: each of them would win over the variable of the specification.
    exporter = OTLPSpanExporter()
    processor = BatchSpanProcessor(exporter)
    provider = TracerProvider(resource=_resource(version), shutdown_on_exit=False)
    try:
        yield OtlpTracer(provider, processor)
    finally:
        await _end(processor, exporter)


def _resource(version: str) -> Resource:
    resource = Resource.create({SERVICE_VERSION: version})
    # What is passed to `create` wins over OTEL_SERVICE_NAME, so our name comes after.
    if str(resource.attributes[SERVICE_NAME]).startswith(_UNNAMED):
        return resource.merge(Resource({SERVICE_NAME: "relaunch"}))
    return resource


async def _end(processor: SpanProcessor, exporter: OTLPSpanExporter) -> None:
    """Send what is left; give up in time where nobody answers."""
    loop, done = asyncio.get_running_loop(), asyncio.Event()

    def shut_down() -> None:
        processor.shutdown()
        with suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(done.set)

    # A daemon thread of its own: the loop waits for those of its executor at the end,
    # and an exporter tries for seconds to reach a collector that is away.
    threading.Thread(target=shut_down, daemon=True).start()
    try:
        async with asyncio.timeout(FLUSH.total_seconds()):
            await done.wait()
    except TimeoutError:
        exporter.shutdown()  # type: ignore[no-untyped-call]


def _to_context(context: trace.TraceContext, *, is_remote: bool = False) -> SpanContext:
    return SpanContext(
        trace_id=int(context.trace_id, 16),
        span_id=int(context.span_id, 16),
        is_remote=is_remote,
        trace_flags=TraceFlags(TraceFlags.SAMPLED),
    )


def _to_status(error: str) -> Status:
    if not error:
        return Status(StatusCode.UNSET)
    return Status(StatusCode.ERROR, redact_credentials(error))


def _to_nanoseconds(at: datetime) -> int:
    return (at - _EPOCH) // _MICROSECOND * _NANOSECONDS
