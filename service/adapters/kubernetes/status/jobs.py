"""The status of Jobs and pods; pure.

https://kubernetes.io/docs/concepts/workloads/controllers/job/#terminal-job-conditions
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from service.adapters.kubernetes.status.phases import phases, waiting_phase

__all__ = [
    "began_at",
    "created_at",
    "ended_at",
    "has_succeeded",
    "is_abandoned",
    "is_leaving",
    "is_over",
    "is_owned",
    "is_suspended",
    "waits_since",
]

Json = Mapping[str, Any]

ABANDONED: Final = timedelta(seconds=30)
"""How late a node may be with ending a deleted pod: it may be busy, or restarting."""


def created_at(item: Json) -> datetime:
    """Return when an object was created."""
    return _parse_time(item["metadata"]["creationTimestamp"])


def is_owned(item: Json, owner: Json) -> bool:
    """Return whether an object is owned by another."""
    references = item["metadata"].get("ownerReferences") or ()
    return any(entry["uid"] == owner["metadata"]["uid"] for entry in references)


def is_leaving(item: Json) -> bool:
    """Return whether an object is being deleted."""
    return "deletionTimestamp" in item["metadata"]


def has_succeeded(job: Json) -> bool:
    """Return whether a Job is complete."""
    return _find_condition(job, "Complete") is not None


def ended_at(job: Json) -> datetime | None:
    """Return when a Job ended; None while it has not."""
    condition = _find_condition(job, "Complete") or _find_condition(job, "Failed")
    return None if condition is None else _parse_time(condition["lastTransitionTime"])


def is_abandoned(pod: Json, *, now: datetime) -> bool:
    """Return whether a pod is overdue for deletion because its node is gone.

    A deletion timestamp is the time by which the pod has to be gone. A Job of
    Kubernetes 1.31 and newer waits for the pod, however long its node is down.
    https://kubernetes.io/docs/concepts/architecture/nodes/#node-shutdowns
    """
    due = pod["metadata"].get("deletionTimestamp")
    # The Job controller waits for the end of the pod and the pod for its kubelet:
    # without this a build on a machine that is gone runs until its time limit.
    return bool(due) and not is_over(pod) and now - _parse_time(due) > ABANDONED


def is_over(pod: Json) -> bool:
    """Return whether all containers of a pod have terminated."""
    return pod["status"].get("phase") in {"Succeeded", "Failed"}


def is_suspended(job: Json) -> bool:
    """Return whether a Job is suspended until a queue admits it."""
    return bool((job.get("spec") or {}).get("suspend"))


def began_at(job: Json) -> datetime | None:
    """Return when a Job's deadline began to count.

    Kubernetes before 1.24 sets no start of a Job whose pods are rejected: then it is
    the time of its creation.
    """
    started = (job.get("status") or {}).get("startTime")
    created = job["metadata"].get("creationTimestamp")
    return _parse_time(started or created) if started or created else None


def waits_since(job: Json, pod: Json | None) -> datetime | None:
    """Return since when a build waits for its start; None when it runs or is over."""
    if ended_at(job) is not None:
        return None
    if pod is None:
        # The Job's count of active pods may arrive before the pod itself does, since
        # the two have separate watches.
        is_active = (job.get("status") or {}).get("active")
        return None if is_active or is_suspended(job) else began_at(job)
    unscheduled = _find_condition(pod, "PodScheduled", status="False")
    if unscheduled is not None:
        return _parse_time(unscheduled["lastTransitionTime"])
    if is_over(pod) or is_leaving(pod) or waiting_phase(pod) is None:
        return None
    ends = [phase.finished for phase in phases(pod) if phase.finished is not None]
    began = pod["status"].get("startTime") or pod["metadata"].get("creationTimestamp")
    return max(ends) if ends else _parse_time(began) if began else None


def _find_condition(item: Json, kind: str, *, status: str = "True") -> Json | None:
    conditions: Sequence[Json] = (item.get("status") or {}).get("conditions") or ()
    for condition in conditions:
        if condition["type"] == kind and condition["status"] == status:
            return condition
    return None


def _parse_time(text: str) -> datetime:
    return datetime.fromisoformat(text)
