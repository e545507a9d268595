"""Ship the logs of one attempt, phase after phase."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Final

import structlog

from service.adapters.kubernetes.attempts.job_view import JobView
from service.adapters.kubernetes.client import Json
from service.adapters.kubernetes.logs import LogShipper
from service.adapters.kubernetes.status.jobs import ended_at, is_over
from service.adapters.kubernetes.status.phases import PhaseRun, PhaseState, phases
from service.domain.building.build import Build
from service.errors import NotFoundError, PermanentError, ServiceError
from service.ports.time import Clock

__all__ = ["AttemptLogs"]

log = structlog.get_logger(__name__)

RETRY_DELAY: Final = timedelta(seconds=1)


class AttemptLogs:
    """Ships the logs of an attempt's Jobs; made with its `BuildAttempt`.

    Args:
        build: The build, with the number of the attempt.
        view: The current state of its Jobs and pods.
        shipper: Ships the log of a container, from where the log store ends.
        clock: Waits before a failed shipment is repeated.
        wait_for_change: Waits for a change of the Job or its pod, up to a poll
            interval; returns whether there was one.
    """

    def __init__(
        self,
        *,
        build: Build,
        view: JobView,
        shipper: LogShipper,
        clock: Clock,
        wait_for_change: Callable[[], Awaitable[bool]],
    ) -> None:
        self._build = build
        self._view = view
        self._shipper = shipper
        self._clock = clock
        self._wait_for_change = wait_for_change
        self._log = log.bind(build=build.id, attempt=build.attempt)

    async def ship(self, job: str) -> None:
        """Ship the log of each phase, one after the other as they run."""
        shipped: set[str] = set()
        while True:
            pod = self._view.pod(self._build, job)
            left = (
                [phase for phase in phases(pod) if phase.name not in shipped]
                if pod
                else []
            )
            if pod is not None and (not left or _will_never_run(pod, left[0])):
                return
            if pod is None or left[0].state is PhaseState.WAITING:
                # Both, as the Job's end may arrive before the pod's last state: only a
                # quiet interval after the end shows that no further phase will start.
                if not await self._wait_for_change() and self._has_ended(job):
                    return
            elif await self._ship_phase(job, pod, left[0]):
                shipped.add(left[0].name)

    def _has_ended(self, name: str) -> bool:
        job = self._view.job(self._build, name)
        return job is None or ended_at(job) is not None

    async def _ship_phase(self, job: str, pod: Json, phase: PhaseRun) -> bool:
        """Ship the log of a phase; return whether it is complete."""
        is_ended = phase.state is PhaseState.TERMINATED
        try:
            name = pod["metadata"]["name"]
            await self._shipper.ship(name, phase.name, is_over=is_ended)
        except (NotFoundError, PermanentError) as exc:
            # The pod is gone, or the container has not started yet.
            self._log.debug("no log", phase=phase.name, error=str(exc))
        except ServiceError as exc:
            self._log.warning("log waits", phase=phase.name, error=str(exc))
            await self._clock.sleep(RETRY_DELAY)
            return False
        if phase in phases(self._view.pod(self._build, job) or pod) and not is_ended:
            # A followed log ends before the container's status changes. The rest is
            # read once the informer has the new status.
            await self._wait_for_change()
        return is_ended


def _will_never_run(pod: Json, phase: PhaseRun) -> bool:
    return is_over(pod) and phase.state is PhaseState.WAITING
