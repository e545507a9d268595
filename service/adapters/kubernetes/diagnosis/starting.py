"""Why a build does not start: its pod is rejected, unschedulable, or cannot be set up.

Read from pod conditions, container states and events. Events are the only source of why
the Job controller created no pod, and of why a volume cannot be mounted.
https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/
"""

import re
from datetime import datetime, timedelta
from typing import Final

from service.adapters.kubernetes.diagnosis.evidence import FailureEvidence
from service.adapters.kubernetes.diagnosis.image_pull import PULL_REASONS, pull_failure
from service.adapters.kubernetes.diagnosis.missing_objects import (
    absent_object,
    first_line,
    missing_object,
    mount_failure,
    operator_failure,
)
from service.adapters.kubernetes.status.jobs import (
    is_abandoned,
    is_suspended,
    waits_since,
)
from service.adapters.kubernetes.status.phases import (
    PhaseRun,
    PhaseState,
    waiting_phase,
)
from service.domain.building.failure import Failure, FailureClass

__all__ = [
    "admission_failure",
    "find_hindrance",
    "has_never_run",
    "is_given_up",
    "start_failure",
]

SLOW: Final = timedelta(seconds=20)
"""A start that takes longer is reported as waiting, even when no cause is known."""

_SANDBOX_REASONS: Final = (
    "FailedCreatePodSandBox",
    "NetworkNotReady",
    "FailedCreatePodContainer",
)
_QUOTA: Final = re.compile(
    r"exceeded quota: (?P<name>[^,\s]{1,253}), requested: (?P<asked>.{1,500}?)"
    r", used: (?P<used>.{1,500}?), limited: (?P<limit>.{1,500})$"
)
_QUOTA_UNSET: Final = re.compile(
    r"failed quota: (?P<name>[^:\s]{1,253}): (?P<why>must specify .{1,500})$"
)
_RANGE: Final = re.compile(
    r"(?:maximum|minimum|max limit) .{0,200}(?:usage|ratio) per "
)
_REFUSED: Final = re.compile(
    r"(?:Error creating: )?(?:pods \"[^\"]*\" is forbidden: )?(?P<why>.*)", re.DOTALL
)
_SELECTED: Final = re.compile(r"(?i)node (?:affinity|selector)|affinity/selector")
_SHORT: Final = re.compile(r"Insufficient ([\w./-]+?)(?=[,.\s]|$)")
_UNBOUND: Final = re.compile(r"unbound (?:immediate )?PersistentVolumeClaims?")


def start_failure(evidence: FailureEvidence) -> Failure | None:
    """Return why a build, or its next phase, cannot start; None when unknown."""
    if evidence.pod is None:
        return _rejection(evidence)
    # It ran, or its node ended it: other diagnoses are for that, and old events of its
    # start would mislead.
    if evidence.failed or evidence.status.get("reason"):
        return None
    scheduled = evidence.condition("PodScheduled")
    if scheduled.get("status") == "False":
        return _scheduling_failure(evidence, str(scheduled.get("message") or ""))
    run = waiting_phase(evidence.pod)
    return _container_failure(evidence, run) if run is not None else None


def _container_failure(evidence: FailureEvidence, run: PhaseRun) -> Failure | None:
    if run.reason in PULL_REASONS:
        return pull_failure(evidence, run)
    if run.reason in _CREATE_REASONS:
        return missing_object(evidence, run.message) or _create_failure(run)
    # Kubelet mounts volumes and creates the sandbox before the first container runs; an
    # old event about them explains nothing once one has run.
    return (
        mount_failure(evidence) or _sandbox_failure(evidence)
        if has_never_run(evidence)
        else None
    )


def find_hindrance(evidence: FailureEvidence, *, now: datetime) -> Failure | None:
    """Return what a build waits for before its next phase; None when it runs."""
    since = waits_since(evidence.job, evidence.pod)
    # Before anything else: a suspended Job has no pod on purpose, and waits as long as
    # Kueue decides.
    if is_suspended(evidence.job):
        return Failure(
            kind=FailureClass.NOT_ADMITTED,
            message="Kueue has not admitted it yet",
        )
    if since is None:
        return None
    return start_failure(evidence) or (
        _slow_start(evidence) if now - since > SLOW else None
    )


def is_given_up(evidence: FailureEvidence, *, now: datetime, after: timedelta) -> bool:
    """Return whether a build has waited too long for its start.

    A start that is only slow, such as the pull of a large image, is left to the time
    limit of the Job. A pod whose node is gone is given up at once.
    """
    if evidence.pod is not None and is_abandoned(evidence.pod, now=now):
        return True
    since = waits_since(evidence.job, evidence.pod)
    if since is None or is_suspended(evidence.job) or now - since <= after:
        return False
    return evidence.pod is None or start_failure(evidence) is not None


