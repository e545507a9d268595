"""What a build says, line by line, as it happens."""

from collections import deque
from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise
from typing import Final, TextIO

from service.adapters.local.job import Said
from service.adapters.local.lines import printable
from service.domain.build import PhaseTime
from service.redaction import redacted

__all__ = ["Transcript"]

MAX_LINE: Final = 4000
"""Characters; longer lines are cut. The reader takes lines of 64 KiB, as JSON."""

_KEPT: Final = 600
"""Lines that are remembered to tell why a build failed; messages of resolvers and
tracebacks are shorter."""
_ROW: Final = 100
"""Bytes that a line costs where it is kept, beside its text."""
_KEPT_ERRORS: Final = 50
_ERRORS: Final = ("\N{MULTIPLICATION SIGN}".encode(), b"error:", b"ERROR:")
"""What installers begin an error with, before all that a package's build said."""


class Transcript:
    """Says lines, up to a limit, and remembers the last ones.

    Args:
        out: Where lines go, as JSON.
        limit: Bytes that are said, with what keeping them costs; the rest is only
            remembered.
    """

    def __init__(self, out: TextIO, *, limit: int) -> None:
        self._out = out
        self._left = limit
        self._tail: deque[str] = deque()
        self._errors: deque[str] = deque(maxlen=_KEPT_ERRORS)
        self.phase = ""
        self._entered: list[tuple[str, datetime]] = []

    @property
    def tail(self) -> tuple[str, ...]:
        """The last lines of the present phase, after errors that came before them."""
        return tuple(redacted(line) for line in (*self._errors, *self._tail))

    def enter(self, phase: str, *, at: datetime) -> None:
        """Begin a phase."""
        self.phase = phase
        self._entered.append((phase, at))
        self._tail.clear()
        self._errors.clear()

    def times(self, *, until: datetime) -> tuple[PhaseTime, ...]:
        """Return how long each phase took; the last one until a moment."""
        return tuple(
            PhaseTime(name=phase, took=end - start)
            for (phase, start), (_, end) in pairwise([*self._entered, ("", until)])
        )

    def say(self, text: str) -> None:
        """Say a line, without the credentials in it."""
        self._remember(text[:MAX_LINE])
        if self._left <= 0:
            return
        self._write(redacted(text)[:MAX_LINE])
        if self._left <= 0:
            self._write("… the log has reached its limit; the rest is not kept")

    def say_all(self, lines: Sequence[bytes]) -> None:
        """Say what a tool said, once it is text."""
        for place, line in enumerate(lines, start=_KEPT - len(lines)):
            # Of a million lines that are only remembered, most are forgotten unread.
            if self._left > 0 or place >= 0 or line.lstrip().startswith(_ERRORS):
                self.say(printable(line))

    def _remember(self, line: str) -> None:
        self._tail.append(line)
        if len(self._tail) > _KEPT:
            oldest = self._tail.popleft()
            if oldest.lstrip().encode().startswith(_ERRORS):
                self._errors.append(oldest)

    def _write(self, line: str) -> None:
        said = Said(phase=self.phase, text=line.encode("utf-8", "replace").decode())
        told = said.model_dump_json() + "\n"
        self._left -= len(told) + _ROW
        self._out.write(told)
        self._out.flush()
