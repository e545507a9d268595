"""The one loop between bus and consumers: decode, handle, settle by error type.

| what the handler does       | what becomes of the message                  |
|-----------------------------|----------------------------------------------|
| returns                     | acknowledged: its effect is durable          |
| raises TransientError       | comes again, later each time, then buried    |
| raises PermanentError       | buried with the reason                       |
| raises anything else (bug)  | comes again a few times, then buried         |
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from datetime import timedelta
from typing import Final

import structlog

from service.errors import PermanentError, TransientError
from service.ports.bus import Bus, Message, Role
from service.wire import Data, Event, UndecodableEventError, data_of

__all__ = ["Handle", "Runner"]

log = structlog.get_logger(__name__)

Handle = Callable[[Event, Data], Awaitable[None]]

FIRST_WAIT: Final = timedelta(seconds=1)
LONGEST_WAIT: Final = timedelta(minutes=5)
MAX_ATTEMPTS: Final = 12
"""With doubling waits up to five minutes: about half an hour of trouble."""
MAX_BUG_ATTEMPTS: Final = 4
"""A bug seldom passes, but one that another message caused may."""


class Runner:
    """Handle every message of a role."""

    def __init__(self, *, bus: Bus, role: Role, handle: Handle, prefetch: int) -> None:
        self._bus = bus
        self._role = role
        self._handle = handle
        self._prefetch = prefetch

    async def run(self) -> None:
        """Handle messages until cancelled."""
        async with (
            aclosing(self._bus.messages(self._role, prefetch=self._prefetch)) as all_,
            asyncio.TaskGroup() as group,
        ):
            async for message in all_:
                group.create_task(self._settle(message))

    async def _settle(self, message: Message) -> None:
        try:
            await self._take(message)
        except TransientError as exc:
            # It could not be settled, so the bus brings it again.
            log.warning("message not settled", role=self._role.name, error=str(exc))
        except Exception:
            # As before; and the other messages under way are no part of it.
            log.exception("message not settled", role=self._role.name)

    async def _take(self, message: Message) -> None:
        try:
            event = Event.from_bytes(message.body)
            data = data_of(event)
            if data is not None:  # a type newer than this version is not for us
                await self._handle(event, data)
        except TransientError as exc:
            await self._again(message, exc, limit=MAX_ATTEMPTS)
        except (PermanentError, UndecodableEventError) as exc:
            log.error("message buried", role=self._role.name, error=str(exc))
            await self._bury(message, exc)
        except Exception as exc:
            log.exception("consumer failed", role=self._role.name)
            await self._again(message, exc, limit=MAX_BUG_ATTEMPTS)
        else:
            await message.ack()

    async def _again(self, message: Message, exc: Exception, *, limit: int) -> None:
        if message.attempt >= limit:
            log.error(
                "message buried",
                role=self._role.name,
                attempts=message.attempt,
                error=str(exc),
            )
            await self._bury(message, exc)
            return
        wait = min(FIRST_WAIT * 2 ** (message.attempt - 1), LONGEST_WAIT)
        if isinstance(exc, TransientError) and exc.retry_after:
            wait = max(wait, exc.retry_after)
        await message.retry(after=wait, error=_reason(exc))

    async def _bury(self, message: Message, exc: Exception) -> None:
        await message.bury(error=_reason(exc))


def _reason(exc: Exception) -> str:
    return f"{type(exc).__name__}: {exc}"
