"""Publish messages: each is confirmed by the broker, or its sender gets an error.

Many senders share one channel and do not wait for each other's confirms.
"""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from service.adapters.rabbitmq.connection import BrokerConnection, OpenConnection
from service.adapters.rabbitmq.errors import translate_errors
from service.adapters.rabbitmq.sender import UNCONFIRMED, OutgoingMessage
from service.errors import PermanentError, TransientError

__all__ = ["Publisher"]

STALLED: Final = timedelta(seconds=1)
"""A caller may cancel before the time for a confirm is over; if it waited this long
and nothing at all was confirmed meanwhile, the connection is considered dead."""


class Publisher:
    """Publish messages over a connection that is reopened when lost.

    One for each bus. It survives every reconnect; what was not confirmed fails.

    Args:
        connection: The connection.
        within: How long a confirm may take.
    """

    def __init__(self, *, connection: BrokerConnection, within: timedelta) -> None:
        self._connection = connection
        self._within = within.total_seconds()
        self._slots = asyncio.Semaphore(UNCONFIRMED)
        self._confirmed_at = 0.0

    async def send(self, messages: Sequence[OutgoingMessage]) -> None:
        """Publish messages and wait until the broker has confirmed all of them.

        Raises:
            TransientError: It has not, within the time a confirm may take.
        """
        if len(messages) == 1:
            await self._send(messages[0])
            return
        try:
            async with asyncio.TaskGroup() as group:
                for message in messages:
                    group.create_task(self._send(message))
        except ExceptionGroup as failures:
            # Anything but a transient failure is a bug and stays visible as a group; a
            # lost confirm among many is the ordinary case and becomes one error.
            _, others = failures.split(TransientError)
            if others is not None:
                raise
            first = failures.exceptions[0]
            raise TransientError(f"of {len(messages)} messages: {first}") from first

    async def _send(self, message: OutgoingMessage) -> None:
        session: OpenConnection | None = None
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            # Waiting for a slot counts: with the broker behind, senders would otherwise
            # queue up without limit and answer long after the forge gave up.
            async with asyncio.timeout(self._within), self._slots:
                session = self._connection.session()
                with translate_errors(f"publishing {message.key}"):
                    await session.sender.send(message)
        except TimeoutError as exc:
            self._drop_stalled(session, since=began)
            raise TransientError(
                f"publishing {message.key}: no confirm within {self._within:g} s"
            ) from exc
        except asyncio.CancelledError:
            # A receiver cancels after its own, shorter limit. Without this a half-open
            # connection would survive every cancelled delivery until three heartbeats
            # are missed.
            if loop.time() - began >= STALLED.total_seconds():
                self._drop_stalled(session, since=began)
            raise
        except PermanentError as exc:
            # An exchange or a permission is missing: the next session declares it or
            # reports the error. Until then the caller has to keep the event.
            # To the caller this passes: its event goes to the outbox. A permanent error
            # would have the receiver refuse deliveries for a mistake of the broker's
            # operator.
            raise TransientError(str(exc)) from exc
        self._confirmed_at = loop.time()

    def _drop_stalled(self, session: OpenConnection | None, *, since: float) -> None:
        """Drop the session if nothing at all was confirmed since a moment."""
        # Heartbeats detect a half-open connection, too, but only after three of them.
        if session is not None and self._confirmed_at < since:
            self._connection.discard(session, why="no confirms")
