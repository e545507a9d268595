"""The phases of a build in the status of its pod; pure.

https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/#PodStatus
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Any, Final

from service.domain.building.build import PhaseTime

__all__ = [
    "PhaseRun",
    "PhaseState",
    "failed_phase",
    "phase_times",
    "phases",
    "waiting_phase",
]

Json = Mapping[str, Any]

_KINDS: Final = (
    ("initContainers", "initContainerStatuses"),
    ("containers", "containerStatuses"),
)


class PhaseState(Enum):
    """The state of a phase's container."""

    WAITING = "waiting"
    RUNNING = "running"
    TERMINATED = "terminated"


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseRun:
    """One container of a build's pod."""

    name: str
    state: PhaseState
    started: datetime | None = None
    finished: datetime | None = None
    exit_code: int | None = None
    reason: str = ""
    """Kubernetes' reason, such as `OOMKilled` or `ImagePullBackOff`."""
    message: str = ""
    """Its termination message, or why it waits."""
    image: str = ""

    @property
    def has_failed(self) -> bool:
        """Return whether it ended with a non-zero exit code."""
        return bool(self.exit_code)

    @property
    def duration(self) -> timedelta | None:
        """Return its duration; None when it has not ended."""
        if self.started is None or self.finished is None:
            return None
        return self.finished - self.started


def phases(pod: Json) -> Sequence[PhaseRun]:
    """Return the phases of a build, in the order in which they run."""
    spec, status = pod.get("spec") or {}, pod.get("status") or {}
    return tuple(
        _read_run(container, _find_status(status.get(statuses), container["name"]))
        for containers, statuses in _KINDS
        for container in spec.get(containers) or ()
    )


def phase_times(pod: Json | None) -> tuple[PhaseTime, ...]:
    """Return the duration of each finished phase, in whole seconds."""
    return tuple(
        PhaseTime(name=phase.name, took=phase.duration, started_at=phase.started)
        for phase in (phases(pod) if pod else ())
        if phase.duration is not None
    )


def failed_phase(pod: Json) -> PhaseRun | None:
    """Return the phase that failed; None when none did."""
    return next((phase for phase in phases(pod) if phase.has_failed), None)


def waiting_phase(pod: Json) -> PhaseRun | None:
    """Return the next phase, when it waits for its start; None when one runs."""
    for run in phases(pod):
        if run.state is not PhaseState.TERMINATED:
            return run if run.state is PhaseState.WAITING else None
    return None


def _find_status(statuses: Sequence[Json] | None, name: str) -> Json:
    return next((status for status in statuses or () if status["name"] == name), {})


def _read_run(container: Json, status: Json) -> PhaseRun:
    state = status.get("state") or {}
    # A container without a state has not been seen by its kubelet yet: it waits.
    kind = next(
        (kind for kind in PhaseState if kind.value in state), PhaseState.WAITING
    )
    details = state.get(kind.value) or {}
    return PhaseRun(
        name=container["name"],
        state=kind,
        started=_parse_time(details.get("startedAt")),
        finished=_parse_time(details.get("finishedAt")),
        exit_code=details.get("exitCode"),
        reason=details.get("reason") or "",
        message=details.get("message") or "",
        image=container.get("image") or "",
    )


def _parse_time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
