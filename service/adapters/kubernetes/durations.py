"""How long phases took, closer than to the second.

A container's state has whole seconds. What it says is stamped to the nanosecond, so the
first and the last line tell when it began and ended, where they were said within the
second that its state has; of one that said nothing then, the second is all one knows.
https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/#get-read-log-of-the-specified-pod
"""

import asyncio
from contextlib import aclosing
from datetime import datetime, timedelta
from typing import Final

import structlog

from service.adapters.kubernetes.client import Cluster, Json
from service.adapters.kubernetes.pods import PhaseRun, phases
from service.domain.build import PhaseTime
from service.errors import ServiceError

__all__ = ["between", "measured"]

log = structlog.get_logger(__name__)

SECOND: Final = timedelta(seconds=1)
PATIENCE: Final = timedelta(seconds=5)
"""How long all stamps may take; an outcome does not wait for them."""
_STAMP: Final = 40
"""Bytes: `2026-03-01T12:00:00.123456789+00:00` and the space after it."""


Stamps = tuple[datetime | None, datetime | None]
_NO_STAMPS: Final[Stamps] = (None, None)


async def measured(cluster: Cluster, pod: Json | None) -> tuple[PhaseTime, ...]:
    """Return how long each phase took that ended, as well as that can be told."""
    ended = [it for it in phases(pod) if it.duration is not None] if pod else []
    if pod is None or not ended:
        return ()
    name = pod["metadata"]["name"]
    try:
        async with (
            asyncio.timeout(PATIENCE.total_seconds()),
            asyncio.TaskGroup() as all_,
        ):
            tasks = [all_.create_task(_stamps(cluster, name, it.name)) for it in ended]
    except TimeoutError:
        log.info("stamps take too long", pod=name)
        stamps = [_NO_STAMPS] * len(ended)
    else:
        stamps = [it.result() for it in tasks]
    return tuple(
        PhaseTime(name=run.name, took=between(run, first, last))
        for run, (first, last) in zip(ended, stamps, strict=True)
    )


def between(run: PhaseRun, first: datetime | None, last: datetime | None) -> timedelta:
    """Return how long a phase that ended took, by its state and its log's stamps."""
    assert run.started is not None
    assert run.finished is not None
    start, end = run.started, run.finished
    if first is not None and start <= first < start + SECOND:
        start = first
    if last is not None and end <= last < end + SECOND:
        end = last
    return max(end - start, timedelta())


async def _stamps(cluster: Cluster, pod: str, phase: str) -> Stamps:
    try:
        first = await _stamp(cluster, pod, phase)
        last = await _stamp(cluster, pod, phase, tail_lines=1)
    except ServiceError as exc:
        log.debug("stamps unknown", phase=phase, error=str(exc))
        return _NO_STAMPS
    return first, last


async def _stamp(
    cluster: Cluster, pod: str, phase: str, **which: object
) -> datetime | None:
    said = b""
    chunks = cluster.log(pod, phase, timestamps=True, limit_bytes=_STAMP, **which)
    async with aclosing(chunks):
        async for chunk in chunks:
            said += chunk
    text = said.decode("utf-8", "replace").partition(" ")[0]
    try:
        stamp = datetime.fromisoformat(text)
    except ValueError:
        return None
    return stamp if stamp.tzinfo else None
