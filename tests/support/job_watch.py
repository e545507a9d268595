"""What becomes of the Jobs of a namespace, seen past our own client."""

import asyncio
import json
import time
from asyncio.subprocess import DEVNULL, PIPE
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Final

from service.adapters.kubernetes.manifests.names import (
    ATTEMPT,
    BUILD_COMPONENT,
    COMPONENT,
    KEY,
    PROJECT,
)
from tests.support.kube import Kube

__all__ = ["JobWatch", "SeenJob", "job_watch"]

LINE: Final = 4 * 1024 * 1024
"""Bytes that a Job may have; a usual one has 30 kB."""
AGAIN: Final = 0.2
"""Seconds until an API server that is away is asked again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenJob:
    """A Job that builds, from the moment it was made."""

    name: str
    repository: str
    key: str
    project: str
    attempt: int
    images: frozenset[str]
    """What its phases run in."""
    at: float
    """When it was first seen; monotonic."""


@dataclass(slots=True, kw_only=True)
class JobWatch:
    """Every Job that builds one of some repositories."""

    kube: Kube
    repositories: str
    """What their URLs begin with."""
    jobs: dict[str, SeenJob] = field(default_factory=dict)
    """In the order in which they were seen."""
    most: int = 0
    """Jobs under way at once, at most."""
    most_of_project: Counter[str] = field(default_factory=Counter)
    ended_at: dict[str, float] = field(default_factory=dict)
    """When a Job was first seen finished; monotonic."""
    _under_way: set[str] = field(default_factory=set)
    _change: asyncio.Event = field(default_factory=asyncio.Event)

    def under_way(self) -> int:
        """Say how many Jobs are neither finished nor deleted now."""
        return len(self._under_way)

    async def until_made(self, count: int) -> None:
        """Wait until so many Jobs were made; the test's time limit ends it."""
        while len(self.jobs) < count:
            await self._change.wait()

    async def until_none(self) -> None:
        """Wait until no Job is under way."""
        while self._under_way:
            await self._change.wait()

    async def run(self) -> None:
        """Watch until cancelled, through whatever becomes of the API server."""
        while True:
            self._under_way.clear()
            await self._watch()
            await asyncio.sleep(AGAIN)

    async def _watch(self) -> None:
        """Watch once: what is there comes first, then what changes."""
        path = f"/apis/batch/v1/namespaces/{self.kube.namespace}/jobs"
        query = f"watch=1&labelSelector={COMPONENT}%3D{BUILD_COMPONENT}"
        process = await asyncio.create_subprocess_exec(
            *("kubectl", f"--kubeconfig={self.kube.kubeconfig}"),
            *("get", "--raw", f"{path}?{query}"),
            stdout=PIPE,
            stderr=DEVNULL,
            limit=LINE,
        )
        assert process.stdout is not None
        try:
            async for line in process.stdout:
                with suppress(json.JSONDecodeError):  # it was cut off
                    self._note(json.loads(line))
        finally:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    def _note(self, event: Mapping[str, Any]) -> None:
        job = event["object"]
        about = job.get("metadata", {})
        url = about.get("annotations", {}).get("relaunch.dev/repository", "")
        if not url.startswith(self.repositories):
            return
        name = about["name"]
        self.jobs.setdefault(name, _seen(job))
        if event["type"] == "DELETED" or "deletionTimestamp" in about:
            self._under_way.discard(name)
        elif _is_finished(job):
            self.ended_at.setdefault(name, time.monotonic())
            self._under_way.discard(name)
        else:
            self._under_way.add(name)
            self._count()
        change, self._change = self._change, asyncio.Event()
        change.set()

    def _count(self) -> None:
        self.most = max(self.most, len(self._under_way))
        now = Counter(self.jobs[name].project for name in self._under_way)
        self.most_of_project |= now


def _seen(job: Mapping[str, Any]) -> SeenJob:
    about = job["metadata"]
    return SeenJob(
        name=about["name"],
        repository=about["annotations"]["relaunch.dev/repository"],
        key=about["annotations"][KEY],
        project=about["labels"][PROJECT],
        attempt=int(about["labels"][ATTEMPT]),
        images=frozenset(_images(job["spec"]["template"]["spec"])),
        at=time.monotonic(),
    )


def _images(pod: Mapping[str, Any]) -> Iterator[str]:
    for kind in ("initContainers", "containers"):
        yield from (item["image"] for item in pod.get(kind, ()))


def _is_finished(job: Mapping[str, Any]) -> bool:
    conditions = job.get("status", {}).get("conditions", [])
    return any(
        condition["type"] in {"Complete", "Failed"} and condition["status"] == "True"
        for condition in conditions
    )


@asynccontextmanager
async def job_watch(kube: Kube, *, repositories: str) -> AsyncIterator[JobWatch]:
    """Watch during the block."""
    watch = JobWatch(kube=kube, repositories=repositories)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(watch.run())
        try:
            yield watch
        finally:
            task.cancel()
