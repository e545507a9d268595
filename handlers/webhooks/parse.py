"""Parsing verified deliveries without stopping everybody else."""

import asyncio
from datetime import timedelta
from typing import Final

from handlers.webhooks.body import BIG_BODY
from service.domain.delivery import Delivery
from service.domain.hook import Hook
from service.errors import MalformedDeliveryError, TransientError
from service.forges import child_parser
from service.forges.registry import FORGES
from service.forges.spec import Parsed
from service.ports.sandbox import Sandbox, Task, TooCostlyError

__all__ = ["Parser"]

SMALL_BODY: Final = 64 * 1024
"""Bytes: a body of that size takes the slow reader two milliseconds at worst, and one
of a megabyte close to 0.4 s. Larger pushes as forges send them are read here by the
quick reader, whatever their size within `BIG_BODY`."""

MOST_CONTAINERS: Final = 1500
"""Lists and objects of a small body: 20,000, which fit into it, take the slow reader
five milliseconds, and the garbage collector up to forty. A push of 200 commits has
1,200."""

_OPENING: Final = (b"[", b"{")
_OPENING_IN_FORM: Final = (b"%5B", b"%5b", b"%7B", b"%7b")
"""How a list or an object begins, in JSON and in a form."""

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

    async def parse(self, hook: Hook, delivery: Delivery) -> Parsed:
        """Read a verified delivery.

        Raises:
            DeliveryError: It cannot be read, or is about another repository.
            TransientError: The machine has no room for it now.
        """
        codec, size = FORGES[hook.forge].codec, len(delivery.body)
        # `skim` reads into the few fields we use and gives up (None) on anything
        # unusual; such a body then takes a slower way, and no decision depends on the
        # quick reader being complete.
        if size <= BIG_BODY and codec.skim and (parsed := codec.skim(hook, delivery)):
            return parsed
        # On the event loop, which everybody shares: both conditions bound how long the
        # others wait. A small body of nested lists is the expensive one, hence the
        # second.
        if size <= SMALL_BODY and _is_flat(delivery.body):
            return codec.parse(hook, delivery)
        question = child_parser.question(hook, delivery)
        try:
            # The slot counts against the deadline on purpose: a forge that has to wait
            # for a free child gives up after ten seconds in any case, and then the
            # answer is 503 and not a timeout.
            async with self._slots, asyncio.timeout(_DEADLINE.total_seconds()):
                return child_parser.answer_of(await self._ask(question))
        except TooCostlyError as exc:
            raise MalformedDeliveryError(f"the body: {exc}") from exc
        except TimeoutError as exc:
            raise TransientError("no time to read a big body now") from exc

    async def _ask(self, question: bytes) -> bytes:
        async with self._sandbox.begin(Task.DELIVERY) as reading:
            return await reading.ask(question)


def _is_flat(body: bytes) -> bool:
    """Return whether a body has few lists and objects; brackets in texts count, too."""
    # Counting three bytes costs ten times as much as one, and JSON seldom has a `%`:
    # for it alone a delivery took 30 µs, an eighth of its whole.
    openings = _OPENING + _OPENING_IN_FORM if b"%" in body else _OPENING
    return sum(map(body.count, openings)) <= MOST_CONTAINERS
