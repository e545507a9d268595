"""Failures that the states of Jobs and pods tell; no log is needed.

https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/
"""

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from service.adapters.kubernetes.case import Case
from service.adapters.kubernetes.pods import PhaseRun, PhaseState, waiting_phase
from service.domain.failure import Failure, FailureClass

__all__ = ["killed", "lost", "removed", "too_late", "unstarted"]

_PULLING: Final = frozenset(
    {
        "ErrImageNeverPull",
        "ErrImagePull",
        "ImageInspectError",
        "ImagePullBackOff",
        "InvalidImageName",
        "RegistryUnavailable",
    }
)
_STARTING: Final = frozenset(
    {
        "ContainerCannotRun",
        "CreateContainerConfigError",
        "CreateContainerError",
        "RunContainerError",
        "StartError",
    }
)
_LET_GO: Final = frozenset(
    {
        "Evicted",
        "NodeAffinity",
        "NodeLost",
        "NodeShutdown",
        "Preempting",
        "Shutdown",
        "Terminated",
        "UnexpectedAdmissionError",
    }
)
"""Reasons of a pod that its node gives; `OutOf…` are others."""
_WHY_NO_IMAGE: Final[Mapping[str, re.Pattern[str]]] = {
    "it is not there": re.compile(r"(?i)not found|manifest unknown|NAME_UNKNOWN"),
    "its registry refuses it": re.compile(
        r"(?i)unauthorized|authorization failed|denied|forbidden|no basic auth"
        r"|\b40[13]\b"
    ),
    "its registry asks to come back later": re.compile(
        r"(?i)too ?many ?requests|\b429\b"
    ),
    "its registry cannot be reached": re.compile(
        r"no such host|refused|timeout|unreachable|reset|dial tcp|EOF|x509|HTTPS client"
    ),
    "its name cannot be read": re.compile(r"invalid reference|couldn't parse image"),
}
_DISK_LIMIT: Final = re.compile(
    r"exceeds the (?:total )?limit|exceeded its local ephemeral storage limit"
)
_DISK: Final = re.compile(r"(?i)ephemeral-storage|imagefs|nodefs|inodes")
_STOPPED: Final = frozenset({137, 143})
"""Exit codes of what was told to end."""
_MEMORY_HINT: Final = "ask for less at once, or for packages that need not be compiled"


def unstarted(case: Case) -> Failure | None:
    """Say what kept a pod from running."""
    if case.pod is None or case.failed or case.status.get("reason"):
        return None
    placed = case.condition("PodScheduled")
    if placed.get("status") == "False":
        return _unschedulable(str(placed.get("message") or ""))
    waiting = waiting_phase(case.pod)
    if waiting is None:
        return None
    if waiting.reason in _PULLING:
        return _unpullable(case, waiting)
    return _unstartable(waiting) if waiting.reason in _STARTING else None


def too_late(case: Case) -> Failure | None:
    """Say where the deadline ended a build."""
    reasons = {case.job_condition("Failed").get("reason"), case.status.get("reason")}
    if "DeadlineExceeded" not in reasons:
        return None
    seconds = (case.job.get("spec") or {}).get("activeDeadlineSeconds")
    limit = f" of {timedelta(seconds=seconds)}" if seconds else ""
    reached = [it for it in case.runs if it.state is not PhaseState.WAITING]
    where = f" in the {reached[-1].name} phase" if reached else ""
    return case.failure(
        FailureClass.DEADLINE,
        f"it was stopped{where}, when the time limit{limit} was over",
        "ask for less, or for packages that need not be compiled",
    )


def removed(case: Case) -> Failure | None:
    """Say why a node or a person let go of a pod."""
    reason, message = case.status.get("reason") or "", case.status.get("message") or ""
    if reason in _LET_GO or reason.startswith("OutOf"):
        return _let_go(case, reason, message)
    disrupted = case.condition("DisruptionTarget")
    if disrupted.get("status") == "True":
        return _evicted(str(disrupted.get("message") or disrupted.get("reason") or ""))
    is_deleted = "deletionTimestamp" in ((case.pod or {}).get("metadata") or {})
    if is_deleted and (case.failed is None or case.failed.exit_code in _STOPPED):
        return _evicted("its pod was deleted")
    return None


def killed(case: Case) -> Failure | None:
    """Say which phase took too much memory."""
    run = case.failed
    if run is None or run.reason != "OOMKilled":
        return None
    limit = _memory_limit(case, run.name)
    allowed = f", which may use {limit}" if limit else ""
    return case.failure(
        FailureClass.OUT_OF_MEMORY,
        f"the memory ran out in the {run.name} phase{allowed}",
        _MEMORY_HINT,
    )


def lost(_: Case) -> Failure:
    """Say that nobody knows."""
    return Failure(
        kind=FailureClass.LOST,
        message="the build's pod is gone, and nobody knows how far it came",
        hint="the build is tried again",
    )


def _unschedulable(why: str) -> Failure:
    told = f": {why.rstrip('.')}" if why else ""
    return Failure(
        kind=FailureClass.UNSCHEDULABLE,
        message=f"no machine of the cluster took the build in time{told}",
        hint="the build is tried again; an operator can make room or change the limits",
    )


def _unpullable(case: Case, run: PhaseRun) -> Failure:
    told = f"{run.message}\n{case.event('Failed', 'InspectFailed', 'InvalidImageName')}"
    found = (why for why, pattern in _WHY_NO_IMAGE.items() if pattern.search(told))
    why = next(found, run.message or run.reason)
    return Failure(
        kind=FailureClass.IMAGE_PULL,
        message=f"the image of the {run.name} phase, {run.image}, cannot be pulled: "
        f"{why}",
        hint="this is for an operator to mend; the build is tried again",
    )


def _unstartable(run: PhaseRun) -> Failure:
    return Failure(
        kind=FailureClass.INTERNAL,
        message=f"the {run.name} phase cannot be started: {run.message or run.reason}",
        hint="this is for an operator to mend; the build is tried again",
    )


def _let_go(case: Case, reason: str, message: str) -> Failure:
    if reason == "Evicted" and _DISK_LIMIT.search(message):
        return case.failure(
            FailureClass.DISK_LIMIT,
            f"it wrote more to disk than it may: {message.strip().rstrip('.')}",
            "ask for less, or keep large files out of the repository",
        )
    if reason == "Evicted" and _DISK.search(message):
        return Failure(
            kind=FailureClass.OUT_OF_DISK,
            message=f"the disk of its machine is full: {message.strip().rstrip('.')}",
            hint="the build is tried again",
        )
    return _evicted(f"{reason}: {message}" if message else reason)


def _evicted(why: str) -> Failure:
    return Failure(
        kind=FailureClass.EVICTED,
        message=f"its machine had to let go of the build: {why.strip().rstrip('.')}",
        hint="the build is tried again",
    )


def _memory_limit(case: Case, phase: str) -> str:
    spec = (case.pod or {}).get("spec") or {}
    for kind in ("initContainers", "containers"):
        for container in spec.get(kind) or ():
            if container["name"] == phase:
                limits = (container.get("resources") or {}).get("limits") or {}
                return str(limits.get("memory") or "")
    return ""
