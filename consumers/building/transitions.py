"""Writes down what the schedule decided and what builders observed."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

import structlog

from consumers.building.creation import create_build
from consumers.building.endings import RebuildEndings
from service.domain.backoff import Backoff
from service.domain.building.build import (
    Build,
    BuildEvent,
    BuildId,
    BuildState,
    Image,
    Rebuild,
    apply_event,
)
from service.domain.building.failure import Failure
from service.domain.building.schedule import (
    Adopt,
    Create,
    Decision,
    Replan,
    Reuse,
    Start,
    Stop,
    Supersede,
)
from service.domain.evaluation.queue import Debounce, EvaluationRequest
from service.domain.push import Trigger
from service.domain.source import SourceId
from service.events.trace import trace_id_of
from service.ports.store import BATCH, Transaction
from service.ports.time import Clock, Ids
from service.usecases.publish_events import EventRecorder

__all__ = ["BuildTransitions"]

log = structlog.get_logger(__name__)


LONGEST_WAIT: Final = timedelta(hours=1)
"""Between two attempts of one build."""
_TRIED: Final = (
    "It was tried {} times in a row. While a launcher wants it, it is tried again "
    "later; a rebuild tries at once."
)
_ONCE_MORE: Final = (
    "The log does not show whether this may pass, so the build is tried once more."
)


# One per consuming process, shared by scheduler, watcher and settings change;
# stateless. It never opens a transaction: the caller's lock is what makes a decision
# and its writing one step.
class BuildTransitions:
    """Apply decisions inside the transaction that took them."""

    def __init__(
        self,
        *,
        clock: Clock,
        ids: Ids,
        recorder: EventRecorder,
        endings: RebuildEndings,
        attempts: int,
        retry_after: timedelta,
        debounce: Debounce,
    ) -> None:
        self._clock = clock
        self._ids = ids
        self._recorder = recorder
        self._endings = endings
        self._attempts = attempts
        self._backoff = Backoff(
            first=retry_after, longest=max(retry_after, LONGEST_WAIT)
        )
        self._debounce = debounce

    async def apply(
        self, tx: Transaction, decisions: Iterable[Decision]
    ) -> Collection[BuildId]:
        """Write decisions down, those of one kind together.

        Returns:
            Builds that start with more rebuilds than one transaction should change:
            `mark_running` goes on with them.
        """
        # Decisions of one kind together, since each kind is one or two statements for
        # all of them; their order among kinds is that of `assign`.
        of = defaultdict[type[Decision], list[Any]](list)
        for decision in decisions:
            of[type(decision)].append(decision)
        await self._endings.supersede(tx, [one.rebuild for one in of[Supersede]])
        await self._reuse(tx, of[Reuse])
        await self._adopt(tx, of[Adopt])
        for create in of[Create]:
            build = await create_build(
                tx, create.rebuild, id_=BuildId(self._ids.new()), now=self._clock.now()
            )
            await self._attach(tx, (create.rebuild, *create.others), build)
        for replan in of[Replan]:
            await self._replan(tx, replan.rebuild)
        for stop in of[Stop]:
            await self._stop(tx, stop.build)
        return [
            start.build.id
            for start in of[Start]
            if await self._start(tx, start.build) == BATCH
        ]

    async def succeeded(self, tx: Transaction, build: Build, image: Image) -> None:
        """Write down that a build made its image."""
        now = self._clock.now()
        # First, and in this transaction: the next decision under the lock must find the
        # image, or a rebuild of the same key would be built once more.
        await tx.builds.save_image(build.key, image)
        done = replace(
            build,
            state=apply_event(build.state, BuildEvent.SUCCEED),
            image=image,
            failure=None,
            completed_at=now,
        )
        await tx.builds.save(done)
        ended = await self._endings.end_first_page(tx, done)
        log.info("build succeeded", **_about(build), rebuilds=ended)

    async def failed(self, tx: Transaction, build: Build, failure: Failure) -> None:
        """Write down that a build failed, or is tried again."""
        # The build keeps its id and its attached rebuilds over attempts: people follow
        # one build and see one log. Only the number of the attempt changes.
        if failure.is_tried_again(build.attempt, self._attempts):
            again = self._clock.now() + self._backoff.wait_after(build.attempt)
            build = replace(build, attempt=build.attempt + 1)
            if failure.is_doubtful:
                failure = replace(failure, hint=_ONCE_MORE)
            await self.put_back(tx, build, not_before=again, why=failure)
            log.warning("build retried", **_about(build), failure=failure.kind.word)
            return
        if failure.kind.is_transient:
            # The hint of a transient failure promises another attempt by itself, which
            # is no longer true of the last one.
            failure = replace(failure, hint=_TRIED.format(build.attempt))
        now = self._clock.now()
        done = replace(
            build,
            state=apply_event(build.state, BuildEvent.FAIL),
            failure=failure,
            completed_at=now,
        )
        await tx.builds.save(done)
        ended = await self._endings.end_first_page(tx, done)
        log.info(
            "build failed", **_about(build), failure=failure.kind.word, rebuilds=ended
        )

    async def hindered(
        self, tx: Transaction, build: Build, hindrance: Failure | None
    ) -> None:
        """Write down what keeps a running build from starting; None when nothing.

        Logged once for each kind: how full a quota is may change all the time.
        """
        if build.failure == hindrance:
            return
        # Saved at each change, announced once for each kind: a quota's message contains
        # figures that change with every pod in the namespace.
        await tx.builds.save(replace(build, failure=hindrance))
        before = build.failure.kind if build.failure else None
        if hindrance is None:
            log.info("build waits no more", **_about(build))
        elif before is not hindrance.kind:
            await self._recorder.waiting(tx, build, hindrance)
            log.info("build waits", **_about(build), because=hindrance.message)

    async def begin_again(self, tx: Transaction, build: Build, *, at: datetime) -> None:
        """Have a build start again at once that waits to be tried, or to be started."""
        if build.failure is None:
            return
        if build.state is BuildState.RUNNING:
            await self.put_back(tx, build, not_before=at, why=build.failure)
        elif build.state is BuildState.QUEUED and build.not_before is not None:
            await tx.builds.save(replace(build, not_before=at))

    async def put_back(
        self, tx: Transaction, build: Build, *, not_before: datetime, why: Failure
    ) -> None:
        """Give a running build back to the queue, to start again later.

        Until then it has the reason; `_start` removes that.
        """
        await tx.builds.save(
            replace(
                build,
                state=apply_event(build.state, BuildEvent.RETRY),
                started_at=None,
                not_before=not_before,
                # The next attempt measures its own phases; those of the attempt before
                # would add up to more than its duration.
                phases=(),
                failure=why,
            )
        )
        await tx.rebuilds.put_back(build.id)

    async def mark_running(self, tx: Transaction, build: BuildId) -> bool:
        """Write that some rebuilds of a running build run; return whether any are left.

        Short transactions one after the other: the schedule waits for each.
        """
        current = await tx.builds.get(build)
        if current.state is not BuildState.RUNNING:
            return False
        at = current.started_at or self._clock.now()
        return await tx.rebuilds.start(build, at=at, limit=BATCH) == BATCH

    async def _reuse(self, tx: Transaction, reuses: Iterable[Reuse]) -> None:
        served = defaultdict[str, list[Rebuild]](list)
        for reuse in reuses:
            # The rebuild points at the build that made the image, so that its log and
            # provenance are found although it ran nothing itself.
            rebuild = replace(reuse.rebuild, build_id=reuse.image.build_id)
            served[reuse.image.reference].append(rebuild)
        for reference, rebuilds in served.items():
            await self._endings.succeed(tx, rebuilds, image=reference)

    async def _adopt(self, tx: Transaction, adoptions: Iterable[Adopt]) -> None:
        waiting = defaultdict[BuildId, list[Rebuild]](list)
        for adoption in adoptions:
            waiting[adoption.build].append(adoption.rebuild)
        for build, rebuilds in waiting.items():
            await self._attach(tx, rebuilds, await tx.builds.get(build))

    async def _attach(
        self, tx: Transaction, rebuilds: Iterable[Rebuild], build: Build
    ) -> None:
        waiting = [replace(rebuild, build_id=build.id) for rebuild in rebuilds]
        # A rebuild that adopts a running build starts in the middle; without this it
        # would show `queued` until the build ends.
        if build.state is BuildState.RUNNING:
            now = self._clock.now()
            waiting = [
                replace(
                    rebuild,
                    state=apply_event(rebuild.state, BuildEvent.START),
                    started_at=now,
                )
                for rebuild in waiting
            ]
        await tx.rebuilds.save_progress(waiting)

    async def _start(self, tx: Transaction, build: Build) -> int:
        now = self._clock.now()
        running = replace(
            build,
            state=apply_event(build.state, BuildEvent.START),
            started_at=now,
            failure=None,
        )
        await tx.builds.save(running)
        marked = await tx.rebuilds.start(build.id, at=now, limit=BATCH)
        await self._recorder.started(tx, running)
        log.info("build started", **_about(build), attempt=build.attempt)
        return marked

    async def _replan(self, tx: Transaction, rebuild: Rebuild) -> None:
        """Have an evaluation plan it anew: its id and whoever waits for it stay."""
        # Without a plan the scheduler leaves it alone. The evaluation that answers the
        # request below gives it one by the builder of the present.
        await tx.rebuilds.save(replace(rebuild, plan=None, build_id=None))
        request = EvaluationRequest(
            source_id=SourceId(rebuild.source_id),
            trigger=Trigger.BASE_CHANGED,
            rebuild_ids=(rebuild.id,),
            requested_at=self._clock.now(),
        )
        await tx.evaluation_queue.enqueue(request, debounce=self._debounce)
        log.info("rebuild planned anew, it is built otherwise", rebuild=rebuild.id)

    async def _stop(self, tx: Transaction, build: Build) -> None:
        now = self._clock.now()
        await tx.builds.save(
            replace(
                build,
                state=apply_event(build.state, BuildEvent.CANCEL),
                completed_at=now,
            )
        )
        log.info("build stopped, nobody wants it", **_about(build))


def _about(build: Build) -> dict[str, str | None]:
    """Name a build in a line that another one's message may have caused."""
    return {"build": build.id, "trace": trace_id_of(build.traceparent)}
