"""The builder of a cluster: a Job for each attempt at a build.

The cluster is the only memory. A Job's name says which attempt it is, so starting
twice is starting once; what became of it is read off Job and pod, so a builder that
starts again, or takes over from another, comes to the same answers.
"""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from aiohttp import ClientSession

from service.adapters.kubernetes.client import Cluster, Connection, Json, Resource
from service.adapters.kubernetes.course import Course
from service.adapters.kubernetes.failures import RefusedError
from service.adapters.kubernetes.happenings import Happenings
from service.adapters.kubernetes.identity import KubernetesIdentity
from service.adapters.kubernetes.job import to_job
from service.adapters.kubernetes.logs import Carrier, Logs
from service.adapters.kubernetes.names import BUILD, job_name, safe, selector
from service.adapters.kubernetes.options import KubernetesOptions
from service.adapters.kubernetes.orphans import held, remove_orphans
from service.adapters.kubernetes.outcome import Outcomes
from service.adapters.kubernetes.reading import (
    created_at,
    ended_at,
    is_leaving,
    is_owned,
)
from service.adapters.kubernetes.registry import Reference, Registry
from service.adapters.kubernetes.starting import not_admitted
from service.adapters.kubernetes.suitability import Suitability
from service.adapters.kubernetes.watch import Mirror
from service.domain.build import Build, BuildId, Image
from service.domain.definition import Kind
from service.domain.findings import Finding
from service.errors import (
    ConflictError,
    NotFoundError,
    PermanentError,
    TransientError,
)
from service.ports.builder import (
    Finished,
    HinderedError,
    Observation,
    Running,
    Vanished,
)
from service.ports.time import Clock

__all__ = ["KubernetesBuilder"]

LOOK_AGAIN: Final = timedelta(seconds=5)
"""How long `changed` waits at most: a hint may be lost, a look costs nothing."""


