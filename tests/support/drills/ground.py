"""Where drills are had: an installation, and a course that is followed in it."""

import asyncio
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.support.courses import Course
from tests.support.drills.alarms import until_calm
from tests.support.drills.installation import Installation
from tests.support.forge import HostedRepo
from tests.support.stream import eventually

__all__ = ["Ground"]

_SHOWN_WITHIN = 20.0
"""Seconds of a calm machine: the leader measures what waits every 15 s."""


@dataclass(frozen=True, kw_only=True)
class Ground:
    """The installation, and a course that is followed in it."""

    there: Installation
    repo: HostedRepo
    course: Course
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(2))

    def number(self) -> int:
        """Return a number for what is pushed: a drill that is tried again pushes anew.

        Of what was pushed before an evaluation says that nothing changed.
        """
        return next(self._numbers)

    async def reset(self) -> None:
        """Have everything run and the course current, whatever became of a drill."""
        await self.there.restore()
        launcher = self.course.launcher["id"]
        seen = await self.there.ask("GET", f"/session_launchers/{launcher}")
        if seen["outdated"]:
            await self.there.operator.run(f"relaunch rebuild --queue {launcher}")
        await self.there.until_current(self.course)
        await until_calm(self.there.prometheus)

    async def shows(self, panel: str) -> dict[str, float]:
        return await asyncio.to_thread(self.there.dashboard.reads, panel)

    async def until_counted(self, series: str) -> None:
        """Wait until Prometheus has counted something."""

        async def is_counted() -> bool:
            found = f"{series} > 0"
            return bool(await asyncio.to_thread(self.there.prometheus.query, found))

        await eventually(is_counted, series, _SHOWN_WITHIN)

    async def until_shown(self, panel: str, line: str, least: float) -> None:
        """Wait until a panel shows so much; it is drawn anew every few seconds."""

        async def is_shown() -> bool:
            return (await self.shows(panel)).get(line, 0) >= least

        try:
            await eventually(is_shown, f"{line} in {panel}", _SHOWN_WITHIN)
        except AssertionError as exc:
            raise AssertionError(f"{exc}: {await self.shows(panel)}") from exc
