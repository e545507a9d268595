"""What keeps builds from starting in a real cluster is seen, named, and passes."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from service.adapters.clock import SystemClock
from service.adapters.kubernetes.manifests.job import to_job
from service.adapters.kubernetes.manifests.names import job_name
from service.domain.building.build import Build, Image
from service.domain.building.failure import Failure, FailureClass as C
from service.ports.builder import Builder, Finished, Running
from tests.adapters.kubernetes.builders import a_kubernetes_builder
from tests.adapters.kubernetes.jobs import a_build_of
from tests.adapters.kubernetes.seen import Seen, seen
from tests.adapters.local.builds import failure_of
from tests.support.githttp import GitForge
from tests.support.kube import LITTLE, Kube, standin_options

pytestmark = [pytest.mark.kubernetes]

INDEX = "application/vnd.oci.image.index.v1+json"
ELSEWHERE = {
    "schemaVersion": 2,
    "mediaType": INDEX,
    "manifests": [
        {
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "digest": "sha256:" + "1" * 64,
            "size": 400,
            "platform": {"os": "linux", "architecture": "s390x"},
        }
    ],
}


def a_quota(name: str, **hard: str) -> Mapping[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": name},
        "spec": {"hard": {text.replace("_", "."): most for text, most in hard.items()}},
    }


def a_range() -> Mapping[str, Any]:
    most = {"type": "Container", "max": {"memory": "16Mi"}}
    return {
        "apiVersion": "v1",
        "kind": "LimitRange",
        "metadata": {"name": "small"},
        "spec": {"limits": [most]},
    }


def a_secret(name: str, **data: str) -> Mapping[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name},
        "stringData": data,
    }


LATE = "failed to sync"


@asynccontextmanager
async def present(kube: Kube, *objects: Mapping[str, Any]) -> AsyncIterator[None]:
    """Have objects in the namespace for a while."""
    async with AsyncExitStack() as stack:
        for object_ in objects:
            await kube.create(object_)
            stack.push_async_callback(
                kube.delete, object_["kind"], object_["metadata"]["name"]
            )
            if object_["kind"] == "ResourceQuota":  # which holds once it was counted
                await kube.until(
                    "quota", object_["metadata"]["name"], "{.status}", "used"
                )
        yield


async def kept_waiting(
    kube: Kube, build: Build, name: str, *reasons: str, **changes: Any
) -> Failure:
    """Start a build that cannot start; look once the cluster says for which reason."""
    change: Callable[[dict[str, Any]], object] = changes.pop("change", len)
    manifest = to_job(build, standin_options(kube, **changes))
    change(manifest)
    await kube.create(manifest)
    job = str(manifest["metadata"]["name"])
    while True:
        found = await seen(kube, job)
        is_told = any(event.get("reason") in reasons for event in found.events)
        # A pod's state follows the event about it, and on a busy node the first event
        # is that kubelet has not read the object yet.
        explained = found.explained()
        if is_told and explained.kind is not C.LOST and LATE not in explained.message:
            break
        await asyncio.sleep(0.2)
    found.keep(name)
    await kube.delete("job", job)
    return found.explained()


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        pytest.param(
            a_quota("few", pods="0"),
            "the quota few of its namespace is exceeded: requested is pods=1, "
            r"used is pods=\d+, the limit is pods=0",
            id="quota on pods",
        ),
        pytest.param(
            a_quota("slow", requests_cpu="10m"),
            "the quota slow of its namespace is exceeded: requested is "
            r"requests.cpu=50m, used is requests.cpu=\w+, the limit is "
            "requests.cpu=10m",
            id="quota on cpu",
        ),
        pytest.param(
            a_quota("narrow", limits_memory="1Mi"),
            "the quota narrow of its namespace is exceeded: requested is "
            r"limits.memory=\w+, used is limits.memory=\w+, the limit is "
            "limits.memory=1Mi",
            id="quota on memory",
        ),
        pytest.param(
            a_range(), "a LimitRange of its namespace rejects its pod", id="limit range"
        ),
    ],
)
async def test_a_pod_that_the_namespace_refuses_names_the_rule(
    kube: Kube,
    forge: GitForge,
    request: pytest.FixtureRequest,
    rule: Mapping[str, Any],
    message: str,
) -> None:
    build = a_build_of(forge, {"requirements.txt": ""})
    name = f"refused by {request.node.callspec.id}"
    async with present(kube, rule):
        failure = await kept_waiting(kube, build, name, "FailedCreate")

    # Pods of other tests count in the namespace too.
    assert failure.kind is C.NOT_ADMITTED, failure
    assert re.search(message, failure.message), failure


def from_a_secret(manifest: dict[str, Any]) -> None:
    """Have the first phase read a variable from a Secret."""
    key = {"secretKeyRef": {"name": "absent-secret", "key": "token"}}
    first = manifest["spec"]["template"]["spec"]["initContainers"][0]
    first["env"].append({"name": "TOKEN", "valueFrom": key})


def from_a_config_map(manifest: dict[str, Any]) -> None:
    key = {"configMapKeyRef": {"name": "absent-map", "key": "proxy"}}
    first = manifest["spec"]["template"]["spec"]["initContainers"][0]
    first["env"].append({"name": "PROXY", "valueFrom": key})


def in_a_sandbox(manifest: dict[str, Any]) -> None:
    manifest["spec"]["template"]["spec"]["runtimeClassName"] = "absent-sandbox"


ABSENT: Mapping[str, tuple[dict[str, Any], str, str]] = {
    "no secret": (
        {"registry_secret": "absent-secret"},
        "FailedMount",
        "the Secret absent-secret does not exist",
    ),
    "no key": (
        {"registry_secret": "other-secret"},
        "FailedMount",
        "the Secret other-secret has no key .dockerconfigjson",
    ),
    "no variable": (
        {"change": from_a_secret},
        "Failed",
        "the Secret absent-secret does not exist",
    ),
    "no config map": (
        {"change": from_a_config_map},
        "Failed",
        "the ConfigMap absent-map does not exist",
    ),
    "no claim": (
        {"cache_volume": "absent-claim"},
        "FailedScheduling",
        "the PersistentVolumeClaim absent-claim does not exist",
    ),
    "no account": (
        {"service_account": "absent-account"},
        "FailedCreate",
        "the ServiceAccount absent-account does not exist",
    ),
    "no runtime class": (
        {"change": in_a_sandbox},
        "FailedCreate",
        "the RuntimeClass absent-sandbox does not exist",
    ),
    "no priority class": (
        {"priority_class": "absent-class"},
        "FailedCreate",
        "the PriorityClass absent-class does not exist",
    ),
}
"""By the name of the state: what is asked for, which event tells, and the sentence."""


async def test_what_is_not_there_is_named(kube: Kube, forge: GitForge) -> None:
    async with (
        present(kube, a_secret("other-secret", other="x")),
        asyncio.TaskGroup() as group,
    ):
        waiting = {
            name: group.create_task(
                kept_waiting(
                    kube,
                    a_build_of(forge, {"requirements.txt": ""}),
                    name,
                    reason,
                    **changes,
                )
            )
            for name, (changes, reason, _) in ABSENT.items()
        }

    told = {name: task.result() for name, task in waiting.items()}
    assert {name: failure.message for name, failure in told.items()} == {
        name: message for name, (_, _, message) in ABSENT.items()
    }
    assert {failure.kind for failure in told.values()} == {C.MISSING_RESOURCE}


def a_claim() -> Mapping[str, Any]:
    """Ask for a volume of a class that nobody provides."""
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "unbound"},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "storageClassName": "absent-storage",
            "resources": {"requests": {"storage": "1Mi"}},
        },
    }


@pytest.mark.parametrize(
    ("changes", "kind", "words"),
    [
        pytest.param(
            {"node_selector": {"disk": "ssd"}},
            C.UNSCHEDULABLE,
            "it requests disk=ssd",
            id="no node with a label",
        ),
        pytest.param(
            {"resources": replace(LITTLE, cpu_request="900", cpu_limit="900")},
            C.UNSCHEDULABLE,
            "it requests cpu=900",
            id="no node so large",
        ),
        pytest.param(
            {"cache_volume": "unbound"},
            C.MISSING_RESOURCE,
            "the PersistentVolumeClaim unbound has no volume yet",
            id="a claim without a volume",
        ),
    ],
)
async def test_a_pod_that_fits_nowhere_says_what_it_asks_for(
    kube: Kube, forge: GitForge, changes: dict[str, Any], kind: C, words: str
) -> None:
    build = a_build_of(forge, {"requirements.txt": ""})
    async with present(kube, a_claim()):
        failure = await kept_waiting(
            kube, build, "fits nowhere", "FailedScheduling", **changes
        )

    assert failure.kind is kind
    assert words in failure.message


async def test_a_registry_without_tls_is_named_so(kube: Kube, forge: GitForge) -> None:
    build = a_build_of(forge, {"requirements.txt": ""})
    app = web.Application()
    async with TestServer(app, host=kube.host) as server:
        image = f"{kube.host}:{server.port}/any/thing:1"
        failure = await kept_waiting(kube, build, "no tls", "Failed", git_image=image)

    assert failure.kind is C.IMAGE_PULL
    assert "its registry speaks plain HTTP" in failure.message


async def test_a_pod_that_is_evicted_is_nobody_s_mistake(
    kube: Kube, forge: GitForge
) -> None:
    """A Job of Kubernetes before 1.26 begins again; of a newer one it failed."""
    build = a_build_of(forge, {"requirements.txt": "", ".standin": "build sleep 5\n"})
    async with a_kubernetes_builder(kube) as builder:
        await builder.start(build)
        job = job_name(build)
        await kube.until("job", job, "{.status.active}", "1")
        pod = await kube.pod_of(job)
        assert pod is not None
        name = pod["metadata"]["name"]
        await kube.until("pod", name, "{.status.initContainerStatuses}", "running")
        path = f"/api/v1/namespaces/{kube.namespace}/pods/{name}/eviction"
        eviction = {
            "apiVersion": "policy/v1beta1",
            "kind": "Eviction",
            "metadata": {"name": name},
        }
        given = json.dumps(eviction)
        await kube.kubectl("create", "--raw", path, "-f", "-", given=given)
        outcome = (await ended(builder, build)).outcome
        await builder.release(build.id)

    assert isinstance(outcome, Image) or outcome.kind is C.EVICTED, outcome


@asynccontextmanager
async def saying(answer: Callable[[], web.Response]) -> AsyncIterator[str]:
    """Be a registry that the node reaches, and that answers everything in one way."""

    async def say(_: web.Request) -> web.Response:
        return answer()

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", say)
    async with TestServer(app, host="127.0.0.1") as server:
        yield f"{server.host}:{server.port}"


def a_refusal() -> web.Response:
    error = {"code": "UNAUTHORIZED", "message": "who are you"}
    return web.json_response({"errors": [error]}, status=401)


def an_index() -> web.Response:
    return web.Response(body=json.dumps(ELSEWHERE).encode(), content_type=INDEX)


ANSWERS: Mapping[str, tuple[Callable[[], web.Response], str]] = {
    "image pull refused": (a_refusal, "its registry refuses it"),
    "image pull too many": (
        lambda: web.Response(status=429),
        "its registry limits the request rate",
    ),
    "image pull unavailable": (
        lambda: web.Response(status=503),
        "its registry cannot be reached",
    ),
    "image pull platform": (an_index, "it does not exist for the node's platform"),
}


async def test_an_image_that_a_registry_does_not_give_says_why(
    kube: Kube, forge: GitForge
) -> None:
    async with AsyncExitStack() as stack:
        images = {
            name: f"{await stack.enter_async_context(saying(answer))}/not-found/no:404"
            for name, (answer, _) in ANSWERS.items()
        }
        images["image pull no name"] = f"{kube.registry}/No/Name:1"
        async with asyncio.TaskGroup() as group:
            waiting = {
                name: group.create_task(
                    kept_waiting(
                        kube,
                        a_build_of(forge, {"requirements.txt": ""}),
                        name,
                        "Failed",
                        "InspectFailed",
                        git_image=image,
                    )
                )
                for name, image in images.items()
            }

    told = {name: task.result() for name, task in waiting.items()}
    assert {
        name: failure.message.split("cannot be pulled: ")[1]
        for name, failure in told.items()
    } == {
        **{name: why for name, (_, why) in ANSWERS.items()},
        "image pull no name": "its name is invalid",
    }
    assert {failure.kind for failure in told.values()} == {C.IMAGE_PULL}


async def told(builder: Builder, build: Build, words: str) -> Failure:
    """Follow a build until it waits because of something."""
    while True:
        found = (await builder.observe([build]))[build.id]
        assert isinstance(found, Running)
        if found.hindrance is not None and words in found.hindrance.message:
            return found.hindrance
        await builder.changed()


async def ended(builder: Builder, build: Build) -> Finished:
    while True:
        found = (await builder.observe([build]))[build.id]
        if isinstance(found, Finished):
            return found
        await builder.changed()


async def test_a_build_whose_secret_comes_later_goes_on_by_itself(
    kube: Kube, forge: GitForge
) -> None:
    build = a_build_of(forge, {"requirements.txt": ""})
    async with a_kubernetes_builder(kube, registry_secret="late") as builder:
        await builder.start(build)
        hindrance = await told(builder, build, "the Secret late does not exist")
        login = {".dockerconfigjson": json.dumps({"auths": {}})}
        async with present(kube, a_secret("late", **login)):
            finished = await ended(builder, build)
        assert await builder.observe([build]) == {build.id: finished}
        await builder.release(build.id)

    assert hindrance.kind is C.MISSING_RESOURCE
    assert isinstance(finished.outcome, Image), finished


async def test_a_new_process_does_not_forget_what_a_build_waits_for(
    kube: Kube, forge: GitForge
) -> None:
    build = a_build_of(forge, {"requirements.txt": ""})
    account = "absent-account"
    async with a_kubernetes_builder(kube, service_account=account) as first:
        await first.start(build)
        hindrance = await told(first, build, account)
    recorded = replace(build, failure=hindrance)
    reports: set[Failure | None] = set()
    async with a_kubernetes_builder(kube, service_account=account) as second:
        await second.known_builds()
        until = asyncio.get_running_loop().time() + 2
        while asyncio.get_running_loop().time() < until:
            found = (await second.observe([recorded]))[build.id]
            assert isinstance(found, Running)
            reports.add(found.hindrance)
            await asyncio.sleep(0.01)
        await second.cancel(build.id)

    assert reports == {hindrance}


async def test_what_is_not_mended_is_given_up_and_leaves_its_room_to_others(
    kube: Kube, forge: GitForge
) -> None:
    build = a_build_of(forge, {"requirements.txt": ""})
    patience: dict[str, Any] = {"unschedulable_after": timedelta(seconds=3)}
    async with a_kubernetes_builder(
        kube, **patience, service_account="absent-account"
    ) as builder:
        failure = await failure_of(builder, build)
        await builder.release(build.id)

        assert failure.kind is C.MISSING_RESOURCE
        assert "absent-account" in failure.message
        assert build.id not in await builder.known_builds()
    async with a_kubernetes_builder(kube, **patience) as builder:
        await builder.start(replace(build, attempt=2))
        assert isinstance(
            (await ended(builder, replace(build, attempt=2))).outcome, Image
        )


class FastClock(SystemClock):
    """The clock of a node that is an hour ahead of the cluster's."""

    def now(self) -> datetime:
        return super().now() + timedelta(hours=1)


