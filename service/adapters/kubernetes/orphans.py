"""Pods whose Job was deleted alone: they run on, for nobody, and hold their room.

`kubectl delete job --cascade=orphan` leaves them behind, and takes away what said whose
they are; the pods of a Job that is deleted as usual say it until they are gone.
https://kubernetes.io/docs/concepts/architecture/garbage-collection/#orphaned-dependents
"""

from collections.abc import Collection, Sequence
from contextlib import suppress

from service.adapters.kubernetes.client import Cluster, Json, Resource
from service.adapters.kubernetes.names import BUILD
from service.adapters.kubernetes.reading import is_leaving
from service.domain.build import BuildId
from service.errors import NotFoundError

__all__ = ["held", "remove_orphans"]


def held(jobs: Sequence[Json], pods: Sequence[Json]) -> Collection[BuildId]:
    """Return the builds of these Jobs, and of the pods that no Job has."""
    found = [*jobs, *(it for it in pods if _is_orphan(it))]
    noted = (it["metadata"]["annotations"] for it in found if not is_leaving(it))
    return {BuildId(it[BUILD]) for it in noted if BUILD in it}


async def remove_orphans(cluster: Cluster, selector: str) -> None:
    """Delete the selected pods that no Job takes with it."""
    for pod in await cluster.list(Resource.POD, selector=selector):
        if _is_orphan(pod) and not is_leaving(pod):
            with suppress(NotFoundError):
                await cluster.delete_pod(pod["metadata"]["name"])


def _is_orphan(pod: Json) -> bool:
    return not pod["metadata"].get("ownerReferences")
