"""Measure the duration of phases with more precision than a second.

Container states have whole seconds, log lines have nanoseconds. So the timestamps of
the first and the last line refine start and end, when they lie within the second of the
state; for a container without such lines the whole seconds remain.
https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/#get-read-log-of-the-specified-pod
"""

import asyncio
from contextlib import aclosing
from datetime import datetime, timedelta
from typing import Final

import structlog

from service.adapters.kubernetes.client import Cluster, Json
from service.adapters.kubernetes.status.phases import PhaseRun, phases
from service.domain.building.build import PhaseTime
from service.errors import ServiceError

__all__ = ["measure_durations", "measure_phase"]

log = structlog.get_logger(__name__)

SECOND: Final = timedelta(seconds=1)
TIME_LIMIT: Final = timedelta(seconds=5)
"""The time limit of reading all timestamps: an outcome must not wait for them."""
_STAMP: Final = 40
"""Bytes: `2026-03-01T12:00:00.123456789+00:00` and the space after it."""


Stamps = tuple[datetime | None, datetime | None]
_NO_STAMPS: Final[Stamps] = (None, None)


async def measure_durations(
    cluster: Cluster, pod: Json | None
) -> tuple[PhaseTime, ...]:
    """Measure the duration of each finished phase, as precisely as possible."""
    ended = (
        [phase for phase in phases(pod) if phase.duration is not None] if pod else []
    )
    if pod is None or not ended:
        return ()
    name = pod["metadata"]["name"]
    try:
        async with (
            asyncio.timeout(TIME_LIMIT.total_seconds()),
            asyncio.TaskGroup() as group,
        ):
            tasks = [
                group.create_task(_read_stamps(cluster, name, phase.name))
                for phase in ended
            ]
    except TimeoutError:
        log.info("log timestamps timed out", pod=name)
        stamps = [_NO_STAMPS] * len(ended)
    else:
        stamps = [task.result() for task in tasks]
    return tuple(
        measure_phase(run, first, last)
        for run, (first, last) in zip(ended, stamps, strict=True)
    )


def measure_phase(
    run: PhaseRun, first: datetime | None, last: datetime | None
) -> PhaseTime:
    """Return the times of a finished phase, by its state and log timestamps."""
    assert run.started is not None
    assert run.finished is not None
    start, end = run.started, run.finished
    # Only within the second that the state names: a log that was rotated, or a clock
    # that differs between kubelet and runtime, would make durations absurd.
    if first is not None and start <= first < start + SECOND:
        start = first
    if last is not None and end <= last < end + SECOND:
        end = last
    took = max(end - start, timedelta())
    return PhaseTime(name=run.name, took=took, started_at=start)


async def _read_stamps(cluster: Cluster, pod: str, phase: str) -> Stamps:
    try:
        first = await _read_stamp(cluster, pod, phase)
        last = await _read_stamp(cluster, pod, phase, tail_lines=1)
    except ServiceError as exc:
        log.debug("log timestamps unknown", phase=phase, error=str(exc))
        return _NO_STAMPS
    return first, last


async def _read_stamp(
    cluster: Cluster, pod: str, phase: str, **which: object
) -> datetime | None:
    text = b""
    chunks = cluster.log(pod, phase, timestamps=True, limit_bytes=_STAMP, **which)
    async with aclosing(chunks):
        async for chunk in chunks:
            text += chunk
    prefix = text.decode("utf-8", "replace").partition(" ")[0]
    try:
        stamp = datetime.fromisoformat(prefix)
    except ValueError:
        return None
    return stamp if stamp.tzinfo else None
