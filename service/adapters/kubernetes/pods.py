"""The phases of a build as its pod shows them; pure.

https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/#PodStatus
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Any, Final

from service.domain.build import PhaseTime

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
    """Where a phase is."""

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
    """Kubernetes' word, such as `OOMKilled` or `ImagePullBackOff`."""
    message: str = ""
    """What it left behind to be read, or why it waits."""
    image: str = ""

    @property
    def has_failed(self) -> bool:
        """Say whether it ended badly."""
        return bool(self.exit_code)

    @property
    def duration(self) -> timedelta | None:
        """Return how long it took; None when it has not ended."""
        if self.started is None or self.finished is None:
            return None
        return self.finished - self.started


def phases(pod: Json) -> Sequence[PhaseRun]:
    """Return the phases of a build, in the order in which they run."""
    spec, status = pod.get("spec") or {}, pod.get("status") or {}
    return tuple(
        _run(container, _named(status.get(statuses), container["name"]))
        for containers, statuses in _KINDS
        for container in spec.get(containers) or ()
    )


def phase_times(pod: Json | None) -> tuple[PhaseTime, ...]:
    """Return how long each phase took that ended, in whole seconds."""
    return tuple(
        PhaseTime(name=it.name, took=it.duration)
        for it in (phases(pod) if pod else ())
        if it.duration is not None
    )


def failed_phase(pod: Json) -> PhaseRun | None:
    """Return the phase that ended badly; None when none did."""
    return next((it for it in phases(pod) if it.has_failed), None)


def waiting_phase(pod: Json) -> PhaseRun | None:
    """Return the first phase that could run and does not; None when one runs."""
    for run in phases(pod):
        if run.state is not PhaseState.TERMINATED:
            return run if run.state is PhaseState.WAITING else None
    return None


def _named(statuses: Sequence[Json] | None, name: str) -> Json:
    return next((it for it in statuses or () if it["name"] == name), {})


def _run(container: Json, status: Json) -> PhaseRun:
    state = status.get("state") or {}
    found = next((it for it in PhaseState if it.value in state), PhaseState.WAITING)
    about = state.get(found.value) or {}
    return PhaseRun(
        name=container["name"],
        state=found,
        started=_instant(about.get("startedAt")),
        finished=_instant(about.get("finishedAt")),
        exit_code=about.get("exitCode"),
        reason=about.get("reason") or "",
        message=about.get("message") or "",
        image=container.get("image") or "",
    )


def _instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
