"""Commands of users that request and cancel rebuilds."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final

from service.domain.building.build import (
    BuildEvent,
    BuildState,
    EnvironmentId,
    Rebuild,
    RebuildId,
    apply_event,
)
from service.domain.evaluation.queue import Debounce
from service.domain.launcher import Launcher, LauncherId
from service.domain.push import Trigger
from service.domain.reconciliation import Anew
from service.domain.source import Source, SourceId
from service.errors import ConflictError, InvalidRequestError, NotFoundError
from service.ports.builder import BuilderIdentity
from service.ports.store import LOCK_SCHEDULE, Store, Transaction
from service.ports.time import Clock, Ids
from service.usecases.publish_events import EventRecorder
from service.usecases.reconcile import Reconciliation

__all__ = ["RebuildRequester", "RetriedRebuild", "RetriedRebuilds"]

_EVER: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class RetriedRebuild:
    """A failed rebuild, and the new one that retries it."""

    launcher: Launcher
    failed: Rebuild
    rebuild: Rebuild


@dataclass(frozen=True, slots=True, kw_only=True)
class RetriedRebuilds:
    """The retried rebuilds, the oldest failure first."""

    rebuilds: Sequence[RetriedRebuild]
    left: int
    """How many more failed rebuilds match."""


class RebuildRequester:
    """Requests evaluations and rebuilds, and cancels them, on behalf of people.

    The application makes one for each process that serves the REST API; it holds no
    state. Methods with `tx` are steps of somebody else's transaction.

    Args:
        store: The database.
        builder: The identity of the builder.
        clock: The current time.
        ids: Generates ids.
        events: Adds events to the outbox.
    """

    def __init__(
        self,
        *,
        store: Store,
        builder: BuilderIdentity,
        clock: Clock,
        ids: Ids,
        events: EventRecorder,
    ) -> None:
        self._store = store
        self._clock = clock
        self._ids = ids
        self._events = events
        # No pause after cancellations: a person who changes a launcher waits for it.
        self._reconciliation = Reconciliation(
            builder=builder,
            clock=clock,
            ids=ids,
            recorder=events,
            debounce=Debounce(),
            pause=timedelta(0),
        )

    async def request(
        self, environment: EnvironmentId, *, queue: bool = False
    ) -> Rebuild:
        """Request a fresh image of an environment, from the head of its source.

        Renku has one build at a time per environment, and so have we unless it may be
        queued. A queued one is not fresh while another runs: it gets the same image
        unless the definition changed, as after a push.

        Raises:
            NotFoundError: No launcher has the environment.
            ConflictError: A build of it is in progress.
        """
        async with self._store.transaction(f"environment:{environment}") as tx:
            launcher = await tx.launchers.of_environment(environment)
            unfinished = await tx.rebuilds.unfinished(environment=environment)
            if unfinished and not queue:
                raise ConflictError(
                    f"Session environment with id '{environment}' already has a build "
                    "in progress."
                )
            # A fresh build beside a running one would supersede it, and the person
            # would wait twice as long for nearly the same image.
            is_running = any(
                rebuild.state is BuildState.RUNNING for rebuild in unfinished
            )
            rebuild = replace(
                self._new_rebuild(launcher, Trigger.MANUAL), is_fresh=not is_running
            )
            await self._add(tx, rebuild, await _source_of(tx, launcher))
            return rebuild

    async def request_evaluation(self, source_id: SourceId) -> Source:
        """Request the evaluation of a source, as if it had been pushed to.

        Raises:
            NotFoundError: There is no such source.
        """
        async with self._store.transaction() as tx:
            source = await tx.sources.get(source_id)
            await self._events.request_evaluation(tx, source, trigger="manual")
            return source

    async def request_first(
        self, tx: Transaction, launcher: Launcher, source: Source
    ) -> Rebuild:
        """Request the image of a launcher that is new, or has another source."""
        rebuild = self._new_rebuild(launcher, Trigger.LAUNCHER)
        await self._add(tx, rebuild, source)
        return rebuild

    async def retry_failed(
        self, *, since: datetime | None, reasons: Iterable[str], limit: int
    ) -> RetriedRebuilds:
        """Retry the failed rebuilds of launchers, whatever their update policy.

        A launcher with a new rebuild no longer matches, so a loop until `left` is 0
        ends.

        Args:
            since: Only failures from then on.
            reasons: Words of failure classes; all classes when empty.
            limit: How many to retry at most.
        """
        # Under a lock: two concurrent requests would both retry the same failures.
        async with self._store.transaction("retries") as tx:
            matches = await tx.rebuilds.failed(
                since=since or _EVER, reasons=reasons, limit=limit
            )
            # In one order, as evaluations hold them.
            await tx.launchers.some(LauncherId(one.launcher_id) for one in matches)
            retried = [await self._retry(tx, failed) for failed in matches]
        return RetriedRebuilds(rebuilds=retried, left=matches.total - len(retried))

    async def _retry(self, tx: Transaction, failed: Rebuild) -> RetriedRebuild:
        """Request a failed rebuild again; an image that exists by now is reused."""
        launcher = await tx.launchers.of_environment(failed.environment_id)
        rebuild = self._new_rebuild(launcher, Trigger.MANUAL)
        rebuild = replace(rebuild, is_fresh=False)
        await self._add(tx, rebuild, await _source_of(tx, launcher))
        return RetriedRebuild(launcher=launcher, failed=failed, rebuild=rebuild)

    def _new_rebuild(self, launcher: Launcher, trigger: Trigger) -> Rebuild:
        return Rebuild(
            id=RebuildId(self._ids.new()),
            environment_id=launcher.environment_id,
            launcher_id=launcher.id,
            source_id=launcher.tracked_source,
            trigger=trigger,
            is_fresh=trigger is Trigger.MANUAL,
            state=BuildState.QUEUED,
            created_at=self._clock.now(),
        )

    async def _add(self, tx: Transaction, rebuild: Rebuild, source: Source) -> None:
        await tx.rebuilds.add(rebuild)
        await self._events.request_evaluation(
            tx,
            source,
            trigger="launcher" if rebuild.trigger is Trigger.LAUNCHER else "manual",
            rebuilds=[rebuild],
        )

    async def reconcile(
        self, tx: Transaction, launcher: Launcher, source: Source
    ) -> None:
        """Request a rebuild if a launcher is behind after a change of its policy.

        The caller holds the lock of its source. Final failures are retried, too.
        """
        await self._reconciliation.reconcile(tx, source, [launcher], anew=Anew.KEY)

    async def cancel(self, rebuild_id: RebuildId) -> Rebuild:
        """Cancel a rebuild; cancelling it again changes nothing.

        The scheduler stops the build once no rebuild waits for it.

        Raises:
            NotFoundError: There is no such rebuild.
            InvalidRequestError: It has succeeded or failed already.
        """
        async with self._store.transaction(LOCK_SCHEDULE) as tx:
            rebuild = await tx.rebuilds.get(rebuild_id)
            if rebuild.state in {BuildState.CANCELLED, BuildState.SUPERSEDED}:
                return rebuild
            if rebuild.state.is_final:
                raise InvalidRequestError(
                    f"Cannot update build with id '{rebuild.id}': the build has status "
                    f"{rebuild.state.value}."
                )
            return await self._end(tx, rebuild, BuildEvent.CANCEL)

    async def end_unfinished(
        self,
        tx: Transaction,
        environment: EnvironmentId,
        event: BuildEvent,
        *,
        but: Iterable[RebuildId] = (),
    ) -> None:
        """End an environment's unfinished rebuilds, under `LOCK_SCHEDULE`."""
        spared = set(but)
        for rebuild in await tx.rebuilds.unfinished(environment=environment):
            if rebuild.id not in spared:
                await self._end(tx, rebuild, event)

    async def _end(
        self, tx: Transaction, rebuild: Rebuild, event: BuildEvent
    ) -> Rebuild:
        state = apply_event(rebuild.state, event)
        ended = replace(
            rebuild, state=state, reason=state.value, completed_at=self._clock.now()
        )
        await tx.rebuilds.save(ended)
        await self._events.rebuilds_ended(tx, [ended])
        return ended


async def _source_of(tx: Transaction, launcher: Launcher) -> Source:
    """Return the source of a launcher that is held, without holding it."""
    # An evaluation that is recorded holds its source first and its launchers after it:
    # each would wait for the other.
    found = await tx.sources.get_many([launcher.tracked_source])
    if not found:
        raise NotFoundError(f"the source of launcher {launcher.id} is not there")
    return found[0]
