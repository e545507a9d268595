"""The log of a build in its worker: lines, phases and the last errors."""

from collections import deque
from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise
from typing import Final, TextIO

from service.adapters.local.job import WorkerMessage
from service.adapters.local.lines import printable
from service.domain.building.build import PhaseTime
from service.redaction import LineRedactor

__all__ = ["Transcript"]

MAX_LINE: Final = 4000
"""Characters; longer lines are cut. The reader takes lines of 64 KiB, as JSON."""

_KEPT: Final = 600
"""Lines kept to classify a failure; messages of resolvers and tracebacks are
shorter."""
_ROW: Final = 100
"""Bytes that storing a line takes in addition to its text."""
_KEPT_ERRORS: Final = 50
_ERRORS: Final = ("\N{MULTIPLICATION SIGN}".encode(), b"error:", b"ERROR:")
"""How installers begin an error, which a package's whole build output may follow."""


class Transcript:
    """Write log lines up to a limit, and remember the last ones.

    Args:
        out: Receives the lines, as JSON.
        limit: Bytes of the log, with the overhead of storing them; later lines are
            only remembered.
    """

    def __init__(self, out: TextIO, *, limit: int) -> None:
        self._out = out
        self._redactor = LineRedactor()
        self._left = limit
        self._tail: deque[str] = deque()
        self._errors: deque[str] = deque(maxlen=_KEPT_ERRORS)
        self.phase = ""
        self._entered: list[tuple[str, datetime]] = []

    @property
    def tail(self) -> tuple[str, ...]:
        """The last lines of the present phase, after errors that came before them."""
        redactor = LineRedactor()
        return tuple(redactor.redact(line) for line in (*self._errors, *self._tail))

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

    def log(self, text: str) -> None:
        """Write a line, without the credentials in it."""
        self._remember(text[:MAX_LINE])
        if self._left <= 0:
            return
        self._write(self._redactor.redact(text)[:MAX_LINE])
        if self._left <= 0:
            self._write("… the log has reached its limit; the rest is not kept")

    def log_output(self, lines: Sequence[bytes]) -> None:
        """Write the output of a tool, decoded."""
        for position, line in enumerate(lines, start=_KEPT - len(lines)):
            # Beyond the limit, lines that `_remember` would drop again are not even
            # decoded: a tool may print a million of them.
            if self._left > 0 or position >= 0 or line.lstrip().startswith(_ERRORS):
                self.log(printable(line))

    def _remember(self, line: str) -> None:
        self._tail.append(line)
        if len(self._tail) > _KEPT:
            oldest = self._tail.popleft()
            # The error of an installer stands before hundreds of lines of a package's
            # own build; without keeping it the failure could not be classified.
            if oldest.lstrip().encode().startswith(_ERRORS):
                self._errors.append(oldest)

    def _write(self, line: str) -> None:
        message = WorkerMessage(
            phase=self.phase, text=line.encode("utf-8", "replace").decode()
        )
        record = message.model_dump_json() + "\n"
        self._left -= len(record) + _ROW
        self._out.write(record)
        self._out.flush()
