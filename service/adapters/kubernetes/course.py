"""One attempt at a build, from its Job to its outcome.

Everything is read off the objects and can be read again: after a restart a course is
begun anew and comes to the same end.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Final, Protocol

import structlog

from service.adapters.kubernetes.case import Case
from service.adapters.kubernetes.client import Cluster, Json
from service.adapters.kubernetes.happenings import Happenings
from service.adapters.kubernetes.logs import Carrier
from service.adapters.kubernetes.names import job_name, smoke_job_name
from service.adapters.kubernetes.options import KubernetesOptions
from service.adapters.kubernetes.outcome import (
    PATIENCE,
    Ended,
    Outcomes,
    unanswered,
    untried,
)
from service.adapters.kubernetes.pods import PhaseRun, PhaseState, phase_times, phases
from service.adapters.kubernetes.reading import (
    ended_at,
    has_succeeded,
    is_over,
    waits_since,
)
from service.adapters.kubernetes.smoke import to_smoke_job
from service.adapters.kubernetes.starting import hindrance, is_given_up
from service.adapters.retry import patiently
from service.domain.build import Build, Image
from service.domain.failure import Failure, FailureClass
from service.errors import (
    ConflictError,
    NotFoundError,
    PermanentError,
    ServiceError,
    TransientError,
)
from service.ports.builder import Finished
from service.ports.time import Clock

__all__ = ["Course", "Sight"]

log = structlog.get_logger(__name__)

LOOK_AGAIN: Final = timedelta(seconds=5)
"""How often a waiting pod is looked at: that time passes is no event."""
AT_FIRST: Final = timedelta(seconds=1)
"""How long a start takes of which nobody need ask what is in its way."""
LAST_WORDS: Final = timedelta(seconds=20)
"""How long a log may come after its Job ended; a node that is gone never brings it."""
AFTER_TROUBLE: Final = timedelta(seconds=1)


class Sight(Protocol):
    """What is seen of Jobs and pods now."""

    def job(self, build: Build, name: str) -> Json | None:
        """Return a Job of a build; None when there is none, or not for long."""
        ...

    def pod(self, build: Build, job: str) -> Json | None:
        """Return the newest pod of a Job."""
        ...

    def put(self, job: Json) -> None:
        """Take note of a Job that was just made."""
        ...


class _GoneError(Exception):
    """The Job was deleted: there is no outcome."""


class Course:
    """Follows one attempt.

    Args:
        build: The attempt.
        cluster: Where it runs.
        sight: What is seen of it.
        carrier: Carries what it says.
        outcomes: Says what became of it.
        happenings: Says what the cluster warns of.
        options: Whether the image is tried, and how long a pod may wait.
        clock: Tells how long it waited.
        on_change: Called when there is an outcome, or will never be, and when
            something else is in the way of its start.
    """

    def __init__(
        self,
        *,
        build: Build,
        cluster: Cluster,
        sight: Sight,
        carrier: Carrier,
        outcomes: Outcomes,
        happenings: Happenings,
        options: KubernetesOptions,
        clock: Clock,
        on_change: Callable[[], None],
    ) -> None:
        self.build = build
        self.result: Finished | None = None
        self.hindrance: Failure | None = None
        self._cluster = cluster
        self._sight = sight
        self._carrier = carrier
        self._outcomes = outcomes
        self._options = options
        self._clock = clock
        self._happenings = happenings
        self._on_change = on_change
        self._change = asyncio.Event()
        self._log = log.bind(build=build.id, attempt=build.attempt)

    def wake(self) -> None:
        """Look again: something changed."""
        change, self._change = self._change, asyncio.Event()
        change.set()

    async def run(self) -> None:
        """Follow the attempt to its end."""
        try:
            self.result = await self._outcome()
        except _GoneError:
            self._log.info("job is gone")
        except Exception as exc:  # noqa: BLE001 - every end is an outcome
            self._log.exception("outcome unknown")
            failure = Failure(
                kind=FailureClass.INTERNAL,
                message=f"the builder failed: {type(exc).__name__}: {exc}",
            )
            self.result = Finished(outcome=failure, at=self._clock.now())
        self._on_change()

    async def _outcome(self) -> Finished:
        built = await self._ended(job_name(self.build))
        finished = await self._told(built)
        if not (self._options.smoke and isinstance(finished.outcome, Image)):
            return finished
        try:
            tried = await self._tried(finished.outcome)
        except (NotFoundError, TransientError) as exc:
            return replace(finished, outcome=untried(exc), at=self._clock.now())
        took = (*finished.phases, *await self._outcomes.times(tried))
        if has_succeeded(tried.job):
            return replace(finished, phases=took)
        at = ended_at(tried.job) or self._clock.now()
        failure = await self._outcomes.failure(tried)
        return Finished(outcome=failure, at=at, phases=took)

    async def _told(self, built: Ended) -> Finished:
        """Return the outcome, however long the registry takes to tell."""
        given_up_at = self._clock.now() + PATIENCE
        try:
            return await patiently(
                partial(self._outcomes.of, self.build, built),
                on=TransientError,
                failed=lambda said: self._log.warning("outcome waits", error=said),
                until=lambda: self._clock.now() > given_up_at,
            )
        except TransientError as exc:
            return Finished(
                outcome=unanswered(exc),
                at=self._clock.now(),
                phases=phase_times(built.pod),
            )

    async def _tried(self, image: Image) -> Ended:
        """Start the image once; return how that ended."""
        given_up_at = self._clock.now() + PATIENCE
        await patiently(
            partial(self._start_smoke, image),
            on=TransientError,
            failed=lambda said: self._log.warning("smoke test waits", error=said),
            until=lambda: self._clock.now() > given_up_at,
        )
        return await self._ended(smoke_job_name(self.build))

    async def _start_smoke(self, image: Image) -> None:
        if self._sight.job(self.build, smoke_job_name(self.build)) is not None:
            return
        if self._sight.job(self.build, job_name(self.build)) is None:
            raise _GoneError
        start = await self._outcomes.entrypoint(image)
        manifest = to_smoke_job(self.build, image.reference, start, self._options)
        try:
            self._sight.put(await self._cluster.create_job(manifest))
        except ConflictError:
            name = manifest["metadata"]["name"]
            self._sight.put(await self._cluster.read_job(name))

    async def _ended(self, job: str) -> Ended:
        """Follow a Job to its end, and what it says for a while longer."""
        async with asyncio.TaskGroup() as group:
            listening = group.create_task(self._listen(job))
            ended = await self._until_over(job)
            if ended is not None and ended_at(ended.job) is not None:
                await asyncio.wait([listening], timeout=LAST_WORDS.total_seconds())
            listening.cancel()
        if ended is None:
            raise _GoneError
        # Jobs and pods are watched apart: the pod's last state may have come later.
        return Ended(job=ended.job, pod=self._sight.pod(self.build, job) or ended.pod)

    async def _until_over(self, name: str) -> Ended | None:
        """Return how a Job ended, or that it never will; None when it was deleted."""
        pod: Json | None = None
        while True:
            job = self._sight.job(self.build, name)
            if job is None:
                return None
            # A pod that a deadline ended goes before its Job is told.
            pod = self._sight.pod(self.build, name) or pod
            if ended_at(job) is not None or await self._is_given_up(job, pod):
                self._tell(None)
                return Ended(job=job, pod=pod)
            await self._is_changed()

    async def _is_given_up(self, job: Json, pod: Json | None) -> bool:
        """Tell what keeps a Job from starting; say whether that took too long."""
        events: Sequence[Json] = ()
        now = self._clock.now()
        since = waits_since(job, pod)
        if since is not None and now - since >= AT_FIRST:
            events = await self._happenings.about(job, pod)
        case = Case(job=job, pod=pod, log="", events=events)
        self._tell(hindrance(case, now=now))
        return is_given_up(case, now=now, after=self._options.unschedulable_after)

    def _tell(self, found: Failure | None) -> None:
        if found != self.hindrance:
            self.hindrance = found
            self._on_change()

    async def _listen(self, job: str) -> None:
        """Carry what each phase says, one after the other as they run."""
        heard: set[str] = set()
        while True:
            pod = self._sight.pod(self.build, job)
            left = [it for it in phases(pod) if it.name not in heard] if pod else []
            if pod is not None and (not left or _never_runs(pod, left[0])):
                return
            if pod is None or left[0].state is PhaseState.WAITING:
                if not await self._is_changed() and self._has_ended(job):
                    return
            elif await self._is_heard(job, pod, left[0]):
                heard.add(left[0].name)

    def _has_ended(self, name: str) -> bool:
        job = self._sight.job(self.build, name)
        return job is None or ended_at(job) is not None

    async def _is_heard(self, job: str, pod: Json, phase: PhaseRun) -> bool:
        """Carry what a phase says now; say whether that is all."""
        is_ended = phase.state is PhaseState.TERMINATED
        try:
            name = pod["metadata"]["name"]
            await self._carrier.carry(name, phase.name, is_over=is_ended)
        except (NotFoundError, PermanentError) as exc:
            # Its pod is gone, or it has yet to begin.
            self._log.debug("no log", phase=phase.name, error=str(exc))
        except ServiceError as exc:
            self._log.warning("log waits", phase=phase.name, error=str(exc))
            await self._clock.sleep(AFTER_TROUBLE)
            return False
        if phase in phases(self._sight.pod(self.build, job) or pod) and not is_ended:
            # The end of what it said is told before its own.
            await self._is_changed()
        return is_ended

    async def _is_changed(self) -> bool:
        """Say whether something changed before it is time to look again."""
        change = self._change
        try:
            async with asyncio.timeout(LOOK_AGAIN.total_seconds()):
                await change.wait()
        except TimeoutError:
            return False
        return True


def _never_runs(pod: Json, phase: PhaseRun) -> bool:
    return is_over(pod) and phase.state is PhaseState.WAITING
