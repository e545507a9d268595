"""What is remembered of Jobs and pods: enough to tell what became of a build.

An API server tells everything about an object, most of it of no use here: who set
which field, volumes, probes. 5,000 finished Jobs would fill a gigabyte.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from service.adapters.kubernetes.client import Json, Resource
from service.adapters.kubernetes.names import BUILD

__all__ = ["trimmed"]

_METADATA: Final = (
    "name",
    "uid",
    "labels",
    "ownerReferences",
    "creationTimestamp",
    "deletionTimestamp",
)
_JOB_SPEC: Final = ("activeDeadlineSeconds", "backoffLimit", "suspend")
_POD_SPEC: Final = ("nodeName", "activeDeadlineSeconds")
_POD_STATUS: Final = (
    "phase",
    "reason",
    "message",
    "startTime",
    "conditions",
    "initContainerStatuses",
    "containerStatuses",
)
_CONTAINER: Final = ("name", "image", "resources")
_CONTAINERS: Final = ("initContainers", "containers")
_MOUNTED: Final = ("name", "secret", "configMap", "persistentVolumeClaim")
"""What says of a volume where it comes from."""
_STATUS: Final = ("name", "state", "lastState", "restartCount", "image")


def trimmed(resource: Resource, found: Json) -> bytes:
    """Return the fields of an object that count, as JSON."""
    return json.dumps(_TRIM[resource](found), separators=(",", ":")).encode()


def _metadata(found: Json) -> Json:
    about = found["metadata"]
    noted = _some(about.get("annotations") or {}, (BUILD,))
    return _some(about, _METADATA) | {"annotations": noted}


def _job(job: Json) -> Json:
    return {
        "metadata": _metadata(job),
        "spec": _some(job["spec"], _JOB_SPEC),
        "status": job.get("status") or {},
    }


def _pod(pod: Json) -> Json:
    spec, status = pod["spec"], pod.get("status") or {}
    return {
        "metadata": _metadata(pod),
        "spec": _some(spec, _POD_SPEC)
        | {kind: _each(spec.get(kind), _CONTAINER) for kind in _CONTAINERS}
        | {"volumes": _foreign(spec.get("volumes"))},
        "status": _some(status, _POD_STATUS)
        | {
            kind: _each(status[kind], _STATUS)
            for kind in ("initContainerStatuses", "containerStatuses")
            if kind in status
        },
    }


_TRIM: Final[Mapping[Resource, Callable[[Json], Json]]] = {
    Resource.JOB: _job,
    Resource.POD: _pod,
}


def _some(found: Json, names: Iterable[str]) -> dict[str, Any]:
    return {name: found[name] for name in names if name in found}


def _each(found: Iterable[Json] | None, names: Iterable[str]) -> list[dict[str, Any]]:
    return [_some(it, names) for it in found or ()]


def _foreign(volumes: Iterable[Json] | None) -> list[dict[str, Any]]:
    """Return the volumes that hold what somebody else has made."""
    found = _each(volumes, _MOUNTED)
    return [it for it in found if len(it) > 1]
