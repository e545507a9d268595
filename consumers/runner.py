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

from service.domain.backoff import Backoff
from service.errors import PermanentError, TransientError
from service.events.envelope import Event, UndecodableEventError, data_of
from service.events.models import Data
from service.logs import log_about
from service.ports.bus import Bus, Message, Role

__all__ = ["Handle", "Runner"]

log = structlog.get_logger(__name__)

Handle = Callable[[Event, Data], Awaitable[None]]

BACKOFF: Final = Backoff(first=timedelta(seconds=1), longest=timedelta(minutes=5))
MAX_ATTEMPTS: Final = 12
"""With doubling waits up to five minutes: about half an hour of trouble."""
MAX_BUG_ATTEMPTS: Final = 4
"""A bug seldom passes, but one that another message caused may."""


# One per role and process. The bus limits how many messages are unacknowledged
# (prefetch), and that is the only limit of concurrency here.
class Runner:
    """Handle every message of a role."""

    def __init__(
        self,
        *,
        bus: Bus,
        role: Role,
        handle: Handle,
        prefetch: int,
        seen: Callable[[Event], None] = lambda _: None,
    ) -> None:
        self._bus = bus
        self._role = role
        self._handle = handle
        self._prefetch = prefetch
        self._seen = seen

    async def run(self) -> None:
        """Handle messages until cancelled."""
        async with (
            aclosing(self._bus.messages(self._role, prefetch=self._prefetch)) as all_,
            asyncio.TaskGroup() as group,
        ):
            # Tasks in a group and not one after the other: a message whose handler
            # waits for the database does not hold up those behind it. Order is no
            # promise of the bus.
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
            _log_about(event)
            self._seen(event)
            data = data_of(event)
            if data is not None:  # a type newer than this version is not for us
                await self._handle(event, data)
        except TransientError as exc:
            await self._again(message, exc, limit=MAX_ATTEMPTS)
        # Not retried: the same bytes fail in the same way, and at the head of a queue
        # they would be delivered again for ever.
        except (PermanentError, UndecodableEventError) as exc:
            log.error("message buried", role=self._role.name, error=str(exc))
            await self._bury(message, exc)
        except Exception as exc:
            log.exception("consumer failed", role=self._role.name)
            await self._again(message, exc, limit=MAX_BUG_ATTEMPTS)
        else:
            # In `else`: a failing acknowledgement is not a failing handler. Inside the
            # `try` it would be counted as an attempt, and the message retried although
            # it was handled.
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
        wait = BACKOFF.wait_after(message.attempt)
        if isinstance(exc, TransientError) and exc.retry_after:
            # A forge's own limit may be longer than our backoff, and attempts before it
            # are lost attempts: the message would be dead-lettered before the limit
            # ends.
            wait = max(wait, exc.retry_after)
        await message.retry(after=wait, error=_reason(exc))

    async def _bury(self, message: Message, exc: Exception) -> None:
        await message.dead_letter(error=_reason(exc))


def _log_about(event: Event) -> None:
    data = event.data
    log_about(
        traceparent=event.traceparent,
        **{name: data.get(f"{name}_id") for name in ("delivery", "source", "build")},
    )


def _reason(exc: Exception) -> str:
    return f"{type(exc).__name__}: {exc}"
