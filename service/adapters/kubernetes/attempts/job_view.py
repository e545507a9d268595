"""What the informers know of the Jobs and pods of builds."""

from collections.abc import Callable, Collection, Sequence

from service.adapters.kubernetes.client import Cluster, Json, Resource
from service.adapters.kubernetes.informer import Informer
from service.adapters.kubernetes.manifests.names import (
    BUILD,
    job_name,
    selector,
    to_label_value,
)
from service.adapters.kubernetes.orphans import list_held_builds
from service.adapters.kubernetes.status.jobs import created_at, is_leaving, is_owned
from service.domain.building.build import Build, BuildId
from service.ports.time import Clock

__all__ = ["JobView"]


class JobView:
    """The Jobs and pods of one installation, as its informers have them.

    The builder makes one when it is entered; its attempts read it. The cluster holds
    the state, so nothing of it has to survive.

    Args:
        cluster: The cluster that is watched.
        instance: The installation whose objects count.
        clock: Measures how long watches pause.
        on_change: Called with the label of the build that an object belongs to.
    """

    def __init__(
        self,
        *,
        cluster: Cluster,
        instance: str,
        clock: Clock,
        on_change: Callable[[str], None],
    ) -> None:
        self._cluster = cluster
        self._instance = instance
        self._jobs, self._pods = (
            Informer(
                cluster=cluster,
                resource=resource,
                selector=selector(instance),
                clock=clock,
                on_change=on_change,
            )
            for resource in (Resource.JOB, Resource.POD)
        )

    @property
    def informers(self) -> tuple[Informer, Informer]:
        """Return what has to run for the view to follow the cluster."""
        return self._jobs, self._pods

    async def wait_listed(self) -> None:
        """Wait until Jobs and pods have been listed once."""
        await self._jobs.wait_listed()
        await self._pods.wait_listed()

    def job(self, build: Build, name: str) -> Json | None:
        """Return a Job of a build; None when there is none, or it is being deleted."""
        for job in self._jobs.objects_of(to_label_value(build.id)):
            if job["metadata"]["name"] == name and not is_leaving(job):
                return job
        return None

    def pod(self, build: Build, job: str) -> Json | None:
        """Return the newest pod of a Job."""
        owner = self.job(build, job)
        # By owner and not by label alone: a pod of a Job that was deleted and created
        # anew under the same name belongs to its predecessor.
        pods = [
            pod
            for pod in self._pods.objects_of(to_label_value(build.id))
            if owner is not None and is_owned(pod, owner)
        ]
        return max(pods, key=created_at, default=None)

    def add_job(self, job: Json) -> None:
        """Add a Job that was just created, before the informer sees it."""
        self._jobs.add(job)

    def forget_job(self, job: Json) -> None:
        """Ignore a Job that was just deleted, whatever the informer still hears."""
        self._jobs.tombstone(job)

    async def list_missing(self, builds: Sequence[Build]) -> None:
        """List the Jobs of those builds that the informer does not know."""
        unseen = [build for build in builds if self.job(build, job_name(build)) is None]
        if not unseen:
            return
        # A watch lags behind: reporting a Job of a former leader, or one that was just
        # created, as vanished would start the build a second time.
        names = ",".join(sorted({to_label_value(build.id) for build in unseen}))
        wanted = f"{selector(self._instance)},{BUILD} in ({names})"
        for job in await self._cluster.list(Resource.JOB, selector=wanted):
            self._jobs.add(job)

    def held_builds(self) -> Collection[BuildId]:
        """Return the builds that any object of the cluster belongs to."""
        return list_held_builds(self._jobs.all_objects(), self._pods.all_objects())
