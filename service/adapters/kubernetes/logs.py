"""What the containers of a build say, into a log that outlives the pod.

The log itself says how far it is: line for line it is what the containers said, so
whoever goes on, after whatever broke, skips as many lines of a phase as are kept.
A node rotates logs at 10 MiB, and far less than that is kept of a build
(https://kubernetes.io/docs/concepts/cluster-administration/logging/#log-rotation).
"""

from collections import Counter
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import aclosing
from datetime import timedelta
from typing import Final, Protocol

from service.adapters.kubernetes.client import Cluster
from service.domain.build import Build, BuildId
from service.errors import ServiceError
from service.ports.store import LogLine
from service.ports.time import Clock
from service.redaction import redacted

__all__ = ["ATTEMPT", "Carrier", "Logs", "kept_of", "tail"]

ATTEMPT: Final = "attempt"
"""The phase under which a log says that another attempt begins."""
_TAIL: Final = 600
"""Lines that tell why a phase failed; messages of resolvers and tracebacks are
shorter."""
_BATCH_TIME: Final = timedelta(milliseconds=200)
"""How long lines may wait for others: what a person takes for at once."""
_MAX_LINE: Final = 32_000
"""Bytes of a line that are looked at; a progress bar may be one endless line."""
_PAGE: Final = 5000


class Logs(Protocol):
    """Keeps what builds say."""

    async def append(self, build: BuildId, phase: str, lines: Sequence[str]) -> None:
        """Keep some lines of a phase, in order."""
        ...

    async def read(
        self, build: BuildId, *, after: int = 0, limit: int = 1000
    ) -> Sequence[LogLine]:
        """Return lines after a place, in order."""
        ...


class Carrier:
    """Carries what the containers of one attempt say to where it is kept."""

    def __init__(
        self, *, cluster: Cluster, logs: Logs, clock: Clock, build: Build
    ) -> None:
        self._cluster = cluster
        self._logs = logs
        self._clock = clock
        self._build = build
        self._kept: Counter[str] | None = None

    async def carry(self, pod: str, phase: str, *, is_over: bool) -> None:
        """Carry what a container says, from where it was left; return at its end.

        Args:
            pod: Whose container it is.
            phase: Its name.
            is_over: Whether it has ended: only then its last line is whole, and the
                end of what it says is the end.

        Raises:
            ServiceError: Something broke; what was carried is kept.
        """
        try:
            await self._carry(pod, phase, is_over=is_over)
        except ServiceError:
            # Whether the last lines were kept is on record, not here.
            self._kept = None
            raise

    async def _carry(self, pod: str, phase: str, *, is_over: bool) -> None:
        kept = await self._position()
        skip = kept[phase]
        batches = _lines(
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
                # What is said meanwhile comes in one piece then.
                await self._clock.sleep(_BATCH_TIME)

    async def _position(self) -> Counter[str]:
        """Return how many lines of each phase are kept; begin a new attempt."""
        if self._kept is not None:
            return self._kept
        said = await self._all()
        kept = kept_of(said, attempt=self._build.attempt)
        if kept is None:
            marker = _marker(self._build.attempt)
            await self._logs.append(self._build.id, ATTEMPT, [marker])
            kept = Counter()
        self._kept = kept
        return kept

    async def _all(self) -> Sequence[LogLine]:
        said: list[LogLine] = []
        while True:
            after = said[-1].seq if said else 0
            page = await self._logs.read(self._build.id, after=after, limit=_PAGE)
            said += page
            if len(page) < _PAGE:
                return said


def kept_of(said: Iterable[LogLine], *, attempt: int) -> Counter[str] | None:
    """Return how many lines of each phase of an attempt a log holds.

    None when the log has yet to say that the attempt begins.
    """
    counts: Counter[str] | None = Counter() if attempt == 1 else None
    for line in said:
        if line.phase == ATTEMPT:
            counts = Counter() if line.text == _marker(attempt) else None
        elif counts is not None:
            counts[line.phase] += 1
    return counts


async def tail(cluster: Cluster, pod: str, container: str) -> str:
    """Return the last lines that a container said, without credentials.

    Raises:
        ServiceError: They cannot be had.
    """
    chunks = cluster.log(pod, container, tail_lines=_TAIL)
    said: list[str] = []
    batches = _lines(chunks, is_over=True)
    async with aclosing(batches):
        async for batch in batches:
            said += batch
    return "\n".join(said)


def _marker(attempt: int) -> str:
    return f"attempt {attempt}"


async def _lines(
    chunks: AsyncGenerator[bytes, None], *, is_over: bool
) -> AsyncGenerator[list[str], None]:
    """Cut a stream into lines, as many at once as came at once."""
    begun = b""
    async with aclosing(chunks):
        async for chunk in chunks:
            *whole, begun = (begun + chunk).split(b"\n")
            begun = begun[:_MAX_LINE]
            if whole:
                yield [_text(it) for it in whole]
    if begun and is_over:
        yield [_text(begun)]


def _text(line: bytes) -> str:
    text = line[:_MAX_LINE].decode("utf-8", "replace")
    return redacted(text.rstrip("\r").replace("\x00", "�"))
