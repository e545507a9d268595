"""What a real API server does to a builder: old versions, dying namespaces, a crash."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from service.adapters.clock import SystemClock
from service.adapters.kubernetes.client import (
    ApiConnection,
    Cluster,
    ListPage,
    Resource,
)
from service.adapters.kubernetes.errors import ExpiredError
from service.adapters.kubernetes.informer import Informer
from service.adapters.kubernetes.manifests.names import job_name, to_label_value
from service.domain.building.build import Image
from service.domain.building.failure import FailureClass
from service.ports.builder import HinderedError
from tests.adapters.kubernetes.builders import a_kubernetes_builder
from tests.adapters.kubernetes.jobs import a_build_of
from tests.adapters.local.builds import finished
from tests.support.githttp import GitForge
from tests.support.kube import Kube

pytestmark = pytest.mark.kubernetes

SLOW = {"requirements.txt": "", ".standin": "build sleep 2\n"}


async def test_a_job_that_was_created_and_not_recorded_is_gone_on_with(
    kube: Kube, forge: GitForge
) -> None:
    """A consumer died after its request; the next one starts the build once more."""
    build = a_build_of(forge, SLOW)
    async with a_kubernetes_builder(kube) as killed:
        await killed.start(build)
    async with a_kubernetes_builder(kube) as builder:
        await builder.start(build)
        outcome = (await finished(builder, build)).outcome

        listed = json.loads(await kube.kubectl("get", "jobs", "-o", "json"))["items"]
        names = [job["metadata"]["name"] for job in listed]
        assert isinstance(outcome, Image), outcome
        assert [name for name in names if build.id.lower() in name] == [job_name(build)]
        await builder.release(build.id)


@asynccontextmanager
async def a_dying_namespace(kube: Kube) -> AsyncIterator[Kube]:
    """Delete a namespace that something in it keeps from ending."""
    dying = replace(kube, namespace=f"relaunch-dying-{uuid.uuid4().hex[:8]}")
    await kube.kubectl("create", "namespace", dying.namespace)
    metadata = {"name": "held", "finalizers": ["relaunch.dev/held-by-a-test"]}
    await dying.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata})
    await kube.kubectl("delete", "namespace", dying.namespace, "--wait=false")
    try:
        yield dying
    finally:
        free = json.dumps({"metadata": {"finalizers": None}})
        await dying.kubectl("patch", "configmap", "held", "--type=merge", "-p", free)


async def test_a_namespace_that_is_being_deleted_is_an_operators_matter(
    kube: Kube, forge: GitForge
) -> None:
    build = a_build_of(forge, SLOW)
    async with (
        a_dying_namespace(kube) as dying,
        a_kubernetes_builder(dying) as builder,
    ):
        with pytest.raises(HinderedError) as raised:
            await builder.start(build)

    assert raised.value.failure.kind is FailureClass.NOT_ADMITTED
    assert "is being terminated" in str(raised.value)
    assert dying.namespace in str(raised.value)


class LongAgo(Cluster):
    """Its first list is so old that the server's history has forgotten it."""

    lists = 0

    async def page(
        self,
        resource: Resource,
        *,
        selector: str = "",
        fields: str = "",
        after: str = "",
    ) -> ListPage:
        page = await super().page(
            resource, selector=selector, fields=fields, after=after
        )
        self.lists += 1
        return page if self.lists > 1 else replace(page, items=(), version="1")


async def is_expired(informer: Informer, seen: asyncio.Event) -> bool:
    """Watch until something is seen; return whether the server forgot the version."""
    expired = False
    try:
        async with asyncio.timeout(10), asyncio.TaskGroup() as group:
            watching = group.create_task(informer.list_and_watch())
            await seen.wait()
            watching.cancel()
    except* ExpiredError:
        expired = True
    return expired


async def test_a_version_that_the_server_forgot_is_listed_anew(
    kube: Kube, forge: GitForge
) -> None:
    """https://kubernetes.io/docs/reference/using-api/api-concepts/#410-gone-responses"""
    build = a_build_of(forge, SLOW)
    connection = ApiConnection(namespace=kube.namespace, kubeconfig=kube.kubeconfig)
    async with a_kubernetes_builder(kube) as builder:
        await builder.start(build)
        async with LongAgo.connect(connection) as cluster:
            seen, label = asyncio.Event(), to_label_value(build.id)
            informer = Informer(
                cluster=cluster,
                resource=Resource.JOB,
                selector="",
                clock=SystemClock(),
                on_change=lambda name: seen.set() if name == label else None,
            )
            # A server that is minutes old remembers its first version.
            if await is_expired(informer, seen):
                assert informer.builds() == []
                async with asyncio.timeout(10), asyncio.TaskGroup() as group:
                    again = group.create_task(informer.list_and_watch())
                    await seen.wait()
                    again.cancel()
                assert cluster.lists == 2

            assert label in informer.builds()
        await builder.cancel(build.id)
