"""What is known of the cluster, whatever becomes of the connection to it."""

import asyncio
import tracemalloc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from service.adapters.clock import SystemClock
from service.adapters.kubernetes.client import ApiConnection, Cluster, Resource
from service.adapters.kubernetes.informer import RELIST, WATCH, Informer
from service.adapters.kubernetes.manifests.names import selector
from service.ports.time import Clock
from tests.support.clock import TurnedClock
from tests.support.kube_api import KubeApi, a_job, kube_api

COMPLETE = [{"type": "Complete", "status": "True"}]


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[KubeApi]:
    async with kube_api(tmp_path) as it:
        yield it


class Watched:
    """An informer, and what it said."""

    def __init__(self, cluster: Cluster, clock: Clock) -> None:
        self._change = asyncio.Event()
        self.informer = Informer(
            cluster=cluster,
            resource=Resource.JOB,
            selector=selector("relaunch"),
            clock=clock,
            on_change=lambda _: self._change.set(),
        )

    async def until(self, builds: set[str]) -> None:
        """Wait until exactly these builds are known."""
        while set(self.informer.builds()) != builds:
            self._change.clear()
            await self._change.wait()

    async def until_status(self, build: str, status: dict[str, Any]) -> None:
        while [entry["status"] for entry in self.informer.objects_of(build)] != [
            status
        ]:
            self._change.clear()
            await self._change.wait()


@asynccontextmanager
async def watched(api: KubeApi, clock: Clock | None = None) -> AsyncIterator[Watched]:
    connection = ApiConnection(namespace="builds", kubeconfig=api.kubeconfig)
    async with Cluster.connect(connection) as cluster, asyncio.TaskGroup() as group:
        it = Watched(cluster, clock or SystemClock())
        task = group.create_task(it.informer.run())
        yield it
        task.cancel()


async def test_many_jobs_are_listed_page_by_page(api: KubeApi) -> None:
    builds = {f"b{number}" for number in range(1100)}
    for build in builds:
        api.hold(a_job(build))

    async with watched(api) as it:
        await it.informer.wait_listed()

        assert set(it.informer.builds()) == builds
        assert api.lists() == 3
        assert {query["labelSelector"] for query in api.asked} == {selector("relaunch")}


async def test_what_changes_is_known_at_once(api: KubeApi) -> None:
    api.hold(a_job("one"))
    async with watched(api) as it:
        await api.watches(1)
        await api.tell("MODIFIED", changed("one", "101", conditions=COMPLETE))
        await it.until_status("one", {"conditions": COMPLETE})
        await api.tell("ADDED", changed("two", "102"))
        await it.until({"one", "two"})
        await api.tell("DELETED", changed("one", "103"))
        await it.until({"two"})

        assert api.lists() == 1


async def test_a_broken_watch_goes_on_where_it_was(api: KubeApi) -> None:
    async with watched(api) as it:
        await api.watches(1)
        await api.tell("ADDED", changed("one", "205"))
        await it.until({"one"})
        api.cut()
        second = await api.watches(2)

        assert second["resourceVersion"] == "205"
        assert second["allowWatchBookmarks"] == "True"
        assert api.lists() == 1


async def test_a_bookmark_says_from_where_to_go_on(api: KubeApi) -> None:
    async with watched(api) as it:
        await api.watches(1)
        await api.bookmark("9000")
        await api.tell("ADDED", changed("one", "9001"))
        await it.until({"one"})
        await api.bookmark("9500")
        api.cut()
        second = await api.watches(2)

        assert second["resourceVersion"] in {"9001", "9500"}
        assert set(it.informer.builds()) == {"one"}


@pytest.mark.parametrize("how", ["in the stream", "as its answer"])
async def test_a_version_that_expired_is_listed_anew(api: KubeApi, how: str) -> None:
    gone, stays, new = a_job("gone"), a_job("stays"), a_job("new")
    api.hold(gone)
    api.hold(stays)
    async with watched(api) as it:
        await api.watches(1)
        api.lose(gone)
        api.hold(new)
        if how == "in the stream":
            await api.expire()
        else:
            api.is_expired = True
            api.cut()
        await it.until({"stays", "new"})

        assert api.lists() == 2


async def test_what_a_watch_lost_is_listed_in_the_end(api: KubeApi) -> None:
    clock = TurnedClock()
    async with watched(api, clock) as it:
        await api.watches(1)
        api.hold(a_job("lost"))
        clock.advance(RELIST * 2)
        api.cut()
        await it.until({"lost"})


async def test_a_server_that_is_down_takes_nothing_from_what_is_known(
    api: KubeApi,
) -> None:
    api.hold(a_job("one"))
    async with watched(api) as it:
        await api.watches(1)
        api.answer = (500, "")
        api.cut()
        api.hold(a_job("two"))

        assert set(it.informer.builds()) == {"one"}
        api.answer = None
        await api.watches(2)
        await api.tell("ADDED", changed("two", "300"))
        await it.until({"one", "two"})


async def test_late_news_of_a_job_that_was_deleted_are_no_news(api: KubeApi) -> None:
    job = a_job("one")
    api.hold(job)
    async with watched(api) as it:
        await api.watches(1)
        it.informer.tombstone(job)
        await api.tell("MODIFIED", changed("one", "200", active=1))
        await api.tell("ADDED", changed("two", "201"))
        await it.until({"two"})


async def test_a_watch_ends_by_itself_before_it_could_be_dead_for_long(
    api: KubeApi,
) -> None:
    async with watched(api):
        first = await api.watches(1)

        length = timedelta(seconds=int(first["timeoutSeconds"]))
        assert WATCH * 0.7 < length < WATCH * 1.3


async def test_a_thousand_finished_jobs_take_few_megabytes(api: KubeApi) -> None:
    for number in range(1000):
        api.hold(a_job(f"b{number}", conditions=COMPLETE, succeeded=1))

    async with watched(api) as it:
        tracemalloc.start()
        await it.informer.wait_listed()
        kept, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()

        assert len(it.informer.builds()) == 1000
        assert kept < 8_000_000


def changed(build: str, version: str, **status: Any) -> dict[str, Any]:
    job = a_job(build, **status)
    job["metadata"]["resourceVersion"] = version
    return job
