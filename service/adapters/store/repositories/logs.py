"""The logs of builds: kept after the builder is gone, capped and redacted."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import select

from service.adapters.store.statements import Statements, Values
from service.adapters.store.tables.builds import log_lines, logs
from service.domain.building.build import BuildId
from service.ports.store import LogLine
from service.redaction import redact_credentials

__all__ = ["MAX_LINE", "MAX_LINES", "MAX_SIZE", "SqlBuildLogs"]

MAX_LINES: Final = 20_000
"""More than a solver that prints every candidate; less than a loop in a `setup.py`."""

MAX_SIZE: Final = 4_000_000
"""Characters: what a browser still scrolls, times any number of builds on one disk."""

MAX_LINE: Final = 8_000
"""Characters: a progress bar without line ends is not worth half a log."""

_CUT: Final = "… the log ends here: the build printed more than is kept."


@dataclass(slots=True, kw_only=True)
class _Room:
    """How much of a log is filled."""

    lines: int
    size: int
    is_cut: bool

    def fill(self, texts: Sequence[str]) -> Iterator[tuple[int, str]]:
        """Number the texts that fit; the one that does not is the last."""
        for text in texts:
            if self.is_cut:
                return
            self.is_cut = self.lines >= MAX_LINES or self.size + len(text) > MAX_SIZE
            self.lines += 1
            self.size += len(text)
            yield self.lines, _CUT if self.is_cut else text


class SqlBuildLogs:
    """Implement the port `BuildLogs`."""

    def __init__(self, statements: Statements) -> None:
        self._run = statements

    async def append(self, build: BuildId, phase: str, lines: Sequence[str]) -> None:
        if not lines:
            return
        # Redacted before it is cut: half a credential at the end of a line would not be
        # recognised as one. And before the log is held: megabytes take seconds on a
        # busy machine, and PostgreSQL ends a transaction that is idle for ten.
        texts = [_shortened(redact_credentials(line)) for line in lines]
        room = await self._room(build)
        rows: list[Values] = [
            {"build_id": build, "seq": seq, "phase": phase, "text": text}
            for seq, text in room.fill(texts)
        ]
        await self._run.add_all(log_lines, rows)
        await self._run.change(
            logs,
            {"lines": room.lines, "size": room.size, "is_cut": room.is_cut},
            logs.c.build_id == build,
        )

    async def read(
        self, build: BuildId, *, after: int = 0, limit: int = 1000
    ) -> Sequence[LogLine]:
        query = (
            select(log_lines)
            .where(log_lines.c.build_id == build, log_lines.c.seq > after)
            .order_by(log_lines.c.seq)
            .limit(limit)
        )
        return [
            LogLine(seq=row["seq"], phase=row["phase"], text=row["text"])
            for row in await self._run.rows(query)
        ]

    async def _room(self, build: BuildId) -> _Room:
        """Hold the log until the transaction ends, so that its numbers have no gap."""
        query = select(logs).where(logs.c.build_id == build)
        rows = await self._run.held(query)
        if not rows:
            empty = {"build_id": build, "lines": 0, "size": 0, "is_cut": False}
            await self._run.add(logs, empty)
            rows = await self._run.held(query)
        row = rows[0]
        return _Room(lines=row["lines"], size=row["size"], is_cut=row["is_cut"])


def _shortened(line: str) -> str:
    return line if len(line) <= MAX_LINE else line[: MAX_LINE - 1] + "…"
