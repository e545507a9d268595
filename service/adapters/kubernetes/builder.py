"""The builder of a cluster: one Job for each attempt at a build.

All state is in the cluster. The name of a Job identifies the attempt, so starting is
idempotent; the outcome is read from Job and pod, so a builder that restarts, or takes
over from another, returns the same answers.
"""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Final, Self

from service.adapters.kubernetes.attempts.attempt import BuildAttempt
from service.adapters.kubernetes.attempts.job_view import JobView
from service.adapters.kubernetes.attempts.running import RunningAttempts
from service.adapters.kubernetes.client import ApiConnection, Cluster, Json, Resource
from service.adapters.kubernetes.credentials.privacy import refusal
from service.adapters.kubernetes.diagnosis.starting import admission_failure
from service.adapters.kubernetes.errors import ApiRefusedError as NotAdmittedError
from service.adapters.kubernetes.identity import KubernetesIdentity
from service.adapters.kubernetes.images import RegistryImages
from service.adapters.kubernetes.logs import LogShipper, PodLogs
from service.adapters.kubernetes.manifests.job import to_job
from service.adapters.kubernetes.manifests.names import (
    job_name,
    selector,
)
from service.adapters.kubernetes.oci.builder_image import BuilderImageChecker
from service.adapters.kubernetes.oci.connection import make_session
from service.adapters.kubernetes.oci.registry import Registry
from service.adapters.kubernetes.options import KubernetesOptions
from service.adapters.kubernetes.orphans import remove_orphans
from service.adapters.kubernetes.signing.step import SigningOptions, create_signing
from service.adapters.kubernetes.status.events import WarningEvents
from service.adapters.kubernetes.status.jobs import (
    ended_at,
    is_leaving,
)
from service.adapters.kubernetes.status.result import OutcomeReader
from service.certificates import tls_of
from service.domain.building.build import Build, BuildId, EnvironmentId
from service.domain.definition import Kind
from service.domain.findings import Finding
from service.errors import (
    ConflictError,
    NotFoundError,
    PermanentError,
    TransientError,
)
from service.ports.builder import (
    HinderedError,
    Observation,
    RefusedError,
    Running,
    Vanished,
)
from service.ports.time import Clock

__all__ = ["KubernetesBuilder"]

POLL_INTERVAL: Final = timedelta(seconds=5)
"""The longest wait of `changed`: a notification may be lost, and polling is cheap."""


