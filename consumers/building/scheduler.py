"""rebuild.requested → builds: reuse, adopt, queue, start, stop.

Every decision is taken under one lock (`service.domain.building.schedule`), so any
number of consumers may call at any time. The lock is held for a page of new rebuilds,
in milliseconds, and never while a builder or a registry answers: what was decided is
done afterwards, several builds at once. No message is held for the length of a build.

    turn 1   read · (assign, start) ──▶ starts of its builds ──▶ again, if any waits
    turn 2           (calls that wait share it) read · (assign, start) ──▶ …
"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Final

import structlog

from consumers.building.assignment import Assigner, Unassigned
from consumers.building.transitions import BuildTransitions
from consumers.loops.periodic import run_periodically
from consumers.loops.precedence import Precedence
from consumers.loops.wakeup import Wakeup
from service.domain.building.build import Build, BuildId, BuildKey, BuildState
from service.domain.building.failure import Failure, FailureClass
from service.domain.building.schedule import (
    ConcurrencyLimits,
    Decision,
    Slots,
    Start,
    Stop,
    choose_starts,
)
from service.errors import TransientError
from service.events.envelope import Event
from service.events.models import Data
from service.logs import log_about
from service.ports.builder import Builder, HinderedError, RefusedError
from service.ports.store import LOCK_SCHEDULE, Store, Transaction
from service.ports.time import Clock

__all__ = ["Scheduler"]

log = structlog.get_logger(__name__)

TICK: Final = timedelta(seconds=1)
"""How late a retry may be that nobody wakes the scheduler for."""
STARTING: Final = 16
"""Builds whose start is under way at once. More than an API server takes at a time, and
few enough that each is known to the builder before the watcher takes it for lost."""
NOT_STARTED: Final = Failure(
    kind=FailureClass.LOST,
    message="The build could not be started, by a fault of this service.",
    hint="It is tried again by itself.",
)
MOVED: Final = Failure(
    kind=FailureClass.INTERNAL, message="What builds changed just before it started."
)


# One per consuming process, but only the leader's runs: it drives the builder. What it
# remembers is about starts and stops under way; a new leader finds those as running
# builds, and its watcher settles them.
class Scheduler:
    """Keep the builder busy with what is wanted, within the caps.

    Args:
        store: Knows what is wanted.
        builder: Starts and stops builds.
        clock: Gives the time.
        wakeup: Notified when this process requested rebuilds.
        precedence: Of its turns, over loops that nobody waits for.
        transitions: Writes decisions down.
        caps: How many builds may run.
        retry_after: The wait before a build is started that could not be.
    """

    def __init__(
        self,
        *,
        store: Store,
        builder: Builder,
        clock: Clock,
        wakeup: Wakeup,
        precedence: Precedence,
        transitions: BuildTransitions,
        caps: ConcurrencyLimits,
        retry_after: timedelta,
    ) -> None:
        self._store = store
        self._builder = builder
        self._clock = clock
        self._wakeup = wakeup
        self._precedence = precedence
        self._transitions = transitions
        self._caps = caps
        self._retry_after = retry_after
        self._assigner = Assigner(
            store=store, builder=builder, clock=clock, transitions=transitions
        )
        self._turn = asyncio.Lock()
        self._called = 0
        self._served = 0
        """Which of the calls the last turn was for: all that came before it began."""
        self._is_notified = False
        """Whether rebuilds were requested since the last turn."""
        self._starting: set[BuildId] = set()
        self._unstopped: dict[BuildKey, BuildId] = {}
        self._unmarked: set[BuildId] = set()
        self._stopping: dict[BuildKey, asyncio.Event] = {}

    async def handle(self, event: Event, data: Data) -> None:
        """Take rebuild.requested and build.finished: both change what is wanted."""
        del event, data
        await self.schedule()

    async def run(self) -> None:
        """Schedule whenever something waits, until cancelled: retries fall due."""
        await run_periodically(
            self._schedule_what_waits,
            clock=self._clock,
            failure="schedule waits",
            after_failure=TICK,
        )

    async def _schedule_what_waits(self) -> None:
        if self._is_notified or await self._is_any_waiting():
            self._is_notified = False
            await self.schedule()
        self._is_notified = await self._wakeup.wait(at_most=TICK)

    async def _is_any_waiting(self) -> bool:
        async with self._store.reading() as tx:
            return await tx.rebuilds.is_any_waiting() or await tx.builds.is_any_queued()

    async def schedule(self) -> None:
        """Decide until nothing is left to decide, then act on the builder.

        Calls that come while a turn is under way share the next one: a crowd of
        messages is one decision.

        Raises:
            TransientError: The database did not answer; what was decided stands.
        """
        self._called += 1
        mine = self._called
        while True:
            async with self._turn:
                # Another call's turn began after this one was made, so it has seen
                # everything that this one is about.
                if self._served >= mine:
                    return
                self._served = self._called
                with self._precedence.taken():
                    unassigned = await self._assigner.read()
                    decisions = await self._decide(unassigned)
            # After the commit: a decision on record whose action was lost is repaired
            # by watcher and garbage collector; an action without a record could not be
            # found again.
            await self._act(decisions)
            is_started = any(isinstance(decision, Start) for decision in decisions)
            if not is_started and not unassigned.is_cut:
                return
            # What was started made room for the next, under the limit of starts.
            self._called += 1
            mine = self._called

    async def _decide(self, unassigned: Unassigned) -> Sequence[Decision]:
        # One transaction for both: a build that was just queued starts with it.
        async with self._store.transaction(LOCK_SCHEDULE) as tx:
            await self._assigner.assign(tx, unassigned)
            unwanted = await tx.schedule.unwanted()
            decisions: list[Decision] = [Stop(build=build) for build in unwanted]
            await self._transitions.apply(tx, decisions)
            starts = await self._starts(tx)
            self._unmarked |= set(await self._transitions.apply(tx, starts))
        # From the commit on the builder may be late, but the watcher must not be early.
        # Counted against STARTING until the builder has answered: a crowd of starts
        # would outlast the watcher's GRACE, and be taken for lost.
        self._starting |= {start.build.id for start in starts}
        return (*decisions, *starts)

    async def _starts(self, tx: Transaction) -> Sequence[Start]:
        at_once = STARTING - len(self._starting)
        if at_once <= 0:
            return ()
        waiting = await tx.schedule.startable(self._caps, now=self._clock.now())
        ours = [build for build in waiting if self._assigner.is_ours(build.spec)]
        if not ours:
            return ()
        queue = [build.id for build in ours]
        slots = Slots(
            waiting=ours,
            running=await tx.schedule.running(),
            # One alone goes before nobody.
            waited_for=set(await tx.schedule.waited_for(queue) if queue[1:] else ()),
            caps=self._caps,
            at_once=at_once,
        )
        return tuple(choose_starts(slots))

    async def _act(self, decisions: Sequence[Decision]) -> None:
        stops = [decision for decision in decisions if isinstance(decision, Stop)]
        starts = [decision for decision in decisions if isinstance(decision, Start)]
        async with asyncio.TaskGroup() as group:
            for stop in stops:
                # Entered here, so that no start of this turn is before it.
                # By key and not by build: what has to wait is the next build of the
                # same key.
                done = self._stopping.setdefault(stop.build.key, asyncio.Event())
                group.create_task(self._stop(stop.build, done))
            for start in starts:
                group.create_task(self._start(start.build))

    async def _stop(self, build: Build, done: asyncio.Event) -> None:
        log_about(traceparent=build.traceparent, build=build.id)
        try:
            await self._builder.cancel(build.id)
        except Exception:
            # The garbage collector tries again; so does a start of the same key.
            log.exception("build not stopped", build=build.id)
            self._unstopped[build.key] = build.id
        finally:
            done.set()
            self._stopping.pop(build.key, None)

    async def _start(self, build: Build) -> None:
        log_about(traceparent=build.traceparent, build=build.id)
        try:
            await self._try_to_start(build)
            await self._mark_running(build.id)
        except Exception:
            # On record it runs: the watcher finds that it does not, and it is retried.
            log.exception("build not started", build=build.id)
        finally:
            self._starting.discard(build.id)

    async def _until_stopped(self, key: BuildKey) -> None:
        """Wait until no other build of a key runs: two of them must not at once."""
        while (stopping := self._stopping.get(key)) is not None:
            await stopping.wait()
        if (unstopped := self._unstopped.get(key)) is not None:
            await self._builder.cancel(unstopped)
            del self._unstopped[key]

    async def _mark_running(self, build: BuildId) -> None:
        """Write that rebuilds run that were too many for the start's transaction."""
        # In short transactions: each holds the lock of the schedule, which every build
        # that ends needs, too.
        while build in self._unmarked:
            async with self._store.transaction(LOCK_SCHEDULE) as tx:
                if not await self._transitions.mark_running(tx, build):
                    self._unmarked.discard(build)

    async def _try_to_start(self, build: Build) -> None:
        try:
            if not self._assigner.is_ours(build.spec):
                await self._put_back(build, MOVED, wait=timedelta(0))
                return
            await self._until_stopped(build.key)
            # Starting twice is starting once: what is started is named by build and
            # attempt. So dying after the commit and before this line is no special
            # case.
            await self._builder.start(replace(build, state=BuildState.RUNNING))
        # The builder cannot make this at all (a Python that it lacks, a private target
        # that is not set): it is a result for people and not retried like the others.
        except RefusedError as exc:
            await self._fail(build, exc.failure)
        except TransientError as exc:
            log.warning("build could not start", build=build.id, error=str(exc))
            await self._put_back(build, _hindrance(exc), wait=self._retry_after)
        except Exception:
            # A fault of ours that this build brings out: others are started, and it
            # is tried again as often as a build that was lost.
            log.exception("build could not start", build=build.id)
            await self._fail(build, NOT_STARTED)

    async def _fail(self, started: Build, why: Failure) -> None:
        async with self._store.transaction(LOCK_SCHEDULE) as tx:
            build = await tx.builds.get(started.id)
            if build.is_running_as(started):
                await self._transitions.failed(tx, build, why)

    async def _put_back(self, started: Build, why: Failure, *, wait: timedelta) -> None:
        again = self._clock.now() + wait
        async with self._store.transaction(LOCK_SCHEDULE) as tx:
            build = await tx.builds.get(started.id)
            if build.is_running_as(started):
                await self._transitions.put_back(tx, build, not_before=again, why=why)


def _hindrance(exc: TransientError) -> Failure:
    if isinstance(exc, HinderedError):
        return exc.failure
    return Failure(kind=FailureClass.INTERNAL, message=str(exc))
