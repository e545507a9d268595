"""Deliveries: made, proved by the hook's secrets, sent by real HTTP, logged."""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from aiohttp import ClientError, ClientSession, ClientTimeout

from service.ports.time import Clock
from tests.support.forge import proving
from tests.support.forge.hooks import Hook, HookShelf

DEADLINE: Final = 10.0
"""Seconds after which a forge gives up on an answer."""
PAYLOAD_CAP: Final = 25 * 1024 * 1024
"""Larger events are told to nobody."""


@dataclass(slots=True, kw_only=True, eq=False)
class Delivery:
    """One request to a hook, made or lost."""

    id: int
    hook: int
    repository: int
    guid: str
    """The vendor's id of the event: the same when it is sent again."""
    event: str
    action: str | None = None
    url: str
    body: bytes
    delivered_at: datetime
    is_redelivery: bool = False
    is_lost: bool = False
    """Dropped on the way by a fault; the vendor's own log does not show it."""
    headers: Mapping[str, str] = field(default_factory=dict)
    status: int = 0
    """The receiver's answer; 0 when there was none."""
    duration: float = 0.0
    answer_headers: Mapping[str, str] = field(default_factory=dict)
    answer: str = ""

    @property
    def has_succeeded(self) -> bool:
        return 200 <= self.status < 300


@dataclass(slots=True)
class DeliveryFaults:
    """What happens to deliveries on their way; changed while the forge runs."""

    drop: bool = False
    """Lose them."""
    hold: bool = False
    """Keep them back until `Courier.release`."""
    copies: int = 1
    """Send each so often."""


class Courier:
    """Sends deliveries one after the other, in the order in which they were made."""

    def __init__(self, *, vendor: str, clock: Clock, hooks: HookShelf) -> None:
        self._vendor = vendor
        self._clock = clock
        self._hooks = hooks
        self._waiting: asyncio.Queue[Delivery] = asyncio.Queue()
        self._held: list[Delivery] = []
        self.log: list[Delivery] = []
        self.faults = DeliveryFaults()
        self.deadline = DEADLINE
        self.payload_cap = PAYLOAD_CAP

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        timeout = ClientTimeout(total=self.deadline)
        try:
            async with ClientSession(timeout=timeout) as to, asyncio.TaskGroup() as it:
                sending = it.create_task(self._run(to), name="courier")
                try:
                    yield
                finally:
                    sending.cancel()
        except BaseExceptionGroup as group:
            # What a test raised shall reach it as it was.
            raise group.exceptions[0] from None

    def tell(
        self,
        hook: Hook,
        repository: int,
        event: str,
        body: bytes,
        *,
        guid: str | None = None,
        action: str | None = None,
    ) -> Delivery | None:
        """Put an event on its way to a hook; nothing when it is too large."""
        if len(body) > self.payload_cap:
            return None
        delivery = Delivery(
            id=len(self.log) + 1,
            hook=hook.id,
            repository=repository,
            guid=guid or str(uuid.uuid4()),
            event=event,
            action=action,
            url=hook.url,
            body=body,
            delivered_at=self._clock.now(),
        )
        self._post(delivery)
        return delivery

    def again(self, delivery: Delivery) -> Delivery | None:
        """Send the same event once more, to where the hook points now."""
        hook = self._hooks.find(delivery.hook)
        if hook is None:
            return None
        copy = Delivery(
            id=len(self.log) + 1,
            hook=delivery.hook,
            repository=delivery.repository,
            guid=delivery.guid,
            event=delivery.event,
            action=delivery.action,
            url=hook.url,
            body=delivery.body,
            delivered_at=self._clock.now(),
            is_redelivery=True,
        )
        self._post(copy)
        return copy

    def _post(self, delivery: Delivery) -> None:
        self.log.append(delivery)
        delivery.is_lost = self.faults.drop
        if delivery.is_lost:
            return
        for _ in range(self.faults.copies):
            if self.faults.hold:
                self._held.append(delivery)
            else:
                self._waiting.put_nowait(delivery)

    def release(self, *, reverse: bool = False) -> None:
        """Let go what was held back, perhaps the newest first."""
        held, self._held = self._held, []
        self.faults.hold = False
        for delivery in reversed(held) if reverse else held:
            self._waiting.put_nowait(delivery)

    async def settled(self) -> None:
        async with asyncio.timeout(3 * self.deadline):
            await self._waiting.join()

    def sent_to(self, hook: Hook) -> list[Delivery]:
        """Return what the vendor's log shows of a hook, newest first."""
        shown = (
            delivery
            for delivery in self.log
            if delivery.hook == hook.id and not delivery.is_lost
        )
        return sorted(shown, key=lambda delivery: delivery.id, reverse=True)

    async def _run(self, session: ClientSession) -> None:
        while True:
            delivery = await self._waiting.get()
            try:
                hook = self._hooks.find(delivery.hook)
                if hook is not None:
                    await self._send(session, hook, delivery)
            finally:
                self._waiting.task_done()

    async def _send(
        self, session: ClientSession, hook: Hook, delivery: Delivery
    ) -> None:
        now = self._clock.now()
        delivery.headers, body = proving.request(self._vendor, hook, delivery, now)
        began = time.monotonic()
        try:
            async with session.post(
                hook.url, data=body, headers=delivery.headers, allow_redirects=False
            ) as answer:
                delivery.answer = (await answer.read()).decode("utf-8", "replace")
                delivery.status = answer.status
                delivery.answer_headers = dict(answer.headers)
        except (ClientError, TimeoutError) as exc:
            delivery.status, delivery.answer = 0, str(exc)
        delivery.duration = round(time.monotonic() - began, 3)
        hook.last_status = delivery.status
        # GitLab takes a redirection for success too.
        is_fine = 200 <= delivery.status < 400
        hook.succeed() if is_fine else hook.fail(now)