def has_never_run(evidence: FailureEvidence) -> bool:
    """Return whether no container of a build is known to have run."""
    if evidence.pod is None:
        return not _had_pod(evidence)
    return all(run.state is PhaseState.WAITING for run in evidence.runs)


def _rejection(evidence: FailureEvidence) -> Failure | None:
    """Return why no pod was created for a Job."""
    message = evidence.event("FailedCreate")
    if not message or _had_pod(evidence):
        return None
    match = _REFUSED.fullmatch(message)
    why = (match["why"] if match else message).strip().rstrip(".")
    return missing_object(evidence, why) or admission_failure(why)


def admission_failure(why: str) -> Failure:
    """Return which rule rejects a Job or its pod, from the API server's message."""
    if absence := absent_object(why):
        return absence
    return operator_failure(FailureClass.NOT_ADMITTED, _describe_rule(why))


def _had_pod(evidence: FailureEvidence) -> bool:
    """Return whether a pod was ever created for a Job."""
    status = evidence.job.get("status") or {}
    counted = any(status.get(name) for name in ("active", "succeeded", "failed"))
    if counted or evidence.event("SuccessfulCreate"):
        return True
    ended = evidence.job_condition("Failed").get("reason")
    # Some versions do not count a pod that the deadline ended. They set no `startTime`
    # on a Job whose pods are rejected, so that field separates the two.
    if ended == "DeadlineExceeded":
        return "startTime" in status and not evidence.event("FailedCreate")
    return bool(ended)


def _describe_rule(why: str) -> str:
    """Describe the rule that rejects a pod, with what it demands."""
    if quota := _QUOTA.search(why):
        return (
            f"the quota {quota['name']} of its namespace is exceeded: requested is "
            f"{quota['asked']}, used is {quota['used']}, the limit is "
            f"{quota['limit']}"
        )
    if quota := _QUOTA_UNSET.search(why):
        return f"the quota {quota['name']} of its namespace rejects it: {quota['why']}"
    if _RANGE.search(why):
        return f"a LimitRange of its namespace rejects its pod: {why.strip('[]')}"
    return f"the cluster rejects it: {why}"


def _scheduling_failure(evidence: FailureEvidence, why: str) -> Failure:
    reason = why.strip().rstrip(".")
    if missing := missing_object(evidence, reason):
        return missing
    if _UNBOUND.search(reason):
        claims = ", ".join(evidence.claims) or "it mounts"
        message = f"the PersistentVolumeClaim {claims} has no volume yet: {reason}"
        return operator_failure(FailureClass.MISSING_RESOURCE, message)
    return Failure(
        kind=FailureClass.UNSCHEDULABLE,
        message="no node of the cluster accepts the pod"
        + (f": {reason}{_describe_requests(evidence, reason)}" if reason else ""),
        hint="the build is retried; an operator can add nodes or change the limits",
    )


def _describe_requests(evidence: FailureEvidence, reason: str) -> str:
    """Return the selectors and requests that the scheduler refers to without values."""
    spec = (evidence.pod or {}).get("spec") or {}
    requested: list[str] = []
    if _SELECTED.search(reason):
        selector = spec.get("nodeSelector") or {}
        requested += [f"{name}={value}" for name, value in sorted(selector.items())]
    containers = [*(spec.get("initContainers") or ()), *(spec.get("containers") or ())]
    for resource in _SHORT.findall(reason):
        requests = [
            (container.get("resources") or {}).get("requests", {}).get(resource)
            for container in containers
        ]
        requested += sorted(
            {f"{resource}={request}" for request in requests if request}
        )
    return f"; it requests {', '.join(requested)}" if requested else ""


def _sandbox_failure(evidence: FailureEvidence) -> Failure | None:
    message = evidence.event(*_SANDBOX_REASONS)
    if not message:
        return None
    reason = f"the node cannot start its pod: {first_line(message)}"
    return operator_failure(FailureClass.NOT_STARTED, reason)


def _create_failure(run: PhaseRun) -> Failure:
    why = first_line(run.message) or run.reason
    message = f"the {run.name} phase cannot be started: {why}"
    return operator_failure(FailureClass.NOT_STARTED, message)


def _slow_start(evidence: FailureEvidence) -> Failure:
    if evidence.pod is None:
        return operator_failure(
            FailureClass.NOT_ADMITTED, "the cluster has created no pod for it yet"
        )
    run = waiting_phase(evidence.pod)
    where = f"the {run.name} phase" if run else "it"
    image = f"; it may be pulling the image {run.image}" if run and run.image else ""
    return operator_failure(
        FailureClass.NOT_STARTED, f"the node has not started {where} yet{image}"
    )


_CREATE_REASONS: Final = frozenset(
    {
        "ContainerCannotRun",
        "CreateContainerConfigError",
        "CreateContainerError",
        "RunContainerError",
        "StartError",
    }
)
