"""Parsing verified deliveries without stopping everybody else."""

import asyncio
from datetime import timedelta
from typing import Final

from handlers.bodies import BIG_BODY
from service.domain.delivery import Delivery
from service.domain.hook import Hook
from service.domain.push import Ignored, Push
from service.errors import MalformedDeliveryError, TransientError
from service.forges import apart
from service.forges.codec import CODECS
from service.ports.sandbox import Sandbox, Task, TooCostlyError

__all__ = ["Parser"]

SMALL_BODY: Final = 64 * 1024
"""Bytes: the worst body of that size takes the slow reader five milliseconds, and one
of a megabyte close to 0.4 s. Larger pushes as forges send them are read here by the
quick reader, whatever their size within `BIG_BODY`."""

_DEADLINE: Final = timedelta(seconds=8)
"""In time for the forge, which waits for ten seconds."""


class Parser:
    """Parse what costs little here, and the rest in a sandbox, a few at once.

    Args:
        sandbox: Where the rest is parsed.
        big_at_once: How many may be there.
    """

    def __init__(self, *, sandbox: Sandbox, big_at_once: int) -> None:
        self._sandbox = sandbox
        self._slots = asyncio.Semaphore(big_at_once)

    async def parse(self, hook: Hook, delivery: Delivery) -> Push | Ignored:
        """Say what a verified delivery tells.

        Raises:
            DeliveryError: It cannot be read, or is about another repository.
            TransientError: The machine has no room for it now.
        """
        codec, size = CODECS[hook.forge], len(delivery.body)
        if size <= SMALL_BODY:
            return codec.parse(hook, delivery)
        if size <= BIG_BODY and (told := codec.skim(hook, delivery)):
            return told
        question = apart.question(hook, delivery)
        try:
            async with self._slots, asyncio.timeout(_DEADLINE.total_seconds()):
                return apart.answer_of(await self._ask(question))
        except TooCostlyError as exc:
            raise MalformedDeliveryError(f"the body: {exc}") from exc
        except TimeoutError as exc:
            raise TransientError("no time to read a big body now") from exc

    async def _ask(self, question: bytes) -> bytes:
        async with self._sandbox.begin(Task.DELIVERY) as reading:
            return await reading.ask(question)
