"""Deliveries at a steady rate, whatever becomes of those before."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from aiohttp import ClientSession, ClientTimeout

from tests.support.courses import Course
from tests.support.patience import Patience
from tests.support.service import Service, delivery

__all__ = ["PER_SECOND", "Act", "Stream", "eventually"]

PER_SECOND: Final = 20
FORGES_WAIT: Final = 10
"""Seconds; then a forge takes the delivery for failed."""
HANGS: Final = 60
"""Seconds that no answer takes, however busy the machine is."""

Act = Callable[[], Awaitable[object]]


@dataclass(kw_only=True)
class Stream:
    """What a forge sends for a course, and what it is told."""

    receiver: Service
    course: Course
    accepted: list[str] = field(default_factory=list)
    refused: list[tuple[int, Mapping[str, str]]] = field(default_factory=list)
    refused_at: list[float] = field(default_factory=list)
    slowest: float = 0.0

    async def send(self, count: int, *, at: Mapping[int, Act] | None = None) -> None:
        """Send deliveries, and do what is to be done at some of them beside."""
        began = time.monotonic()
        acts = at or {}
        async with (
            ClientSession(timeout=ClientTimeout(total=FORGES_WAIT)) as session,
            asyncio.TaskGroup() as group,
        ):
            for number in range(count):
                due = began + number / PER_SECOND - time.monotonic()
                await asyncio.sleep(max(0.0, due))
                if number in acts:
                    group.create_task(_awaited(acts[number]))
                group.create_task(self._post(session))

    async def keep_sending(self, over: asyncio.Event, *, pause: float) -> None:
        """Send until it is over; whatever hangs fails the test."""
        async with (
            ClientSession(timeout=ClientTimeout(total=HANGS)) as session,
            asyncio.TaskGroup() as group,
        ):
            while not over.is_set():
                group.create_task(self._post(session))
                await asyncio.sleep(pause)

    async def _post(self, session: ClientSession) -> None:
        tip = self.course.repo.tip()
        path, headers, body = delivery(self.course.hook, "refs/heads/main", tip)
        began = time.monotonic()
        async with session.post(
            self.receiver.url + path,
            data=body,
            headers={**headers, "Content-Type": "application/json"},
        ) as answer:
            told = await answer.json()
        self.slowest = max(self.slowest, time.monotonic() - began)
        if answer.status == 202:
            self.accepted.append(told["delivery"])
        else:
            self.refused.append((answer.status, dict(answer.headers)))
            self.refused_at.append(time.monotonic())


async def _awaited(act: Act) -> None:
    await act()


async def eventually(
    holds: Callable[[], Awaitable[bool]], what: str, seconds: float
) -> None:
    """Return once something holds; fail after so many seconds of a calm machine."""
    patience = Patience(seconds)
    while not await holds():
        assert not patience.is_over(), f"waited {seconds} s for {what}"
        await asyncio.sleep(0.2)
