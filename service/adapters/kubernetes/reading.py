"""What Jobs and pods say of themselves; pure.

https://kubernetes.io/docs/concepts/workloads/controllers/job/#terminal-job-conditions
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from service.adapters.kubernetes.pods import phases, waiting_phase

__all__ = [
    "began_at",
    "created_at",
    "ended_at",
    "has_succeeded",
    "is_leaving",
    "is_over",
    "is_owned",
    "is_suspended",
    "waits_since",
]

Json = Mapping[str, Any]


def created_at(found: Json) -> datetime:
    """Return when an object was made."""
    return _time(found["metadata"]["creationTimestamp"])


def is_owned(found: Json, owner: Json) -> bool:
    """Say whether an object was made for another."""
    owners = found["metadata"].get("ownerReferences") or ()
    return any(it["uid"] == owner["metadata"]["uid"] for it in owners)


def is_leaving(found: Json) -> bool:
    """Say whether an object is being deleted."""
    return "deletionTimestamp" in found["metadata"]


def has_succeeded(job: Json) -> bool:
    """Say whether a Job has done its work."""
    return _condition(job, "Complete") is not None


def ended_at(job: Json) -> datetime | None:
    """Return when a Job ended; None while it has not."""
    condition = _condition(job, "Complete") or _condition(job, "Failed")
    return None if condition is None else _time(condition["lastTransitionTime"])


def is_over(pod: Json) -> bool:
    """Say whether no container of a pod runs any more or will."""
    return pod["status"].get("phase") in {"Succeeded", "Failed"}


def is_suspended(job: Json) -> bool:
    """Say whether a Job may not run yet: a queue has to admit it."""
    return bool((job.get("spec") or {}).get("suspend"))


def began_at(job: Json) -> datetime | None:
    """Return when a Job began to count its time; of an older server, when it was made.

    Kubernetes before 1.24 has no start of a Job whose pods are refused.
    """
    started = (job.get("status") or {}).get("startTime")
    made = job["metadata"].get("creationTimestamp")
    return _time(started or made) if started or made else None


def waits_since(job: Json, pod: Json | None) -> datetime | None:
    """Return since when a build waits to be started; None when it runs or is over."""
    if ended_at(job) is not None:
        return None
    if pod is None:
        # What a Job counts is told before its pod is seen, now and then.
        is_active = (job.get("status") or {}).get("active")
        return None if is_active or is_suspended(job) else began_at(job)
    unplaced = _condition(pod, "PodScheduled", status="False")
    if unplaced is not None:
        return _time(unplaced["lastTransitionTime"])
    if is_over(pod) or is_leaving(pod) or waiting_phase(pod) is None:
        return None
    ends = [it.finished for it in phases(pod) if it.finished is not None]
    began = pod["status"].get("startTime") or pod["metadata"].get("creationTimestamp")
    return max(ends) if ends else _time(began) if began else None


def _condition(found: Json, kind: str, *, status: str = "True") -> Json | None:
    conditions: Sequence[Json] = (found.get("status") or {}).get("conditions") or ()
    for it in conditions:
        if it["type"] == kind and it["status"] == status:
            return it
    return None


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