class KubernetesBuilder(RegistryImages):
    """Runs builds as Jobs of one namespace; an async context manager.

    Each consumer process has one; the leader's is the one in use. Leaving the context
    stops the watches, not the Jobs: another process continues with them.

    Args:
        connection: The cluster, and the namespace for builds.
        options: The operator's settings for Jobs.
        clock: Measures how long pods wait.
        logs: The store of build logs.
        credentials: Docker's `config.json` for requests to registries.
        signing: How images are signed; None for unsigned images.
        environment: Variables that name trusted certificates, such as `SSL_CERT_FILE`.
    """

    def __init__(
        self,
        *,
        connection: ApiConnection,
        options: KubernetesOptions,
        clock: Clock,
        logs: PodLogs,
        credentials: Path | None,
        signing: SigningOptions | None = None,
        environment: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self._connection = connection
        self._options = options
        self._clock = clock
        self._logs = logs
        self._credentials = credentials
        self._signing_options = signing
        self._environment = environment
        self._identity = KubernetesIdentity(options)
        self._change = asyncio.Event()

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            enter = stack.enter_async_context
            self._cluster = await enter(Cluster.connect(self._connection))
            session = await enter(make_session(tls_of(self._environment)))
            insecure = self._options.insecure_registries
            self._registry = Registry(
                session=session, insecure=insecure, credentials=self._credentials
            )
            self._signing = create_signing(
                self._signing_options, session, insecure=insecure, clock=self._clock
            )
            self._warnings = WarningEvents(cluster=self._cluster, clock=self._clock)
            self._builder_images = BuilderImageChecker(
                registry=self._registry,
                platform_api=self._options.platform_api,
                clock=self._clock,
            )
            group = await enter(asyncio.TaskGroup())
            self._attempts = RunningAttempts(group=group, create=self._create_attempt)
            self._view = JobView(
                cluster=self._cluster,
                instance=self._options.instance,
                clock=self._clock,
                on_change=self._attempts.wake,
            )
            for informer in self._view.informers:
                task = group.create_task(informer.run())
                stack.callback(task.cancel)
            stack.callback(self._attempts.stop_all)
            # Only once everything is open: an error before closes what was opened.
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        # Not passed on: the task group would wrap it, and callers expect their type.
        del kind, exc, traceback
        await self._stack.aclose()

    def identity(self, *, frontend: str) -> str:
        return self._identity.identity(frontend=frontend)

    def scope(self, project: str, environment: EnvironmentId) -> str:
        return self._identity.scope(project, environment)

    def pull_secret(self, reference: str) -> str:
        return self._identity.pull_secret(reference)

    def provides(self, frontend: str) -> bool:
        return self._identity.provides(frontend)

    def builds_for(self, platform: str) -> bool:
        return self._identity.builds_for(platform)

    def remarks(self, kind: Kind) -> Sequence[Finding]:
        return self._identity.remarks(kind)

    def bases(self) -> Collection[str]:
        return self._options.bases()

    def pin_bases(self, digests: Mapping[str, str]) -> None:
        self._identity.pin_bases(digests)

    async def start(self, build: Build) -> None:
        options = self._identity.options
        if failure := refusal(build, options):
            raise RefusedError(failure)
        image = options.builder_for(build.spec.platform)
        if failure := await self._builder_images.find_incompatibility(image):
            raise HinderedError(failure)
        manifest = to_job(build, options)
        try:
            job = await self._cluster.create_job(manifest)
        except ConflictError:
            # Started before, by us or by a former leader.
            job = await self._read_existing(job_name(build))
        except (NotAdmittedError, NotFoundError, PermanentError) as exc:
            # A rule, the namespace or a setting is wrong: the build waits until an
            # operator has corrected it.
            raise HinderedError(admission_failure(str(exc))) from exc
        # The informer hears of it later, and nothing may take it for lost until then.
        self._view.add_job(job)
        self._change.set()

    async def observe(self, builds: Sequence[Build]) -> Mapping[BuildId, Observation]:
        await self._view.wait_listed()
        # Cleared before the state is read: a change that happens meanwhile sets it
        # again, and the next `changed` returns at once.
        self._change.clear()
        await self._view.list_missing(builds)
        return {build.id: self._observe_one(build) for build in builds}

    async def changed(self) -> None:
        try:
            async with asyncio.timeout(POLL_INTERVAL.total_seconds()):
                await self._change.wait()
        except TimeoutError:
            return

    async def cancel(self, build: BuildId) -> None:
        # First the follower, then the Job: a follower that sees its Job disappear would
        # report an end that nobody has caused.
        self._attempts.stop_build(build)
        await self._delete(await self._list_jobs(build))
        await remove_orphans(self._cluster, self._selector(build))
        self._change.set()

    async def release(self, build: BuildId) -> None:
        jobs = await self._list_jobs(build)
        if any(not self._is_settled(job) for job in jobs):
            return
        self._attempts.stop_build(build)
        await self._delete(jobs)
        await remove_orphans(self._cluster, self._selector(build))

    async def known_builds(self) -> Collection[BuildId]:
        await self._view.wait_listed()
        return self._view.held_builds()

    def _observe_one(self, build: Build) -> Observation:
        name = job_name(build)
        if self._view.job(build, name) is None:
            self._attempts.stop(name)
            return Vanished()
        attempt = self._attempts.follow(build)
        return attempt.result or Running(hindrance=attempt.hindrance)

    def _create_attempt(self, build: Build) -> BuildAttempt:
        return BuildAttempt(
            build=build,
            cluster=self._cluster,
            view=self._view,
            shipper=LogShipper(
                cluster=self._cluster, logs=self._logs, clock=self._clock, build=build
            ),
            outcomes=OutcomeReader(
                cluster=self._cluster,
                registry=self._registry,
                options=self._options,
                clock=self._clock,
            ),
            warnings=self._warnings,
            signing=self._signing,
            options=self._options,
            clock=self._clock,
            on_change=self._change.set,
        )

    async def _read_existing(self, name: str) -> Json:
        """Return an existing Job, unless it is being deleted."""
        try:
            job = await self._cluster.read_job(name)
        except NotFoundError as exc:
            raise TransientError(f"Job {name} was deleted just now") from exc
        if is_leaving(job):
            raise TransientError(f"Job {name} is still being deleted")
        return job

    async def _list_jobs(self, build: BuildId) -> Sequence[Json]:
        return await self._cluster.list(Resource.JOB, selector=self._selector(build))

    def _selector(self, build: BuildId) -> str:
        return selector(self._options.instance, build=build)

    def _is_settled(self, job: Json) -> bool:
        """Return whether a Job ended, or was given up."""
        is_given_up = self._attempts.is_given_up(job["metadata"]["name"])
        return ended_at(job) is not None or is_given_up

    async def _delete(self, jobs: Sequence[Json]) -> None:
        for job in jobs:
            with suppress(NotFoundError):
                await self._cluster.delete_job(job["metadata"]["name"])
            # A watch event from before the deletion may still arrive and bring it back.
            self._view.forget_job(job)
