"""The fields of Jobs and pods that the informer caches.

Objects hold much that no outcome or diagnosis needs, such as managed fields, volumes
and probes. 5,000 finished Jobs would otherwise fill a gigabyte.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from service.adapters.kubernetes.client import Json, Resource
from service.adapters.kubernetes.manifests.names import BUILD

__all__ = ["trim"]

_METADATA: Final = (
    "name",
    "uid",
    "labels",
    "ownerReferences",
    "creationTimestamp",
    "deletionTimestamp",
)
_JOB_SPEC: Final = ("activeDeadlineSeconds", "backoffLimit", "suspend")
_POD_SPEC: Final = ("nodeName", "nodeSelector", "activeDeadlineSeconds")
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
_SOURCES: Final = ("name", "secret", "configMap", "persistentVolumeClaim")
"""Fields that name the source of a volume."""
_STATUS: Final = ("name", "state", "lastState", "restartCount", "image", "imageID")


def trim(resource: Resource, item: Json) -> bytes:
    """Reduce an object to the cached fields, as JSON."""
    return json.dumps(_TRIM[resource](item), separators=(",", ":")).encode()


def _trim_metadata(item: Json) -> Json:
    metadata = item["metadata"]
    # The label may be shortened; the annotation has the whole id, by which the garbage
    # collector finds the build.
    annotations = _pick(metadata.get("annotations") or {}, (BUILD,))
    return _pick(metadata, _METADATA) | {"annotations": annotations}


def _trim_job(job: Json) -> Json:
    return {
        "metadata": _trim_metadata(job),
        "spec": _pick(job["spec"], _JOB_SPEC),
        "status": job.get("status") or {},
    }


def _trim_pod(pod: Json) -> Json:
    spec, status = pod["spec"], pod.get("status") or {}
    return {
        "metadata": _trim_metadata(pod),
        "spec": _pick(spec, _POD_SPEC)
        | {kind: _pick_each(spec.get(kind), _CONTAINER) for kind in _CONTAINERS}
        | {"volumes": _referring_volumes(spec.get("volumes"))},
        "status": _pick(status, _POD_STATUS)
        | {
            kind: _pick_each(status[kind], _STATUS)
            for kind in ("initContainerStatuses", "containerStatuses")
            if kind in status
        },
    }


_TRIM: Final[Mapping[Resource, Callable[[Json], Json]]] = {
    Resource.JOB: _trim_job,
    Resource.POD: _trim_pod,
}


def _pick(item: Json, names: Iterable[str]) -> dict[str, Any]:
    return {name: item[name] for name in names if name in item}


def _pick_each(
    items: Iterable[Json] | None, names: Iterable[str]
) -> list[dict[str, Any]]:
    return [_pick(item, names) for item in items or ()]


def _referring_volumes(volumes: Iterable[Json] | None) -> list[dict[str, Any]]:
    """Return the volumes that refer to other objects; `emptyDir` does not."""
    picked = _pick_each(volumes, _SOURCES)
    return [volume for volume in picked if len(volume) > 1]
