"""What Jobs and pods say of themselves; pure.

https://kubernetes.io/docs/concepts/workloads/controllers/job/#terminal-job-conditions
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from service.adapters.kubernetes.pods import phases, waiting_phase

__all__ = [
    "created_at",
    "ended_at",
    "has_succeeded",
    "is_leaving",
    "is_over",
    "is_owned",
    "is_stuck",
]

Json = Mapping[str, Any]

_UNSTARTABLE: Final = frozenset(
    {
        "CreateContainerConfigError",
        "CreateContainerError",
        "ErrImageNeverPull",
        "ErrImagePull",
        "ImageInspectError",
        "ImagePullBackOff",
        "InvalidImageName",
        "RegistryUnavailable",
        "RunContainerError",
    }
)
"""Reasons for which a container waits that seldom pass by themselves."""


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


def is_stuck(pod: Json, *, now: datetime, after: timedelta) -> bool:
    """Say whether a pod has waited for a node or an image for too long."""
    unscheduled = _condition(pod, "PodScheduled", status="False")
    if unscheduled is not None:
        return now - _time(unscheduled["lastTransitionTime"]) > after
    waiting = waiting_phase(pod)
    if is_over(pod) or waiting is None or waiting.reason not in _UNSTARTABLE:
        return False
    began = pod["status"].get("startTime")
    ends = [it.finished for it in phases(pod) if it.finished is not None]
    since = max(ends) if ends else _time(began) if began else now
    return now - since > after


def _condition(found: Json, kind: str, *, status: str = "True") -> Json | None:
    conditions: Sequence[Json] = (found.get("status") or {}).get("conditions") or ()
    for it in conditions:
        if it["type"] == kind and it["status"] == status:
            return it
    return None


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
