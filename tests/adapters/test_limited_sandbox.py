"""However many read at once, so many children compute."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from service.adapters.sandbox.limited import LimitedSandbox
from service.definitions.messages import begin
from service.ports.sandbox import Conversation, Task
from tests.support.sandbox import SANDBOX


class Watched:
    """The sandbox of every test; it counts who computes."""

    def __init__(self) -> None:
        self.tools = SANDBOX.tools
        self.inside = self.most = 0

    @asynccontextmanager
    async def begin(self, task: Task) -> AsyncIterator[Conversation]:
        async with SANDBOX.begin(task) as conversation:
            yield WatchedConversation(self, conversation)


class WatchedConversation:
    def __init__(self, watched: Watched, conversation: Conversation) -> None:
        self._watched = watched
        self._conversation = conversation

    async def ask(self, message: bytes) -> bytes:
        watched = self._watched
        watched.inside += 1
        watched.most = max(watched.most, watched.inside)
        try:
            return await self._conversation.ask(message)
        finally:
            watched.inside -= 1


async def test_who_finds_no_place_waits_and_everybody_has_a_turn() -> None:
    watched = Watched()
    limited = LimitedSandbox(watched, at_once=2)
    served = 0

    async def read() -> None:
        nonlocal served
        async with limited.begin(Task.DEFINITION) as conversation:
            assert await conversation.ask(begin(""))
            served += 1

    async with asyncio.TaskGroup() as group:
        for _ in range(5):
            group.create_task(read())

    assert (served, watched.most, watched.inside) == (5, 2, 0)
    assert limited.tools == SANDBOX.tools


async def test_who_waits_for_a_forge_keeps_nobody_from_computing() -> None:
    limited = LimitedSandbox(SANDBOX, at_once=2)
    async with asyncio.timeout(60), AsyncExitStack() as stack:
        for _ in range(3):
            conversation = await stack.enter_async_context(
                limited.begin(Task.DEFINITION)
            )
            # Its question is asked of a forge from here on.
            assert await conversation.ask(begin(""))
