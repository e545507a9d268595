"""The agenda → a verdict: look at a source's head and compare.

The generation is read before the head is asked for and advanced by compare-and-set
afterwards. Whoever finds it advanced meanwhile looks again, so an old observation
never overwrites a newer one.
"""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Final

import structlog

from consumers.bell import Bell
from consumers.claims import claims_of, refuse_old_head
from consumers.conclude import Conclusion
from consumers.heartbeat import LEASE, keep_claim
from consumers.learn import made_anew, telling_of
from consumers.sight import Sight
from service.domain.agenda import Appointment, Pace
from service.domain.evaluation import (
    Looked,
    RefGone,
    SameHead,
    judge,
    remembered,
)
from service.errors import (
    NotFoundError,
    PermanentError,
    RemoteRefusedError,
    TransientError,
)
from service.look import look
from service.ports.remote import Remote
from service.ports.sandbox import Sandbox
from service.ports.store import Store
from service.ports.time import Clock

__all__ = ["Evaluator"]

log = structlog.get_logger(__name__)

OUTLASTS: Final = timedelta(minutes=5)
"""How long an outage of the database a look is kept for; then others may take it."""
POLL: Final = timedelta(seconds=5)
"""How late an ask may be whose process died before it rang; others ring the bell."""
AFTER_TROUBLE: Final = timedelta(seconds=1)
MAX_ROUNDS: Final = 5
"""How often a look is repeated because the source advanced meanwhile."""


class Evaluator:
    """Look at every source that is on the agenda."""

    def __init__(
        self,
        *,
        store: Store,
        remote: Remote,
        clock: Clock,
        bell: Bell,
        pace: Pace,
        conclusion: Conclusion,
        sandbox: Sandbox,
    ) -> None:
        self._store = store
        self._remote = remote
        self._clock = clock
        self._bell = bell
        self._pace = pace
        self._conclusion = conclusion
        self._sandbox = sandbox

    async def run(self, *, at_once: int) -> None:
        """Keep appointments until cancelled, several at a time."""
        async with asyncio.TaskGroup() as group:
            for _ in range(at_once):
                group.create_task(self._keep_appointments())

    async def _keep_appointments(self) -> None:
        while True:
            try:
                if not await self.keep_one():
                    await self._bell.wait(at_most=await self._until_next())
            except TransientError as exc:
                log.warning("agenda waits", error=str(exc))
                await self._clock.sleep(AFTER_TROUBLE)
            except Exception:
                # The other workers have looks under way.
                log.exception("agenda failed")
                await self._clock.sleep(AFTER_TROUBLE)

    async def _until_next(self) -> timedelta:
        async with self._store.reading() as tx:
            due = await tx.agenda.next_due()
        if due is None:
            return POLL
        return max(timedelta(milliseconds=1), min(POLL, due - self._clock.now()))

    async def keep_one(self) -> bool:
        """Keep the most urgent appointment; say whether there was one.

        Raises:
            TransientError: The database did not answer.
        """
        now = self._clock.now()
        async with self._store.transaction() as tx:
            appointment = await tx.agenda.claim(now=now, lease=LEASE)
        if appointment is None:
            return False
        with structlog.contextvars.bound_contextvars(source=appointment.source_id):
            async with keep_claim(
                appointment.source_id,
                claimed_at=now,
                store=self._store,
                clock=self._clock,
            ):
                await self._contain(appointment, until=now + OUTLASTS)
        return True

    async def _contain(self, appointment: Appointment, *, until: datetime) -> None:
        """Put off what a fault of ours ends, where not even that could be written."""
        try:
            await self._see_through(appointment, until=until)
        except TransientError:
            raise
        except Exception:
            log.exception("look failed")
            await self._conclusion.put_off(appointment)

    async def _see_through(self, appointment: Appointment, *, until: datetime) -> None:
        """Keep a claimed appointment, also over an outage of the database.

        Given up half-way it would be nobody's until its lease runs out.
        """
        while True:
            try:
                return await self._keep(appointment)
            except TransientError as exc:
                if self._clock.now() >= until - AFTER_TROUBLE:
                    raise
                log.warning("look waits", error=str(exc))
                await self._clock.sleep(AFTER_TROUBLE)

    async def _keep(self, appointment: Appointment) -> None:
        for _ in range(MAX_ROUNDS):
            sight = await self._open(appointment)
            if sight is None:
                return
            try:
                if await self._conclusion.write(await self._see(sight)):
                    return
            except TransientError as exc:
                await self._conclusion.write_in_vain(sight, appointment, exc)
                return
            except Exception:
                # A bug that one repository brings out must not stop the others.
                log.exception("look failed")
                trouble = TransientError("the look failed by a fault of this service")
                await self._conclusion.write_in_vain(sight, appointment, trouble)
                return
        # Others evaluate this source all the time; the asks stay on the agenda.
        async with self._store.transaction() as tx:
            until = self._clock.now() + self._pace.quiet
            await tx.agenda.postpone(appointment.source_id, until=until)

    async def _open(self, appointment: Appointment) -> Sight | None:
        """Read what a look starts from; None when nobody asks or follows it now."""
        async with self._store.reading() as tx:
            asks = await tx.agenda.asks(appointment.source_id)
            now = self._clock.now()
            claims = await claims_of(tx, (ask for _, ask in asks), now=now)
            try:
                source = await tx.sources.get(appointment.source_id)
            except NotFoundError:
                source = None
        if source is not None and asks:
            return Sight(source=source, asks=asks, started_at=now, claims=claims)
        async with self._store.transaction() as tx:
            await tx.agenda.settle(
                appointment.source_id,
                places=[place for place, _ in asks],
                now=self._clock.now(),
                pace=self._pace,
            )
        return None

    async def _see(self, sight: Sight) -> Sight:
        source = sight.source
        try:
            looked = await self._look(sight)
        except PermanentError as exc:
            return sight.refused(exc)
        refuse_old_head(source, looked, sight.claims)
        if isinstance(looked, SameHead):
            looked = remembered(source, looked)
        judged = judge(source, looked)
        message = judged.message + telling_of(source.repository, looked)
        return sight.seen(replace(judged, message=message), looked)

    async def _look(self, sight: Sight) -> Looked | SameHead | RefGone:
        """Look at the source; at who has its name now, when it was made anew."""
        source = sight.source
        look_at = partial(
            look,
            self._remote,
            revision=source.revision,
            context_dir=source.context_dir,
            sandbox=self._sandbox,
            known=source.seen,
        )
        try:
            return await look_at(source.repository)
        except RemoteRefusedError as exc:
            asks = (ask for _, ask in sight.asks)
            again = made_anew(source.repository, exc, asks)
            if again is None:
                raise
            return await look_at(again)