async def test_a_consumer_whose_clock_is_ahead_gives_no_build_up(
    kube: Kube, forge: GitForge
) -> None:
    build = a_build_of(forge, {"requirements.txt": ""})
    patience: dict[str, Any] = {"unschedulable_after": timedelta(minutes=1)}
    async with a_kubernetes_builder(
        kube, registry_secret="later", clock=FastClock(), **patience
    ) as builder:
        await builder.start(build)
        await told(builder, build, "the Secret later does not exist")
        login = {".dockerconfigjson": json.dumps({"auths": {}})}
        async with present(kube, a_secret("later", **login)):
            finished = await ended(builder, build)
        await builder.release(build.id)

    assert isinstance(finished.outcome, Image), finished


async def test_a_time_limit_that_passes_while_nothing_runs_is_not_the_user_s(
    kube: Kube, forge: GitForge
) -> None:
    build = a_build_of(forge, {"requirements.txt": ""})
    async with a_kubernetes_builder(
        kube, registry_secret="never", deadline=timedelta(seconds=12)
    ) as builder:
        await builder.start(build)
        failure = (await ended(builder, build)).outcome
        job = await kube.get("job", job_name(build))

    (condition,) = job["status"]["conditions"]
    assert condition["reason"] == "DeadlineExceeded"
    assert isinstance(failure, Failure)
    assert (failure.kind, failure.message) == (
        C.MISSING_RESOURCE,
        "the Secret never does not exist",
    )


def test_states_are_kept_with_what_their_volumes_are_made_of() -> None:
    pod = Seen.recorded("no key").pod

    assert pod is not None
    assert any("secret" in volume for volume in pod["spec"]["volumes"])