class KubernetesBuilder:
    """Builds as Jobs of one namespace; used as an async context manager.

    Leaving the context stops nothing: Jobs go on by themselves.

    Args:
        connection: Where the cluster is, and the namespace, which is ours alone.
        options: What Jobs are made of.
        clock: Tells how long pods wait.
        logs: Keeps what builds say.
        credentials: A `config.json` of Docker's to ask registries with.
    """

    def __init__(
        self,
        *,
        connection: Connection,
        options: KubernetesOptions,
        clock: Clock,
        logs: Logs,
        credentials: Path | None,
    ) -> None:
        self._connection = connection
        self._options = options
        self._clock = clock
        self._logs = logs
        self._credentials = credentials
        self._identity = KubernetesIdentity(options)
        self._change = asyncio.Event()

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            enter = stack.enter_async_context
            self._cluster = await enter(Cluster.connect(self._connection))
            session = await enter(ClientSession(trust_env=True))
            self._registry = Registry(
                session=session,
                insecure=self._options.insecure_registries,
                credentials=self._credentials,
            )
            self._happenings = Happenings(cluster=self._cluster, clock=self._clock)
            self._suitability = Suitability(
                registry=self._registry,
                platform_api=self._options.platform_api,
                clock=self._clock,
            )
            self._jobs = self._mirror(Resource.JOB)
            self._pods = self._mirror(Resource.POD)
            self._courses: dict[str, Course] = {}
            self._tasks: dict[str, asyncio.Task[None]] = {}
            self._group = await enter(asyncio.TaskGroup())
            for mirror in (self._jobs, self._pods):
                task = self._group.create_task(mirror.run())
                stack.callback(task.cancel)
            stack.callback(self._leave_all)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        # What the caller raised is the caller's: the task group would wrap it.
        del kind, exc, traceback
        await self._stack.aclose()

    def identity(self, *, frontend: str) -> str:
        return self._identity.identity(frontend=frontend)

    def scope(self, project: str) -> str:
        return self._identity.scope(project)

    def provides(self, frontend: str) -> bool:
        return self._identity.provides(frontend)

    def remarks(self, kind: Kind) -> Sequence[Finding]:
        return self._identity.remarks(kind)

    def bases(self) -> Collection[str]:
        return self._options.bases()

    async def digest_of(self, reference: str) -> str:
        return await self._registry.digest(Reference.from_text(reference))

    def stand_on(self, digests: Mapping[str, str]) -> None:
        self._identity.stand_on(digests)

    async def start(self, build: Build) -> None:
        options = self._identity.options
        image = options.builder_for(build.recipe.platform)
        if found := await self._suitability.unfit(image):
            raise HinderedError(found)
        manifest = to_job(build, options)
        try:
            made = await self._cluster.create_job(manifest)
        except ConflictError:
            made = await self._alive(job_name(build))
        except RefusedError as exc:
            raise HinderedError(not_admitted(str(exc))) from exc
        except (NotFoundError, PermanentError) as exc:
            # The namespace or the settings are wrong, which an operator mends.
            raise TransientError(str(exc)) from exc
        self._jobs.put(made)
        self._change.set()

    async def observe(self, builds: Sequence[Build]) -> Mapping[BuildId, Observation]:
        await self._jobs.listed()
        await self._pods.listed()
        self._change.clear()
        unseen = [it for it in builds if self.job(it, job_name(it)) is None]
        if unseen:
            await self._confirm(unseen)
        return {it.id: self._observed(it) for it in builds}

    async def changed(self) -> None:
        try:
            async with asyncio.timeout(LOOK_AGAIN.total_seconds()):
                await self._change.wait()
        except TimeoutError:
            return

    async def cancel(self, build: BuildId) -> None:
        for name in self._names(build):
            self._leave(name)
        await self._delete(await self._all(build))
        await remove_orphans(self._cluster, self._selector(build))
        self._change.set()

    async def forget(self, build: BuildId) -> None:
        found = await self._all(build)
        if any(not self._is_settled(it) for it in found):
            return
        for name in self._names(build):
            self._leave(name)
        await self._delete(found)
        await remove_orphans(self._cluster, self._selector(build))

    async def held(self) -> Collection[BuildId]:
        await self._jobs.listed()
        await self._pods.listed()
        return held(self._jobs.everything(), self._pods.everything())

    async def has(self, image: Image) -> bool:
        try:
            asked = Reference.from_text(image.reference)
        except PermanentError:
            return False  # another builder's, from before the settings changed
        return await self._registry.has(asked)

    # what courses see

    def job(self, build: Build, name: str) -> Json | None:
        """Return a Job of a build; None when there is none, or not for long."""
        for it in self._jobs.of(safe(build.id)):
            if it["metadata"]["name"] == name and not is_leaving(it):
                return it
        return None

    def pod(self, build: Build, job: str) -> Json | None:
        """Return the newest pod of a Job."""
        owner = self.job(build, job)
        found = [
            it
            for it in self._pods.of(safe(build.id))
            if owner is not None and is_owned(it, owner)
        ]
        return max(found, key=created_at, default=None)

    def put(self, job: Json) -> None:
        """Take note of a Job that was just made."""
        self._jobs.put(job)

    # inside

    def _mirror(self, resource: Resource) -> Mirror:
        return Mirror(
            cluster=self._cluster,
            resource=resource,
            selector=selector(self._options.instance),
            clock=self._clock,
            on_change=self._wake,
        )

    def _wake(self, label: str) -> None:
        for course in self._courses.values():
            if safe(course.build.id) == label:
                course.wake()

    def _observed(self, build: Build) -> Observation:
        name = job_name(build)
        if self.job(build, name) is None:
            self._leave(name)
            return Vanished()
        course = self._courses.get(name) or self._follow(build)
        return course.result or Running(hindrance=course.hindrance)

    def _follow(self, build: Build) -> Course:
        name = job_name(build)
        course = Course(
            build=build,
            cluster=self._cluster,
            sight=self,
            carrier=Carrier(
                cluster=self._cluster, logs=self._logs, clock=self._clock, build=build
            ),
            outcomes=Outcomes(
                cluster=self._cluster,
                registry=self._registry,
                options=self._options,
                clock=self._clock,
            ),
            happenings=self._happenings,
            options=self._options,
            clock=self._clock,
            on_change=self._change.set,
        )
        self._courses[name] = course
        self._tasks[name] = self._group.create_task(course.run(), name=name)
        return course

    def _names(self, build: BuildId) -> Sequence[str]:
        return [name for name, it in self._courses.items() if it.build.id == build]

    def _leave(self, name: str) -> None:
        """Stop following an attempt."""
        self._courses.pop(name, None)
        task = self._tasks.pop(name, None)
        if task is not None:
            task.cancel()

    def _leave_all(self) -> None:
        for name in list(self._courses):
            self._leave(name)

    async def _confirm(self, builds: Sequence[Build]) -> None:
        """Ask for Jobs that are not known: what is not seen may be only not yet."""
        names = ",".join(sorted({safe(it.id) for it in builds}))
        wanted = f"{selector(self._options.instance)},{BUILD} in ({names})"
        for job in await self._cluster.list(Resource.JOB, selector=wanted):
            self._jobs.put(job)

    async def _alive(self, name: str) -> Json:
        """Return a Job that is there already, unless it is about to go."""
        try:
            found = await self._cluster.read_job(name)
        except NotFoundError as exc:
            raise TransientError(f"Job {name} went just now") from exc
        if is_leaving(found):
            raise TransientError(f"Job {name} is still being deleted")
        return found

    async def _all(self, build: BuildId) -> Sequence[Json]:
        return await self._cluster.list(Resource.JOB, selector=self._selector(build))

    def _selector(self, build: BuildId) -> str:
        return selector(self._options.instance, build=build)

    def _is_settled(self, job: Json) -> bool:
        """Say whether a Job ended, or was given up."""
        course = self._courses.get(job["metadata"]["name"])
        is_given_up = course is not None and isinstance(course.result, Finished)
        return ended_at(job) is not None or is_given_up

    async def _delete(self, jobs: Sequence[Json]) -> None:
        for job in jobs:
            with suppress(NotFoundError):
                await self._cluster.delete_job(job["metadata"]["name"])
            self._jobs.bury(job)
