"""The builder of real environments in folders: no containers, no engine.

Each build is a process group of its own. What it came to is what its worker told,
never inferred from its process, and is kept in its result file; so a builder that
starts again over the same root knows what finished, and reports the rest as vanished.
"""

import asyncio
import os
from collections.abc import Collection, Mapping, Sequence
from contextlib import AsyncExitStack
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import structlog

from service.adapters.local.folders import Folders, remove_tree
from service.adapters.local.frontend import PROVIDED
from service.adapters.local.images import Images
from service.adapters.local.isolation import NOT_ISOLATED, find_isolation
from service.adapters.local.job import Job, Result, read, write
from service.adapters.local.leftovers import claim, clean, discard
from service.adapters.local.options import DEFAULT_PATH, LocalOptions
from service.adapters.local.processes import close_to_others
from service.adapters.local.pythons import nearest
from service.adapters.local.run import Logs, Run
from service.adapters.local.variables import search_path
from service.domain.build import Build, BuildId, Image
from service.domain.definition import Kind
from service.domain.failure import Failure, FailureClass
from service.domain.findings import Finding, Severity
from service.errors import NotFoundError
from service.ports.builder import Finished, Observation, Running, Vanished
from service.ports.time import Clock

__all__ = ["LocalBuilder"]

log = structlog.get_logger(__name__)

_LOOK_AGAIN: Final = timedelta(seconds=5)
"""How long `changed` waits at most: a hint may be lost, a look costs nothing."""


