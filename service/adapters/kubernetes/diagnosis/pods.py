"""Failures that the status of Jobs and pods shows, without any log.

https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/
"""

import re
from datetime import timedelta
from typing import Final

from service.adapters.kubernetes.diagnosis.evidence import FailureEvidence
from service.adapters.kubernetes.diagnosis.missing_objects import OPERATOR_HINT
from service.adapters.kubernetes.diagnosis.starting import has_never_run
from service.adapters.kubernetes.status.jobs import began_at
from service.adapters.kubernetes.status.phases import PhaseState
from service.domain.building.failure import Failure, FailureClass

__all__ = ["deadline_failure", "kill_failure", "loss_failure", "removal_failure"]

_REMOVAL_REASONS: Final = frozenset(
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
"""Status reasons of pods that their node ended; `OutOf…` are others."""
_DISK_LIMIT: Final = re.compile(
    r"exceeds the (?:total )?limit|exceeded its local ephemeral storage limit"
)
_DISK: Final = re.compile(r"(?i)ephemeral-storage|imagefs|nodefs|inodes")
_SIGNAL_EXIT_CODES: Final = frozenset({137, 143})
"""Exit codes of processes that SIGKILL or SIGTERM ended."""
_MAX_WAITING: Final = 0.1
"""Fraction of the deadline that a build may wait for its start: beyond it, a passed
deadline counts as a slow start, not as a slow build."""
_MEMORY_HINT: Final = (
    "install fewer packages at once, or ones that need no compilation; an operator can "
    "raise the limit, and the build is then retried"
)


def deadline_failure(evidence: FailureEvidence) -> Failure | None:
    """Return the failure of a build that its deadline ended."""
    reasons = {
        evidence.job_condition("Failed").get("reason"),
        evidence.status.get("reason"),
    }
    if "DeadlineExceeded" not in reasons:
        return None
    seconds = (evidence.job.get("spec") or {}).get("activeDeadlineSeconds")
    limit = f" of {timedelta(seconds=seconds)}" if seconds else ""
    # The author is not blamed for a queue: `activeDeadlineSeconds` counts from the
    # Job's start, pulls and scheduling included.
    if has_never_run(evidence):
        return Failure(
            kind=FailureClass.NOT_STARTED,
            message=f"no phase could start within the time limit{limit}",
            hint=OPERATOR_HINT,
        )
    reached = [run for run in evidence.runs if run.state is not PhaseState.WAITING]
    where = f" in the {reached[-1].name} phase" if reached else ""
    waited = _waiting_time(evidence)
    if seconds and waited > timedelta(seconds=seconds) * _MAX_WAITING:
        return Failure(
            kind=FailureClass.NOT_STARTED,
            message=f"it was stopped{where} at the time limit{limit}, after it had "
            f"waited {waited} for its start",
            hint=OPERATOR_HINT,
        )
    return evidence.failure(
        FailureClass.DEADLINE,
        f"it was stopped{where} at the time limit{limit}",
        "install fewer packages, or ones that need no compilation",
    )


def removal_failure(evidence: FailureEvidence) -> Failure | None:
    """Return why a pod was evicted or deleted."""
    reason, message = (
        evidence.status.get("reason") or "",
        evidence.status.get("message") or "",
    )
    # `OutOfcpu`, `OutOfmemory`, `OutOfpods`…: the kubelet refused a pod that the
    # scheduler had placed, as two schedulers or a restart make happen.
    if reason in _REMOVAL_REASONS or reason.startswith("OutOf"):
        return _node_failure(evidence, reason, message)
    disrupted = evidence.condition("DisruptionTarget")
    if disrupted.get("status") == "True":
        return _eviction_failure(
            str(disrupted.get("message") or disrupted.get("reason") or "")
        )
    is_deleted = "deletionTimestamp" in ((evidence.pod or {}).get("metadata") or {})
    # A container that ended by itself before the deletion failed for its own reason.
    if is_deleted and (
        evidence.failed is None or evidence.failed.exit_code in _SIGNAL_EXIT_CODES
    ):
        node = ((evidence.pod or {}).get("spec") or {}).get("nodeName")
        # Kubelet reports how a container ended; without a report the node may be down.
        is_reported = evidence.failed is not None or node is None
        away = "" if is_reported else f", as when {node} does not answer"
        return _eviction_failure(f"its pod was deleted{away}")
    return None


def kill_failure(evidence: FailureEvidence) -> Failure | None:
    """Return which phase the OOM killer ended."""
    run = evidence.failed
    if run is None or run.reason != "OOMKilled":
        return None
    limit = _memory_limit(evidence, run.name)
    allowed = f" (its limit is {limit})" if limit else ""
    return evidence.failure(
        FailureClass.OUT_OF_MEMORY,
        f"the {run.name} phase ran out of memory{allowed}",
        _MEMORY_HINT,
    )


def loss_failure(evidence: FailureEvidence) -> Failure:
    """Return the failure of a build of which nothing more is known."""
    if evidence.pod is None and has_never_run(evidence):
        return Failure(
            kind=FailureClass.NOT_ADMITTED,
            message="the cluster created no pod for it, and gave no reason",
            hint=OPERATOR_HINT,
        )
    return Failure(
        kind=FailureClass.LOST,
        message="the build's pod is gone, and its outcome is unknown",
        hint="the build is retried",
    )


def _waiting_time(evidence: FailureEvidence) -> timedelta:
    """Return the time from the start of a Job to the start of its first phase."""
    first = next((run.started for run in evidence.runs if run.started), None)
    began = began_at(evidence.job)
    return max(first - began, timedelta()) if first and began else timedelta()


def _node_failure(evidence: FailureEvidence, reason: str, message: str) -> Failure:
    if reason == "Evicted" and _DISK_LIMIT.search(message):
        return evidence.failure(
            FailureClass.DISK_LIMIT,
            f"it exceeded its disk limit: {message.strip().rstrip('.')}",
            "install fewer packages, or keep large files out of the repository",
        )
    if reason == "Evicted" and _DISK.search(message):
        return Failure(
            kind=FailureClass.OUT_OF_DISK,
            message=f"the disk of its node is full: {message.strip().rstrip('.')}",
            hint="the build is retried",
        )
    return _eviction_failure(f"{reason}: {message}" if message else reason)


def _eviction_failure(why: str) -> Failure:
    return Failure(
        kind=FailureClass.EVICTED,
        message=f"its pod was removed from its node: {why.strip().rstrip('.')}",
        hint="the build is retried",
    )


def _memory_limit(evidence: FailureEvidence, phase: str) -> str:
    spec = (evidence.pod or {}).get("spec") or {}
    for kind in ("initContainers", "containers"):
        for container in spec.get(kind) or ():
            if container["name"] == phase:
                limits = (container.get("resources") or {}).get("limits") or {}
                return str(limits.get("memory") or "")
    return ""
