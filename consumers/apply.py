"""Writes down what the schedule decided and what builders observed."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

import structlog

from service.announcing import Announcer
from service.domain.agenda import Look, Pace
from service.domain.build import (
    Build,
    BuildId,
    BuildState,
    Image,
    Move,
    Rebuild,
    moved,
)
from service.domain.failure import Failure
from service.domain.launcher import LauncherId
from service.domain.previous import previous_image
from service.domain.push import Evidence
from service.domain.schedule import (
    Adopt,
    Create,
    Decision,
    Replan,
    Reuse,
    Start,
    Stop,
    Supersede,
)
from service.domain.source import SourceId
from service.ports.store import Transaction
from service.ports.time import Clock, Ids

__all__ = ["Application"]

log = structlog.get_logger(__name__)


_RELATIVES: Final = 50
"""How many builds of a repository are looked through for layers to reuse."""
_TRIED: Final = (
    "It was tried {} times in a row. While a launcher wants it, it is tried again "
    "later; a rebuild tries at once."
)


class Application:
    """Apply decisions inside the transaction that took them."""

    def __init__(
        self,
        *,
        clock: Clock,
        ids: Ids,
        announcer: Announcer,
        attempts: int,
        retry_after: timedelta,
        pace: Pace,
    ) -> None:
        self._clock = clock
        self._ids = ids
        self._announcer = announcer
        self._attempts = attempts
        self._retry_after = retry_after
        self._pace = pace

    async def apply(self, tx: Transaction, decision: Decision) -> None:
        """Write one decision down."""
        match decision:
            case Supersede(rebuild=rebuild):
                await self._end(tx, [rebuild], Move.SUPERSEDE, reason="superseded")
            case Reuse(rebuild=rebuild, image=image):
                await self._reuse(tx, rebuild, image)
            case Adopt(rebuild=rebuild, build=build):
                await self._attach(tx, rebuild, await tx.builds.get(build))
            case Create(rebuild=rebuild, others=others):
                await self._create_for(tx, rebuild, others)
            case Replan(rebuild=rebuild):
                await self._replan(tx, rebuild)
            case Stop(build=build):
                await self._stop(tx, build)
            case Start(build=build):
                await self._start(tx, build)

    async def succeeded(self, tx: Transaction, build: Build, image: Image) -> None:
        """Write down that a build made its image."""
        now = self._clock.now()
        await tx.builds.keep_image(build.key, image)
        done = replace(
            build,
            state=moved(build.state, Move.SUCCEED),
            image=image,
            failure=None,
            completed_at=now,
        )
        await tx.builds.save(done)
        waiting = await _attached(tx, build.id)
        await self._end(
            tx, waiting, Move.SUCCEED, reason="built", image=image.reference, build=done
        )
        log.info("build succeeded", build=build.id, rebuilds=len(waiting))

    async def failed(self, tx: Transaction, build: Build, failure: Failure) -> None:
        """Write down that a build failed; a transient failure is tried again."""
        if failure.kind.is_transient and build.attempt < self._attempts:
            wait = self._retry_after * 2 ** (build.attempt - 1)
            again = self._clock.now() + wait
            build = replace(build, attempt=build.attempt + 1)
            await self.put_back(tx, build, not_before=again, why=failure)
            log.warning("build retried", build=build.id, failure=failure.kind.word)
            return
        if failure.kind.is_transient:
            failure = replace(failure, hint=_TRIED.format(build.attempt))
        now = self._clock.now()
        done = replace(
            build,
            state=moved(build.state, Move.FAIL),
            failure=failure,
            completed_at=now,
        )
        await tx.builds.save(done)
        waiting = await _attached(tx, build.id)
        await self._end(
            tx,
            waiting,
            Move.FAIL,
            reason=failure.kind.word,
            failure=failure,
            build=done,
        )
        log.info("build failed", build=build.id, failure=failure.kind.word)

    async def hindered(
        self, tx: Transaction, build: Build, hindrance: Failure | None
    ) -> None:
        """Write down what keeps a running build from starting; None when nothing.

        Said once for each kind of thing: how full a quota is may change all the time.
        """
        if build.failure == hindrance:
            return
        await tx.builds.save(replace(build, failure=hindrance))
        before = build.failure.kind if build.failure else None
        if hindrance is None:
            log.info("build waits no more", build=build.id)
        elif before is not hindrance.kind:
            waiting = await _attached(tx, build.id)
            await self._announcer.waiting(tx, build, hindrance, waiting)
            log.info("build waits", build=build.id, because=hindrance.message)

    async def put_back(
        self, tx: Transaction, build: Build, *, not_before: datetime, why: Failure
    ) -> None:
        """Give a running build back to the queue, to start again later.

        Until then it says why; `_start` forgets that.
        """
        await tx.builds.save(
            replace(
                build,
                state=moved(build.state, Move.RETRY),
                started_at=None,
                not_before=not_before,
                phases=(),
                failure=why,
            )
        )
        for rebuild in await _attached(tx, build.id):
            if rebuild.state is BuildState.RUNNING:
                await tx.rebuilds.save(
                    replace(rebuild, state=moved(rebuild.state, Move.RETRY))
                )

    async def _reuse(self, tx: Transaction, rebuild: Rebuild, image: Image) -> None:
        served = replace(rebuild, build_id=image.build_id)
        await self._end(
            tx, [served], Move.SUCCEED, reason="reused", image=image.reference
        )

    async def _create_for(
        self, tx: Transaction, first: Rebuild, others: Iterable[Rebuild]
    ) -> None:
        build = await self._create(tx, first)
        for rebuild in (first, *others):
            await self._attach(tx, rebuild, build)

    async def _create(self, tx: Transaction, rebuild: Rebuild) -> Build:
        plan = rebuild.plan
        if plan is None:
            raise ValueError(f"rebuild {rebuild.id} has no plan yet")
        source = await tx.sources.get(SourceId(rebuild.source_id))
        launcher = await tx.launchers.get(LauncherId(rebuild.launcher_id))
        build = Build(
            id=BuildId(self._ids.new()),
            key=plan.key,
            state=BuildState.QUEUED,
            recipe=plan.recipe,
            kind=plan.kind,
            repository_url=source.repository.url,
            commit=plan.commit,
            context_dir=source.context_dir,
            path=plan.path,
            declared=plan.declared,
            kept=plan.kept,
            environment_id=rebuild.environment_id,
            project_id=launcher.project_id,
            is_fresh=rebuild.is_fresh,
            traceparent=plan.traceparent,
            created_at=self._clock.now(),
        )
        relatives = await tx.builds.succeeded(
            build.project_id, build.repository_url, limit=_RELATIVES
        )
        build = replace(build, previous_image=previous_image(build, relatives))
        await tx.builds.add(build)
        return build

    async def _attach(self, tx: Transaction, rebuild: Rebuild, build: Build) -> None:
        waiting = replace(rebuild, build_id=build.id)
        if build.state is BuildState.RUNNING:
            waiting = replace(
                waiting,
                state=moved(rebuild.state, Move.START),
                started_at=self._clock.now(),
            )
        await tx.rebuilds.save(waiting)

    async def _start(self, tx: Transaction, build: Build) -> None:
        now = self._clock.now()
        running = replace(
            build, state=moved(build.state, Move.START), started_at=now, failure=None
        )
        await tx.builds.save(running)
        waiting = await _attached(tx, build.id)
        for rebuild in waiting:
            await tx.rebuilds.save(
                replace(rebuild, state=moved(rebuild.state, Move.START), started_at=now)
            )
        await self._announcer.started(tx, running, waiting)
        log.info("build started", build=build.id, attempt=build.attempt)

    async def _replan(self, tx: Transaction, rebuild: Rebuild) -> None:
        """Let a look plan it anew: its id and whoever waits for it stay."""
        await tx.rebuilds.save(replace(rebuild, plan=None, build_id=None))
        look = Look(
            source_id=SourceId(rebuild.source_id),
            evidence=Evidence.BASE_CHANGED,
            rebuild_ids=(rebuild.id,),
            asked_at=self._clock.now(),
        )
        await tx.agenda.ask(look, pace=self._pace)
        log.info("rebuild planned anew, it is built otherwise", rebuild=rebuild.id)

    async def _stop(self, tx: Transaction, build: Build) -> None:
        now = self._clock.now()
        await tx.builds.save(
            replace(build, state=moved(build.state, Move.CANCEL), completed_at=now)
        )
        log.info("build stopped, nobody wants it", build=build.id)

    async def _end(
        self,
        tx: Transaction,
        rebuilds: Iterable[Rebuild],
        move: Move,
        *,
        reason: str,
        image: str | None = None,
        failure: Failure | None = None,
        build: Build | None = None,
    ) -> None:
        now = self._clock.now()
        ended = [
            replace(
                it,
                state=moved(it.state, move),
                reason=_how(reason, it, build),
                image=image,
                failure=failure,
                completed_at=now,
            )
            for it in rebuilds
        ]
        for rebuild in ended:
            await tx.rebuilds.save(rebuild)
        if ended:
            await self._announcer.finished(tx, ended, build)


def _how(reason: str, rebuild: Rebuild, build: Build | None) -> str:
    """Say `adopted` where another environment's build served this one."""
    is_anothers = build is not None and build.environment_id != rebuild.environment_id
    return "adopted" if reason == "built" and is_anothers else reason


async def _attached(tx: Transaction, build: BuildId) -> Sequence[Rebuild]:
    return [it for it in await tx.rebuilds.of_build(build) if not it.state.is_final]
