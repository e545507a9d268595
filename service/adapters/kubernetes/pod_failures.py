"""Failures that the states of Jobs and pods tell; no log is needed.

https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/
"""

import re
from datetime import timedelta
from typing import Final

from service.adapters.kubernetes.case import Case
from service.adapters.kubernetes.pods import PhaseState
from service.adapters.kubernetes.reading import began_at
from service.adapters.kubernetes.starting import MENDED, never_ran
from service.domain.failure import Failure, FailureClass

__all__ = ["killed", "lost", "removed", "too_late"]

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
_DISK_LIMIT: Final = re.compile(
    r"exceeds the (?:total )?limit|exceeded its local ephemeral storage limit"
)
_DISK: Final = re.compile(r"(?i)ephemeral-storage|imagefs|nodefs|inodes")
_STOPPED: Final = frozenset({137, 143})
"""Exit codes of what was told to end."""
_MOST_WAITED: Final = 0.1
"""Which part of its time a build may wait for a start, and still have had its time."""
_MEMORY_HINT: Final = "ask for less at once, or for packages that need not be compiled"


def too_late(case: Case) -> Failure | None:
    """Say where the deadline ended a build."""
    reasons = {case.job_condition("Failed").get("reason"), case.status.get("reason")}
    if "DeadlineExceeded" not in reasons:
        return None
    seconds = (case.job.get("spec") or {}).get("activeDeadlineSeconds")
    limit = f" of {timedelta(seconds=seconds)}" if seconds else ""
    if never_ran(case):
        return Failure(
            kind=FailureClass.NOT_STARTED,
            message=f"nothing of it could start before the time limit{limit} was over",
            hint=MENDED,
        )
    reached = [it for it in case.runs if it.state is not PhaseState.WAITING]
    where = f" in the {reached[-1].name} phase" if reached else ""
    waited = _waited(case)
    if seconds and waited > timedelta(seconds=seconds) * _MOST_WAITED:
        return Failure(
            kind=FailureClass.NOT_STARTED,
            message=f"it was stopped{where}, when the time limit{limit} was over, of "
            f"which it waited {waited} to be started",
            hint=MENDED,
        )
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


def lost(case: Case) -> Failure:
    """Say that nobody knows."""
    if case.pod is None and never_ran(case):
        return Failure(
            kind=FailureClass.NOT_ADMITTED,
            message="the cluster made no pod for it, and did not say why",
            hint=MENDED,
        )
    return Failure(
        kind=FailureClass.LOST,
        message="the build's pod is gone, and nobody knows how far it came",
        hint="the build is tried again",
    )


def _waited(case: Case) -> timedelta:
    """Return how long a Job was there before its first phase ran."""
    first = next((it.started for it in case.runs if it.started), None)
    began = began_at(case.job)
    return max(first - began, timedelta()) if first and began else timedelta()


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
