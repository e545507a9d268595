"""Orphaned pods: their Job was deleted without them, so they keep running.

`kubectl delete job --cascade=orphan` removes their owner reference; the pods of a Job
that is deleted otherwise keep theirs until they are gone.
https://kubernetes.io/docs/concepts/architecture/garbage-collection/#orphaned-dependents
"""

from collections.abc import Collection, Sequence
from contextlib import suppress

from service.adapters.kubernetes.client import Cluster, Json, Resource
from service.adapters.kubernetes.manifests.names import BUILD
from service.adapters.kubernetes.status.jobs import is_leaving
from service.domain.building.build import BuildId
from service.errors import NotFoundError

__all__ = ["list_held_builds", "remove_orphans"]


def list_held_builds(jobs: Sequence[Json], pods: Sequence[Json]) -> Collection[BuildId]:
    """Return the builds of these Jobs, and of orphaned pods."""
    items = [*jobs, *(pod for pod in pods if _is_orphan(pod))]
    annotations = (
        # What is being deleted is not held any more: releasing it again would only
        # repeat the request until it is gone.
        item["metadata"]["annotations"]
        for item in items
        if not is_leaving(item)
    )
    return {BuildId(noted[BUILD]) for noted in annotations if BUILD in noted}


async def remove_orphans(cluster: Cluster, selector: str) -> None:
    """Delete the selected pods that have no Job."""
    for pod in await cluster.list(Resource.POD, selector=selector):
        if _is_orphan(pod) and not is_leaving(pod):
            with suppress(NotFoundError):
                await cluster.delete_pod(pod["metadata"]["name"])


def _is_orphan(pod: Json) -> bool:
    return not pod["metadata"].get("ownerReferences")
