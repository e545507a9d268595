"""Ship the logs of a build's containers to a store that outlives the pod.

The stored log is its own position: it holds the container's lines one for one, so a
shipper that resumes skips as many lines of a phase as are stored already.
A node rotates logs at 10 MiB, and far less than that is stored for a build
(https://kubernetes.io/docs/concepts/cluster-administration/logging/#log-rotation).
"""

from collections import Counter
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import aclosing
from datetime import timedelta
from typing import Final, Protocol

from service.adapters.kubernetes.client import Cluster
from service.domain.building.build import Build, BuildId
from service.errors import ServiceError
from service.ports.store import LogLine
from service.ports.time import Clock
from service.redaction import LineRedactor

__all__ = ["ATTEMPT", "LogShipper", "PodLogs", "count_kept_lines", "read_tail"]

ATTEMPT: Final = "attempt"
"""The phase name of the line that marks the start of another attempt."""
_TAIL: Final = 600
"""Lines from which a failure is diagnosed; error messages of resolvers and tracebacks
are shorter."""
_BATCH_TIME: Final = timedelta(milliseconds=200)
"""How long lines are collected before they are stored; a reader notices no delay."""
_MAX_LINE: Final = 32_000
"""Bytes of a line that are stored; a progress bar may be one endless line."""
_PAGE: Final = 5000


class PodLogs(Protocol):
    """The store of build logs."""

    async def append(self, build: BuildId, phase: str, lines: Sequence[str]) -> None:
        """Append lines of a phase, in order."""
        ...

    async def read(
        self, build: BuildId, *, after: int = 0, limit: int = 1000
    ) -> Sequence[LogLine]:
        """Return the lines after a sequence number, in order."""
        ...


class LogShipper:
    """Ships the logs of one attempt's containers to the log store.

    The builder creates one for each attempt that it follows. It survives lost log
    connections; after a restart another one resumes from the stored lines.
    """

    def __init__(
        self, *, cluster: Cluster, logs: PodLogs, clock: Clock, build: Build
    ) -> None:
        self._cluster = cluster
        self._logs = logs
        self._clock = clock
        self._build = build
        self._kept: Counter[str] | None = None

    async def ship(self, pod: str, phase: str, *, is_over: bool) -> None:
        """Ship a container's log from the stored position to the end of the stream.

        Args:
            pod: The pod of the container.
            phase: The name of the container.
            is_over: Whether it has terminated: only then is its last line complete, and
                the end of the stream the end of the log.

        Raises:
            ServiceError: The connection or the store failed; shipped lines are stored.
        """
        try:
            await self._ship(pod, phase, is_over=is_over)
        except ServiceError:
            # The store may have committed lines whose confirmation was lost, so the
            # counts are read again from the store before the next attempt.
            self._kept = None
            raise

    async def _ship(self, pod: str, phase: str, *, is_over: bool) -> None:
        kept = await self._position()
        # A log can only be read from its start, so stored lines are skipped by count.
        # They are the same lines: nothing else writes to the phase.
        # The store may have cut the log at its limit; then fewer lines are skipped than
        # were sent, and the store drops the rest again.
        skip = kept[phase]
        batches = _split_lines(
            self._cluster.log(pod, phase, follow=not is_over), is_over=is_over
        )
        async with aclosing(batches):
            async for batch in batches:
                new = batch[skip:]
                skip -= len(batch) - len(new)
                if not new:
                    continue
                await self._logs.append(self._build.id, phase, new)
                kept[phase] += len(new)
                # Lines that arrive meanwhile form one batch, so a container that logs a
                # lot costs at most five writes a second.
                await self._clock.sleep(_BATCH_TIME)

    async def _position(self) -> Counter[str]:
        """Return how many lines of each phase are stored; mark a new attempt."""
        if self._kept is not None:
            return self._kept
        # Once for each attempt that is followed. Afterwards the counts are kept here,
        # as no other process ships the same attempt.
        lines = await self._read_all()
        kept = count_kept_lines(lines, attempt=self._build.attempt)
        if kept is None:
            marker = _marker(self._build.attempt)
            await self._logs.append(self._build.id, ATTEMPT, [marker])
            kept = Counter()
        self._kept = kept
        return kept

    async def _read_all(self) -> Sequence[LogLine]:
        lines: list[LogLine] = []
        while True:
            after = lines[-1].seq if lines else 0
            page = await self._logs.read(self._build.id, after=after, limit=_PAGE)
            lines += page
            if len(page) < _PAGE:
                return lines


def count_kept_lines(lines: Iterable[LogLine], *, attempt: int) -> Counter[str] | None:
    """Count the lines of each phase that a log holds of an attempt.

    Returns None when the log does not contain the start of the attempt yet.
    """
    counts: Counter[str] | None = Counter() if attempt == 1 else None
    for line in lines:
        if line.phase == ATTEMPT:
            counts = Counter() if line.text == _marker(attempt) else None
        elif counts is not None:
            counts[line.phase] += 1
    return counts


async def read_tail(cluster: Cluster, pod: str, container: str) -> str:
    """Read the last lines of a container's log, with credentials redacted.

    Raises:
        ServiceError: The log cannot be read.
    """
    chunks = cluster.log(pod, container, tail_lines=_TAIL)
    lines: list[str] = []
    batches = _split_lines(chunks, is_over=True)
    async with aclosing(batches):
        async for batch in batches:
            lines += batch
    return "\n".join(lines)


def _marker(attempt: int) -> str:
    return f"attempt {attempt}"


async def _split_lines(
    chunks: AsyncGenerator[bytes, None], *, is_over: bool
) -> AsyncGenerator[list[str], None]:
    """Split a stream into lines; a batch holds the lines of one chunk."""
    partial, redactor = b"", LineRedactor()
    async with aclosing(chunks):
        async for chunk in chunks:
            *whole, partial = (partial + chunk).split(b"\n")
            # Cut while it grows, not at its end: a progress bar without line ends would
            # fill the memory.
            partial = partial[:_MAX_LINE]
            if whole:
                yield [redactor.redact(_decode(line)) for line in whole]
    # Without a newline, the last line of a running container may still grow.
    if partial and is_over:
        yield [redactor.redact(_decode(partial))]


def _decode(line: bytes) -> str:
    text = line[:_MAX_LINE].decode("utf-8", "replace")
    return text.rstrip("\r").replace("\x00", "�")
