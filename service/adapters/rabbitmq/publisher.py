"""Messages out: each is confirmed by the broker, or its sender learns that it was not.

Many senders share one channel and do not wait for each other's confirms.
"""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from service.adapters.rabbitmq.failures import translated
from service.adapters.rabbitmq.link import Link, Session
from service.adapters.rabbitmq.sender import UNCONFIRMED, Parcel
from service.errors import PermanentError, TransientError

__all__ = ["Publisher"]

STALLED: Final = timedelta(seconds=1)
"""A sender in a hurry gives up before the time for a confirm is over; when it waited
this long and nothing at all was confirmed meanwhile, the connection is to blame."""


class Publisher:
    """Sends parcels over a link.

    Args:
        link: The connection.
        within: How long a confirm may take.
    """

    def __init__(self, *, link: Link, within: timedelta) -> None:
        self._link = link
        self._within = within.total_seconds()
        self._room = asyncio.Semaphore(UNCONFIRMED)
        self._confirmed_at = 0.0

    async def send(self, parcels: Sequence[Parcel]) -> None:
        """Return once the broker has confirmed every parcel.

        Raises:
            TransientError: It did not, within the time a confirm may take.
        """
        if len(parcels) == 1:
            await self._send(parcels[0])
            return
        try:
            async with asyncio.TaskGroup() as group:
                for parcel in parcels:
                    group.create_task(self._send(parcel))
        except ExceptionGroup as failures:
            _, others = failures.split(TransientError)
            if others is not None:
                raise
            first = failures.exceptions[0]
            raise TransientError(f"of {len(parcels)} messages: {first}") from first

    async def _send(self, parcel: Parcel) -> None:
        session: Session | None = None
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            async with asyncio.timeout(self._within), self._room:
                session = self._link.session()
                with translated(f"publishing {parcel.key}"):
                    await session.sender.send(parcel)
        except TimeoutError as exc:
            self._suspect(session, since=began)
            raise TransientError(
                f"publishing {parcel.key}: no confirm within {self._within:g} s"
            ) from exc
        except asyncio.CancelledError:
            if loop.time() - began >= STALLED.total_seconds():
                self._suspect(session, since=began)
            raise
        except PermanentError as exc:
            # An exchange or a permission is gone; the next session finds it mended or
            # says what is wrong. Whoever publishes must keep the event until then.
            raise TransientError(str(exc)) from exc
        self._confirmed_at = loop.time()

    def _suspect(self, session: Session | None, *, since: float) -> None:
        """Give up a connection on which nothing at all was confirmed meanwhile.

        Heartbeats find a half-open connection too, but take three of them.
        """
        if session is not None and self._confirmed_at < since:
            self._link.discard(session, why="no confirms")
