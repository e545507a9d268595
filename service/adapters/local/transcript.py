"""What a build says, line by line, as it happens."""

from collections import deque
from datetime import datetime
from itertools import pairwise
from typing import Final, TextIO

from service.adapters.local.job import Said
from service.adapters.redact import redacted
from service.domain.build import PhaseTime

__all__ = ["Transcript"]

MAX_LINE: Final = 4000
"""Characters; longer lines are cut. The reader's buffer takes 64 KiB."""

_KEPT: Final = 600
"""Lines that are remembered to tell why a build failed; messages of resolvers and
tracebacks are shorter."""


class Transcript:
    """Says lines, up to a limit, and remembers the last ones.

    Args:
        out: Where lines go, as JSON.
        limit: Bytes of text that are said; the rest is only remembered.
    """

    def __init__(self, out: TextIO, *, limit: int) -> None:
        self._out = out
        self._left = limit
        self._tail: deque[str] = deque(maxlen=_KEPT)
        self.phase = ""
        self._entered: list[tuple[str, datetime]] = []

    @property
    def tail(self) -> tuple[str, ...]:
        """The last lines of the present phase."""
        return tuple(self._tail)

    def enter(self, phase: str, *, at: datetime) -> None:
        """Begin a phase."""
        self.phase = phase
        self._entered.append((phase, at))
        self._tail.clear()

    def times(self, *, until: datetime) -> tuple[PhaseTime, ...]:
        """Return how long each phase took; the last one until a moment."""
        return tuple(
            PhaseTime(name=phase, took=end - start)
            for (phase, start), (_, end) in pairwise([*self._entered, ("", until)])
        )

    def say(self, text: str) -> None:
        """Say a line, without the credentials in it."""
        line = redacted(text)[:MAX_LINE]
        self._tail.append(line)
        if self._left <= 0:
            return
        self._left -= len(line.encode("utf-8", "replace")) + 1
        self._write(line)
        if self._left <= 0:
            self._write("… the log has reached its limit; the rest is not kept")

    def _write(self, line: str) -> None:
        said = Said(phase=self.phase, text=line.encode("utf-8", "replace").decode())
        self._out.write(said.model_dump_json() + "\n")
        self._out.flush()
