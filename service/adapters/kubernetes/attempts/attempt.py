"""Follow one attempt at a build, from its Job to its outcome.

All state is read from the Job and its pod, so a new process that follows the same
attempt reaches the same outcome.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Final

import structlog

from service.adapters.kubernetes.attempts.attempt_logs import AttemptLogs
from service.adapters.kubernetes.attempts.job_view import JobView
from service.adapters.kubernetes.attempts.patience import with_patience
from service.adapters.kubernetes.client import Cluster, Json
from service.adapters.kubernetes.diagnosis.after_build import (
    registry_failure,
    smoke_start_failure,
)
from service.adapters.kubernetes.diagnosis.evidence import FailureEvidence
from service.adapters.kubernetes.diagnosis.starting import find_hindrance, is_given_up
from service.adapters.kubernetes.logs import LogShipper
from service.adapters.kubernetes.manifests.names import job_name, smoke_job_name
from service.adapters.kubernetes.manifests.smoke import to_smoke_job
from service.adapters.kubernetes.options import KubernetesOptions
from service.adapters.kubernetes.signing.step import Signing, SigningRequest
from service.adapters.kubernetes.status.events import WarningEvents
from service.adapters.kubernetes.status.jobs import (
    ended_at,
    has_succeeded,
    waits_since,
)
from service.adapters.kubernetes.status.phases import (
    phase_times,
)
from service.adapters.kubernetes.status.result import (
    JobResult,
    OutcomeReader,
)
from service.domain.building.build import Build, Image
from service.domain.building.failure import Failure, FailureClass
from service.errors import (
    ConflictError,
    ServiceError,
    TransientError,
)
from service.ports.builder import Finished
from service.ports.time import Clock

__all__ = ["BuildAttempt"]

log = structlog.get_logger(__name__)

POLL_INTERVAL: Final = timedelta(seconds=5)
"""How often a waiting pod is checked: a time limit that passes is no watch event."""
NORMAL_START: Final = timedelta(seconds=1)
"""How long a normal start takes; events are only listed for pods that wait longer."""
LOG_GRACE: Final = timedelta(seconds=20)
"""How long logs are still shipped after their Job ended; a lost node never sends the
rest."""


class _GoneError(Exception):
    """The Job was deleted, so there is no outcome."""


class BuildAttempt:
    """Follows one attempt at a build.

    The builder creates one for each running build that it observes, and runs it as a
    task. Nothing of it survives the process: the cluster holds the state, and the log
    store the position of the log.

    Args:
        build: The build, with the number of the attempt.
        cluster: The cluster in which it runs.
        view: The current state of its Jobs and pods.
        shipper: Ships its logs.
        outcomes: Reads the outcome of its Jobs.
        warnings: Lists the warning events of its objects.
        signing: Signs the image after the smoke test.
        options: Whether images are smoke-tested, and how long a pod may wait.
        clock: Measures how long it waits.
        on_change: Called when there is an outcome, or never will be, and when the
            reason why it does not start changes.
    """

    def __init__(
        self,
        *,
        build: Build,
        cluster: Cluster,
        view: JobView,
        shipper: LogShipper,
        outcomes: OutcomeReader,
        warnings: WarningEvents,
        signing: Signing,
        options: KubernetesOptions,
        clock: Clock,
        on_change: Callable[[], None],
    ) -> None:
        self.build = build
        self.result: Finished | None = None
        # What is on record holds until the Job was looked at: a new process would else
        # report for a moment that a waiting build goes on.
        self.hindrance: Failure | None = build.failure
        self._cluster = cluster
        self._view = view
        self._outcomes = outcomes
        self._options = options
        self._clock = clock
        self._warnings = warnings
        self._signing = signing
        self._on_change = on_change
        self._change = asyncio.Event()
        self._log = log.bind(build=build.id, attempt=build.attempt)
        self._logs = AttemptLogs(
            build=build,
            view=view,
            shipper=shipper,
            clock=clock,
            wait_for_change=self._wait_for_change,
        )

    def wake(self) -> None:
        """Wake everything that waits for a change of the Job or its pod."""
        # The log task and the outcome task wait on the same event. Replacing it instead
        # of clearing it wakes both, and neither can clear it before the other saw it.
        change, self._change = self._change, asyncio.Event()
        change.set()

    async def run(self) -> None:
        """Follow the attempt to its end."""
        try:
            self.result = await self._outcome()
        except _GoneError:
            self._log.info("job is gone")
        # Without a result the build would be observed as running until its slot is
        # taken by hand.
        except Exception as exc:  # noqa: BLE001 - every end is an outcome
            self._log.exception("outcome unknown")
            failure = Failure(
                kind=FailureClass.INTERNAL,
                message=f"the builder failed: {type(exc).__name__}: {exc}",
            )
            self.result = Finished(outcome=failure, at=self._clock.now())
        self._on_change()

    async def _outcome(self) -> Finished:
        built = await self._follow_job(job_name(self.build))
        finished = await self._read_outcome(built)
        if self._options.smoke and isinstance(finished.outcome, Image):
            finished = await self._add_smoke_test(finished, finished.outcome)
        if not isinstance(finished.outcome, Image):
            return finished
        request = SigningRequest(
            build=self.build,
            image=finished.outcome,
            read_job=partial(self._cluster.read_job, job_name(self.build)),
            pod=built.pod,
            finished=ended_at(built.job) or finished.at,
        )
        # Last: an image that failed its smoke test must not carry our signature.
        failure = await self._signing.failure(request, self._set_hindrance)
        if failure is None:
            return finished
        return replace(finished, outcome=failure, at=self._clock.now())

    async def _add_smoke_test(self, finished: Finished, image: Image) -> Finished:
        """Return the outcome of a build after the smoke test of its image."""
        try:
            tested = await self._try_image(image)
        except ServiceError as exc:
            return replace(
                finished, outcome=smoke_start_failure(exc), at=self._clock.now()
            )
        took = (*finished.phases, *await self._outcomes.times(tested))
        if has_succeeded(tested.job):
            return replace(finished, phases=took)
        at = ended_at(tested.job) or self._clock.now()
        failure = await self._outcomes.failure(tested)
        return Finished(outcome=failure, at=at, phases=took)

    async def _read_outcome(self, built: JobResult) -> Finished:
        """Read the outcome; retry while the registry does not answer."""
        try:
            return await with_patience(
                partial(self._outcomes.of, self.build, built),
                clock=self._clock,
                describe=registry_failure,
                report=self._set_hindrance,
                failed=self._log_wait,
            )
        except TransientError as exc:
            return Finished(
                outcome=registry_failure(exc),
                at=self._clock.now(),
                phases=phase_times(built.pod),
            )

    async def _try_image(self, image: Image) -> JobResult:
        """Run the smoke test of an image; return its finished Job."""
        await with_patience(
            partial(self._start_smoke, image),
            clock=self._clock,
            describe=smoke_start_failure,
            report=self._set_hindrance,
            failed=self._log_wait,
        )
        return await self._follow_job(smoke_job_name(self.build))

    def _log_wait(self, error: str) -> None:
        self._log.warning("image waits", error=error)

    async def _start_smoke(self, image: Image) -> None:
        if self._view.job(self.build, smoke_job_name(self.build)) is not None:
            return
        # The build was cancelled while its image was read: a smoke test now would run
        # for nobody.
        if self._view.job(self.build, job_name(self.build)) is None:
            raise _GoneError
        start = await self._outcomes.entrypoint(image)
        manifest = to_smoke_job(self.build, image.reference, start, self._options)
        try:
            self._view.add_job(await self._cluster.create_job(manifest))
        except ConflictError:
            name = manifest["metadata"]["name"]
            self._view.add_job(await self._cluster.read_job(name))

    async def _follow_job(self, job: str) -> JobResult:
        """Follow a Job to its end, and its logs for a while longer."""
        async with asyncio.TaskGroup() as group:
            shipping = group.create_task(self._logs.ship(job))
            ended = await self._wait_for_end(job)
            if ended is not None and ended_at(ended.job) is not None:
                # Only after a regular end. A Job that was given up may have a pod whose
                # log never ends.
                await asyncio.wait([shipping], timeout=LOG_GRACE.total_seconds())
            shipping.cancel()
        if ended is None:
            raise _GoneError
        # Jobs and pods have separate watches, so the final state of the pod may arrive
        # after that of its Job.
        return JobResult(
            job=ended.job, pod=self._view.pod(self.build, job) or ended.pod
        )

    async def _wait_for_end(self, name: str) -> JobResult | None:
        """Wait until a Job ends or is given up; return None when it was deleted."""
        pod: Json | None = None
        while True:
            job = self._view.job(self.build, name)
            if job is None:
                return None
            # A deadline deletes the pod before the Job gets its condition, so the last
            # known state of the pod is kept for the diagnosis.
            pod = self._view.pod(self.build, name) or pod
            if ended_at(job) is not None or await self._is_given_up(job, pod):
                self._set_hindrance(None)
                return JobResult(job=job, pod=pod)
            await self._wait_for_change()

    async def _is_given_up(self, job: Json, pod: Json | None) -> bool:
        """Report why a Job does not start; return whether it waited too long."""
        events: Sequence[Json] = ()
        now = self._cluster.now() or self._clock.now()
        since = waits_since(job, pod)
        # Most pods start at once; listing the namespace's events for each of them would
        # be the largest request of all.
        if since is not None and now - since >= NORMAL_START:
            events = await self._warnings.about(job, pod)
        case = FailureEvidence(job=job, pod=pod, log="", events=events)
        self._set_hindrance(find_hindrance(case, now=now))
        return is_given_up(case, now=now, after=self._options.unschedulable_after)

    def _set_hindrance(self, reason: Failure | None) -> None:
        if reason != self.hindrance:
            self.hindrance = reason
            self._on_change()

    async def _wait_for_change(self) -> bool:
        """Wait for a change, up to `POLL_INTERVAL`; return whether there was one."""
        # Taken before the wait: `wake` replaces the event, and a change between two
        # waits would otherwise be missed.
        change = self._change
        try:
            async with asyncio.timeout(POLL_INTERVAL.total_seconds()):
                await change.wait()
        except TimeoutError:
            return False
        return True
