"""Build real environments in folders, without containers.

Each build is a process group. Its outcome is what its worker reports, never inferred
from the process, and is kept in a result file; so a builder that restarts on the same
root knows which builds finished, and reports the others as vanished.
"""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import structlog

from service.adapters.local.cleanup import (
    lock_root,
    remove_build,
    remove_leftovers,
    renew_build,
)
from service.adapters.local.folders import Folders, remove_tree, sharers_of
from service.adapters.local.identity import LocalIdentity
from service.adapters.local.images import Images, LocalImageAccess
from service.adapters.local.isolation.probe import (
    NOT_ISOLATED,
    find_isolation,
    log_isolation,
)
from service.adapters.local.isolation.processes import close_to_others
from service.adapters.local.job import Job, Result, read, write
from service.adapters.local.options import DEFAULT_PATH, LocalOptions
from service.adapters.local.worker_process import LogWriter, WorkerProcess, explain_exit
from service.definitions.registry import kind_spec
from service.domain.building.build import Build, BuildId
from service.errors import NotFoundError
from service.ports.builder import Finished, Observation, Running, Vanished
from service.ports.time import Clock

__all__ = ["LocalBuilder"]

log = structlog.get_logger(__name__)

_LOOK_AGAIN: Final = timedelta(seconds=5)
"""The longest wait of `changed`: a hint may be lost, and observing is cheap."""


class LocalBuilder(LocalIdentity, LocalImageAccess):
    """Implement the port `Builder` in a folder; an async context manager.

    One per process and root, made by the composition root. Leaving the context stops
    the running builds, which vanish; results and images survive.

    Args:
        root: The folder of builds and images, for one builder at a time.
        clock: Gives the time.
        logs: Stores the logs of builds.
        options: Versions, limits and access of builds.
    """

    def __init__(
        self, *, root: Path, clock: Clock, logs: LogWriter, options: LocalOptions
    ) -> None:
        super().__init__(options)
        self._folders = Folders(root=root.absolute())
        self._clock = clock
        self._logs = logs
        self._environment = {
            "PATH": DEFAULT_PATH,
            "LANG": "C.UTF-8",
            **options.passed_environment,
        }
        self._runs: dict[BuildId, WorkerProcess] = {}
        self._lock = asyncio.Lock()
        self._change = asyncio.Event()
        self._isolation = NOT_ISOLATED
        self.images = Images(folders=self._folders, environment=self._environment)

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            await asyncio.to_thread(self._folders.make)
            lock = await asyncio.to_thread(lock_root, self._folders)
            stack.callback(lock.close)
            await asyncio.to_thread(remove_leftovers, self._folders)
            # Without isolation, builds' code could read this process's memory.
            close_to_others()
            self._isolation = await find_isolation(
                self._options.isolation,
                folder=self._folders.root,
                environment=self._environment,
            )
            await asyncio.to_thread(self.find_python)
            log_isolation(self._isolation)
            self._group = await stack.enter_async_context(asyncio.TaskGroup())
            stack.push_async_callback(self._stop_all)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        # Not passed on: the task group would wrap it in an exception group.
        del kind, exc, traceback
        await self._stack.aclose()

    async def digest_of(self, reference: str) -> str:
        raise NotFoundError(f"{reference} is nothing that this machine builds with")

    async def start(self, build: Build) -> None:
        async with self._lock:
            if build.id in self._runs:
                return
            known = read(self._folders.result(build.id), Result)
            if known is not None and known.attempt >= build.attempt:
                return
            await asyncio.to_thread(renew_build, self._folders, build.id)
            run = await WorkerProcess.start(
                job=self._job(build), logs=self._logs, clock=self._clock
            )
            self._runs[build.id] = run
            self._group.create_task(self._supervise(run, build), name=build.id)
        self._change.set()

    async def observe(self, builds: Sequence[Build]) -> Mapping[BuildId, Observation]:
        self._change.clear()
        return {build.id: self._observe_build(build) for build in builds}

    async def changed(self) -> None:
        try:
            async with asyncio.timeout(_LOOK_AGAIN.total_seconds()):
                await self._change.wait()
        except TimeoutError:
            return

    async def cancel(self, build: BuildId) -> None:
        async with self._lock:
            run = self._runs.get(build)
            if run is not None:
                await run.stop()
                await run.settled.wait()
            if self._folders.build(build).exists():
                await asyncio.to_thread(remove_build, self._folders, build)
        self._change.set()

    async def release(self, build: BuildId) -> None:
        async with self._lock:
            if build not in self._runs:
                await asyncio.to_thread(remove_tree, self._folders.build(build))

    async def known_builds(self) -> Collection[BuildId]:
        return await asyncio.to_thread(self._folders.known)

    def _observe_build(self, build: Build) -> Observation:
        if build.id in self._runs:
            return Running()
        result = read(self._folders.result(build.id), Result)
        if result is None or result.attempt < build.attempt:
            return Vanished()
        return Finished(
            outcome=result.to_outcome(), at=result.at, phases=result.to_phases()
        )

    async def _supervise(self, run: WorkerProcess, build: Build) -> None:
        code = -1
        try:
            code = await run.wait(self._options.deadline)
        except Exception:
            # An error of one build must not end the task group with all others.
            log.exception("build lost", build=build.id)
        finally:
            # Also at cancellation: the process is gone, its folders are not.
            await self._try_settle(run, build, code)
            self._runs.pop(build.id, None)
            run.settled.set()
            self._change.set()

    async def _try_settle(self, run: WorkerProcess, build: Build, code: int) -> None:
        try:
            await asyncio.to_thread(self._settle, run, build, code)
        except Exception:
            # Without a result file, the build counts as vanished. Whatever it left here
            # must not end the task group with all others.
            log.exception("build cannot be settled", build=build.id)

    def _settle(self, run: WorkerProcess, build: Build, code: int) -> None:
        """Write the result; remove the environment unless there is an image."""
        folders = self._folders
        path = folders.result(build.id)
        if run.is_cancelled:
            remove_build(folders, build.id)
            return
        result = run.result or Result.of_failure(
            explain_exit(run, code, deadline=self._options.deadline),
            attempt=build.attempt,
            at=self._clock.now(),
        )
        write(path, result)
        if result.manifest is None:
            remove_tree(folders.environment(build.id))
        for part in folders.build(build.id).iterdir():
            if part.is_dir():
                remove_tree(part)

    async def _stop_all(self) -> None:
        async with asyncio.TaskGroup() as group:
            for run in self._runs.values():
                group.create_task(run.stop())

    def _job(self, build: Build) -> Job:
        options = self._options
        return Job(
            build_id=build.id,
            attempt=build.attempt,
            kind=build.kind,
            instead=kind_spec(build.kind).instead,
            repository_url=build.repository_url,
            commit=build.commit,
            context_dir=build.context_dir,
            path=build.path,
            frontend=build.spec.frontend,
            root=self._folders.root,
            sharers=sharers_of(build, is_protected=self._isolation.protects_files),
            poetry_version=options.poetry_version,
            pip_python=options.pip_python,
            jupyterlab_version=options.jupyterlab_version,
            conda_alias=options.conda_alias,
            max_log=options.max_log,
            min_free_disk=options.min_free_disk,
            environment=dict(self._environment),
            git_environment=dict(options.git_environment),
            allow_files=options.allow_files,
            private_hosts=tuple(options.private_hosts),
            isolation=self._isolation,
            visible=options.visible,
            hidden=(*options.hidden, self._folders.root),
            memory=options.memory_limit,
            disk=options.disk,
            processes=options.processes,
            nice=options.nice,
            started_at=self._clock.now(),
        )
