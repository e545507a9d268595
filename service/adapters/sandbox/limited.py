"""A sandbox with places for some tasks that compute at once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from service.domain.building.tools import Tools
from service.ports.sandbox import Conversation, Sandbox, Task

__all__ = ["LimitedSandbox"]

AT_ONCE: Final = 4
"""What strangers' files may make children take of the processors together is bounded,
however many evaluations are under way. A child that waits for a forge has no place: a
few definitions on a server that trickles would keep all others from being read."""


class LimitedSandbox:
    """Any sandbox; who finds no place waits for one, with each message.

    Args:
        sandbox: Does the work.
        at_once: How many of its tasks compute at once.
    """

    def __init__(self, sandbox: Sandbox, *, at_once: int = AT_ONCE) -> None:
        self._sandbox = sandbox
        self._places = asyncio.Semaphore(at_once)

    @property
    def tools(self) -> Tools:
        """The tools that will build what is read."""
        return self._sandbox.tools

    @asynccontextmanager
    async def begin(self, task: Task) -> AsyncIterator[Conversation]:
        """Implement the port."""
        async with self._sandbox.begin(task) as conversation:
            yield _Limited(conversation, self._places)


class _Limited:
    """A conversation whose task computes only in a place."""

    def __init__(self, conversation: Conversation, places: asyncio.Semaphore) -> None:
        self._conversation = conversation
        self._places = places

    async def ask(self, message: bytes) -> bytes:
        """Implement the port."""
        async with self._places:
            return await self._conversation.ask(message)