class LocalBuilder:
    """Builds environments under a folder; used as an async context manager.

    Leaving the context stops what runs: those builds vanish.

    Args:
        root: Where everything is kept; one builder at a time.
        clock: Tells when builds end, and when they are late.
        logs: Takes what builds say.
        options: Versions, limits and what builds may see.
    """

    def __init__(
        self, *, root: Path, clock: Clock, logs: Logs, options: LocalOptions
    ) -> None:
        self._folders = Folders(root=root.absolute())
        self._clock = clock
        self._logs = logs
        self._options = options
        self._environment = {
            "PATH": DEFAULT_PATH,
            "LANG": "C.UTF-8",
            **options.passed_environment,
        }
        self._runs: dict[BuildId, Run] = {}
        self._turn = asyncio.Lock()
        self._change = asyncio.Event()
        self._isolation = NOT_ISOLATED
        self._pip_python = ""
        self.images: Final = Images(
            folders=self._folders, environment=self._environment
        )

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            await asyncio.to_thread(self._folders.make)
            lock = await asyncio.to_thread(claim, self._folders)
            stack.callback(lock.close)
            await asyncio.to_thread(clean, self._folders)
            # Where nothing isolates builds, their code runs beside this very process.
            close_to_others()
            self._isolation = await find_isolation(
                self._options.isolation,
                folder=self._folders.root,
                environment=self._environment,
            )
            self._pip_python = await asyncio.to_thread(self._find_python)
            self._say_isolation()
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
        # What the caller raised is the caller's: the task group would wrap it.
        del kind, exc, traceback
        await self._stack.aclose()

    def identity(self, *, frontend: str) -> str:
        # Who only evaluates never enters the builder and must name it alike.
        self._pip_python = self._pip_python or self._find_python()
        options = self._options
        parts = [
            "local/1",
            f"pip-python={self._pip_python}",
            f"poetry={options.poetry_version}",
            f"uv={version('uv')}",
            f"rattler={version('py-rattler')}",
        ]
        if frontend == "jupyterlab":
            parts.append(f"jupyterlab={options.jupyterlab_version}")
        return " ".join(parts)

    def scope(self, project: str) -> str:
        del project
        return ""

    def provides(self, frontend: str) -> bool:
        return frontend in PROVIDED

    def bases(self) -> Collection[str]:
        return ()  # this machine's tools are named with their versions

    def stand_on(self, digests: Mapping[str, str]) -> None:
        del digests

    async def digest_of(self, reference: str) -> str:
        raise NotFoundError(f"{reference} is nothing that this machine builds with")

    def remarks(self, kind: Kind) -> Sequence[Finding]:
        self._pip_python = self._pip_python or self._find_python()
        wanted = self._options.pip_python
        if kind is not Kind.PIP or self._pip_python.startswith(f"{wanted}."):
            return ()
        message = (
            f"This machine has no Python {wanted}, so Python {self._pip_python} takes "
            "its place here."
        )
        return (
            Finding(severity=Severity.NOTE, code="python_replaced", message=message),
        )

    async def start(self, build: Build) -> None:
        async with self._turn:
            if build.id in self._runs:
                return
            known = read(self._folders.result(build.id), Result)
            if known is not None and known.attempt >= build.attempt:
                return
            await asyncio.to_thread(self._prepare, build.id)
            run = await Run.begin(
                job=self._job(build),
                logs=self._logs,
                clock=self._clock,
            )
            self._runs[build.id] = run
            self._group.create_task(self._see_through(run, build), name=build.id)
        self._change.set()

    async def observe(self, builds: Sequence[Build]) -> Mapping[BuildId, Observation]:
        self._change.clear()
        return {it.id: self._observed(it) for it in builds}

    async def changed(self) -> None:
        try:
            async with asyncio.timeout(_LOOK_AGAIN.total_seconds()):
                await self._change.wait()
        except TimeoutError:
            return

    async def cancel(self, build: BuildId) -> None:
        async with self._turn:
            run = self._runs.get(build)
            if run is not None:
                await run.stop()
                await run.settled.wait()
            if self._folders.build(build).exists():
                await asyncio.to_thread(discard, self._folders, build)
        self._change.set()

    async def forget(self, build: BuildId) -> None:
        async with self._turn:
            if build not in self._runs:
                await asyncio.to_thread(remove_tree, self._folders.build(build))

    async def held(self) -> Collection[BuildId]:
        return await asyncio.to_thread(self._folders.known)

    async def has(self, image: Image) -> bool:
        return self.images.has(image.reference)

    def path_of(self, reference: str) -> Path:
        """Return the prefix of an image's environment.

        Raises:
            NotFoundError: There is no such image any more.
        """
        return self.images.path_of(reference)

    def command_in(
        self, reference: str, argv: Sequence[str], *, frontend: bool = False
    ) -> tuple[list[str], dict[str, str]]:
        """Return a command and its environment, to run it inside an image.

        See `Images.command_in`.

        Raises:
            NotFoundError: There is no such image, program or frontend.
        """
        return self.images.command_in(reference, argv, frontend=frontend)

    def _observed(self, build: Build) -> Observation:
        if build.id in self._runs:
            return Running()
        result = read(self._folders.result(build.id), Result)
        if result is None or result.attempt < build.attempt:
            return Vanished()
        return Finished(
            outcome=result.to_outcome(), at=result.at, phases=result.to_phases()
        )

    def _say_isolation(self) -> None:
        if self._isolation.namespaces:
            log.info("builds are isolated", isolation=str(self._isolation))
        else:
            log.warning(
                "builds are not isolated: their code can read and change what this "
                "user can",
                isolation=str(self._isolation),
            )

    def _find_python(self) -> str:
        """Return the version that takes the place of the wanted one on this machine."""
        wanted = self._options.pip_python
        found = nearest(wanted, search_path(self._environment["PATH"]))
        return str(found.version) if found else wanted

    def _prepare(self, build: BuildId) -> None:
        """Make the folders of a build anew; an attempt starts from nothing."""
        discard(self._folders, build)
        folder = self._folders.build(build)
        folder.mkdir(parents=True)

    async def _see_through(self, run: Run, build: Build) -> None:
        code = -1
        try:
            code = await run.see_through(self._options.deadline)
        except Exception:
            # One build's trouble is one build's: the others go on.
            log.exception("build lost", build=build.id)
        finally:
            # Also when we are cancelled: the process is gone, the folders are not.
            await self._settled(run, build, code)
            self._runs.pop(build.id, None)
            run.settled.set()
            self._change.set()

    async def _settled(self, run: Run, build: Build, code: int) -> None:
        try:
            await asyncio.to_thread(self._settle, run, build, code)
        except OSError:
            # Without a result file, the build counts as vanished.
            log.exception("build cannot be settled", build=build.id)

    def _settle(self, run: Run, build: Build, code: int) -> None:
        """Leave a result, and no environment without an image."""
        folders = self._folders
        path = folders.result(build.id)
        if run.is_unwanted:
            discard(folders, build.id)
            return
        result = run.result or Result.of_failure(
            self._unsaid(run, code), attempt=build.attempt, at=self._clock.now()
        )
        write(path, result)
        if result.manifest is None:
            remove_tree(folders.environment(build.id))
        for part in folders.build(build.id).iterdir():
            if part.is_dir():
                remove_tree(part)

    def _unsaid(self, run: Run, code: int) -> Failure:
        """Say why a worker ended without a result."""
        if run.is_late:
            minutes = self._options.deadline.total_seconds() / 60
            return Failure(
                kind=FailureClass.DEADLINE,
                message=f"the build took longer than {minutes:g} minutes and was "
                "stopped",
                hint="ask for fewer packages, or for packages that need no compiling",
            )
        if code in {-9, 137}:
            return Failure(
                kind=FailureClass.OUT_OF_MEMORY,
                message="the build was killed by the system; most likely the memory "
                "ran out",
            )
        return Failure(
            kind=FailureClass.INTERNAL,
            message=f"the build's process ended with status {code} and left no result",
        )

    async def _stop_all(self) -> None:
        for run in list(self._runs.values()):
            await run.stop()
            await run.settled.wait()

    def _job(self, build: Build) -> Job:
        options = self._options
        return Job(
            build_id=build.id,
            attempt=build.attempt,
            kind=build.kind,
            repository_url=build.repository_url,
            commit=build.commit,
            context_dir=build.context_dir,
            path=build.path,
            frontend=build.recipe.frontend,
            root=self._folders.root,
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
            memory=options.memory or _three_quarters_of_memory(),
            disk=options.disk,
            processes=options.processes,
            nice=options.nice,
            started_at=self._clock.now(),
        )


def _three_quarters_of_memory() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") * 3 // 4
