"""What becomes of builds in a cluster that people, quotas and networks work on."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from aiohttp import ClientSession

from service.adapters.clock import SystemClock
from service.adapters.kubernetes.client import ApiConnection, Cluster
from service.adapters.kubernetes.manifests.names import job_name, smoke_job_name
from service.adapters.kubernetes.oci.registry import Registry
from service.adapters.kubernetes.options import KubernetesOptions
from service.adapters.kubernetes.status.result import JobResult, OutcomeReader
from service.domain.building.build import Build, Image
from service.domain.building.failure import FailureClass
from service.errors import TransientError
from service.ports.builder import Builder, Finished, Running, Vanished
from tests.adapters.kubernetes.builders import a_kubernetes_builder
from tests.adapters.kubernetes.jobs import a_build_of, in_pods
from tests.adapters.local.builds import KeptLogs, failure_of, finished, image_of
from tests.support.githttp import GitForge
from tests.support.kube import Kube, KubectlError, standin_options
from tests.support.proxy import Proxy, proxy_to

pytestmark = pytest.mark.kubernetes

FOREVER = {"requirements.txt": "", ".standin": "build say begun\nbuild sleep 600\n"}
COUNTING = {
    "requirements.txt": "",
    ".standin": "".join(
        f"build say line {number}\nbuild sleep 0.02\n" for number in range(150)
    ),
}


async def until(builder: Builder, holds: Callable[[], bool], build: Build) -> None:
    """Wait while a build runs."""
    while not holds():
        seen = await builder.observe([build])
        assert seen == {build.id: Running()}
        await asyncio.sleep(0.05)  # the log is kept apart from the builder


async def test_a_cancelled_build_takes_its_pod_with_it(
    kube: Kube, forge: GitForge
) -> None:
    build, logs = a_build_of(forge, FOREVER), KeptLogs()
    async with a_kubernetes_builder(kube, logs=logs) as builder:
        await builder.start(build)
        await until(builder, lambda: "begun" in logs.text(), build)
        pod = await kube.pod_of(job_name(build))
        await builder.cancel(build.id)

        assert await builder.observe([build]) == {build.id: Vanished()}
        with pytest.raises(KubectlError, match="NotFound"):
            await kube.get("job", job_name(build))
        assert pod is not None
        name = pod["metadata"]["name"]
        # What runs there ignores being told to stop; 30 s is what Kubernetes gives it.
        await kube.kubectl("wait", "--for=delete", f"pod/{name}", "--timeout=18s")


async def test_a_job_that_somebody_deletes_has_vanished(
    kube: Kube, forge: GitForge
) -> None:
    build = a_build_of(forge, FOREVER)
    async with a_kubernetes_builder(kube) as builder:
        await builder.start(build)
        assert await builder.observe([build]) == {build.id: Running()}
        await kube.delete("job", job_name(build))
        while await builder.observe([build]) != {build.id: Vanished()}:
            await builder.changed()

        assert build.id not in await builder.known_builds()


async def test_a_pod_whose_job_was_deleted_alone_is_removed(
    kube: Kube, forge: GitForge
) -> None:
    build, logs = a_build_of(forge, FOREVER), KeptLogs()
    async with (
        a_kubernetes_builder(kube, logs=logs) as builder,
        a_kubernetes_builder(kube, instance="theirs") as theirs,
    ):
        await builder.start(build)
        await until(builder, lambda: "begun" in logs.text(), build)
        pod = await kube.pod_of(job_name(build))
        assert pod is not None
        name = pod["metadata"]["name"]
        await kube.kubectl("delete", "job", job_name(build), "--cascade=orphan")
        while "ownerReferences" in (await kube.get("pod", name))["metadata"]:
            await builder.changed()
        while await builder.observe([build]) != {build.id: Vanished()}:
            await builder.changed()
        await theirs.cancel(build.id)
        assert "deletionTimestamp" not in (await kube.get("pod", name))["metadata"]
        while build.id not in await builder.known_builds():
            await builder.changed()

        await builder.release(build.id)
        await kube.kubectl("wait", "--for=delete", f"pod/{name}", "--timeout=18s")
        assert build.id not in await builder.known_builds()


async def test_installations_that_share_a_namespace_leave_each_other_alone(
    kube: Kube, forge: GitForge
) -> None:
    build = a_build_of(forge, FOREVER)
    async with (
        a_kubernetes_builder(kube, instance="ours") as ours,
        a_kubernetes_builder(kube, instance="theirs") as theirs,
    ):
        await theirs.start(build)
        await ours.cancel(build.id)
        await ours.release(build.id)

        assert build.id not in await ours.known_builds()
        assert await ours.observe([build]) == {build.id: Vanished()}
        assert build.id in await theirs.known_builds()
        assert await theirs.observe([build]) == {build.id: Running()}
        await theirs.cancel(build.id)


async def test_a_quota_makes_a_build_wait_and_not_fail(
    kube: Kube, forge: GitForge
) -> None:
    build = a_build_of(forge, FOREVER)
    await kube.create(
        {
            "apiVersion": "v1",
            "kind": "ResourceQuota",
            "metadata": {"name": "full"},
            "spec": {"hard": {"count/jobs.batch": "0"}},
        }
    )
    async with a_kubernetes_builder(kube) as builder:
        with pytest.raises(TransientError, match="quota"):
            await builder.start(build)
        assert await builder.observe([build]) == {build.id: Vanished()}
        await kube.delete("resourcequota", "full")
        await started(builder, build)

        assert await builder.observe([build]) == {build.id: Running()}
        await builder.cancel(build.id)


async def started(builder: Builder, build: Build) -> None:
    """Start a build as soon as that works."""
    while True:
        try:
            await builder.start(build)
        except TransientError:
            await builder.changed()
        else:
            return


def is_logged(logs: KeptLogs, text: str) -> bool:
    return text in logs.text()


async def test_settings_that_no_server_takes_are_no_failure_of_a_build(
    kube: Kube, forge: GitForge
) -> None:
    build = a_build_of(forge, FOREVER)
    wrong: dict[str, Any] = {"target": "No/Such Name", "priority_class": "Wrong_Name"}
    async with a_kubernetes_builder(kube, **wrong) as builder:
        with pytest.raises(TransientError, match="creating Job"):
            await builder.start(build)


async def test_a_builder_that_starts_again_goes_on_where_it_was(
    kube: Kube, forge: GitForge
) -> None:
    build, logs = a_build_of(forge, COUNTING), KeptLogs()
    async with a_kubernetes_builder(kube, logs=logs) as builder:
        await builder.start(build)
        await until(builder, lambda: "line 20" in logs.text(), build)
    assert "line 149" not in logs.text()

    async with a_kubernetes_builder(kube, logs=logs) as builder:
        assert isinstance((await finished(builder, build)).outcome, Image)

        assert said(logs, build) == await spoken(kube, build)


async def test_a_network_that_breaks_loses_nothing_and_says_nothing_twice(
    kube: Kube, forge: GitForge, tmp_path: Path
) -> None:
    build, logs = a_build_of(forge, COUNTING), KeptLogs()
    async with (
        unreliable(kube, tmp_path) as (proxy, kubeconfig),
        a_kubernetes_builder(kube, kubeconfig=kubeconfig, logs=logs) as builder,
    ):
        await builder.start(build)
        for number in (5, 40, 80):
            line = f"line {number}"
            await until(builder, partial(is_logged, logs, line), build)
            proxy.cut()

        assert isinstance((await finished(builder, build)).outcome, Image)
        assert said(logs, build) == await spoken(kube, build)


async def test_a_server_that_was_down_while_a_build_ended_tells_how(
    kube: Kube, forge: GitForge, tmp_path: Path
) -> None:
    build, logs = a_build_of(forge, COUNTING), KeptLogs()
    async with (
        unreliable(kube, tmp_path) as (proxy, kubeconfig),
        a_kubernetes_builder(kube, kubeconfig=kubeconfig, logs=logs) as builder,
    ):
        await builder.start(build)
        await until(builder, lambda: "line 5" in logs.text(), build)
        proxy.refuse()
        with pytest.raises(TransientError):
            await builder.cancel(build.id)
        with pytest.raises(TransientError):
            await builder.start(replace(build, attempt=2))
        await kube.settled(job_name(build))
        assert await builder.observe([build]) == {build.id: Running()}
        proxy.heal()

        assert isinstance((await finished(builder, build)).outcome, Image)
        assert said(logs, build) == await spoken(kube, build)


@asynccontextmanager
async def unreliable(kube: Kube, folder: Path) -> AsyncIterator[tuple[Proxy, Path]]:
    """Put a proxy before the API server; return it and a kubeconfig that uses it."""
    config = json.loads(await kube.kubectl("config", "view", "--raw", "-o", "json"))
    about = config["clusters"][0]["cluster"]
    server = urlsplit(about["server"])
    if server.hostname != "127.0.0.1":
        pytest.skip("the API server's certificate is not for this machine")
    async with proxy_to(server.port or 443) as proxy:
        about["server"] = f"https://127.0.0.1:{proxy.port}"
        path = folder / "kubeconfig"
        path.write_text(json.dumps(config))
        yield proxy, path


def said(logs: KeptLogs, build: Build) -> list[tuple[str, str]]:
    return [pair for pair in logs.said[build.id] if pair[1]]


async def spoken(kube: Kube, build: Build) -> list[tuple[str, str]]:
    """Return what all phases said, as kubectl has it."""
    pod = await kube.pod_of(job_name(build))
    assert pod is not None
    spec = pod["spec"]
    return [
        (container["name"], line)
        for container in [*spec["initContainers"], *spec["containers"]]
        for line in (
            await kube.log_of(pod["metadata"]["name"], container["name"])
        ).split("\n")
        if line
    ]


async def test_phases_are_measured_closer_than_to_the_second(
    kube: Kube, forge: GitForge
) -> None:
    # Longer than it has to take: a node says when it read a line, not when it was said.
    order = "build say begun\nbuild sleep 0.5\nbuild say over\nbuild exit 51\n"
    build = a_build_of(forge, {"requirements.txt": "", ".standin": order})
    async with a_kubernetes_builder(kube) as builder:
        await builder.start(build)
        times = {
            phase.name: phase.took for phase in (await finished(builder, build)).phases
        }

    assert any(time.microseconds for time in times.values())
    assert timedelta(seconds=0.4) <= times["build"] < timedelta(seconds=20)


async def test_credentials_that_a_build_says_are_not_kept(
    kube: Kube, forge: GitForge
) -> None:
    secret = "build say fetching https://me:s3cr3t@localhost/x\nbuild exit 51\n"
    build, logs = (
        a_build_of(forge, {"requirements.txt": "", ".standin": secret}),
        (KeptLogs()),
    )
    async with a_kubernetes_builder(kube, logs=logs) as builder:
        failure = await failure_of(builder, build)

        assert "https://…@localhost/x" in logs.text()
        assert "s3cr3t" not in logs.text() + failure.message


async def test_what_another_attempt_says_follows_what_the_first_said(
    kube: Kube, forge: GitForge
) -> None:
    order = {"requirements.txt": "", ".standin": "detect say heard\ndetect exit 20\n"}
    build, logs = a_build_of(forge, order), KeptLogs()
    async with a_kubernetes_builder(kube, logs=logs) as builder:
        await failure_of(builder, build)
        await failure_of(builder, replace(build, attempt=2))

        told = [pair for pair in said(logs, build) if pair[0] in {"attempt", "detect"}]
        assert told == [("detect", "heard"), ("attempt", "attempt 2"), told[0]]


async def test_a_pod_that_no_node_takes_is_given_up_in_time(
    kube: Kube, forge: GitForge
) -> None:
    build = a_build_of(forge, FOREVER)
    nowhere: dict[str, Any] = {"node_selector": {"no-such": "node"}}
    after = timedelta(seconds=1)
    async with a_kubernetes_builder(
        kube, unschedulable_after=after, **nowhere
    ) as builder:
        failure = await failure_of(builder, build)
        await builder.release(build.id)

        assert failure.kind is FailureClass.UNSCHEDULABLE
        assert build.id not in await builder.known_builds()
        with pytest.raises(KubectlError, match="NotFound"):
            await kube.get("job", job_name(build))


async def test_an_image_that_cannot_be_pulled_is_not_waited_for(
    kube: Kube, forge: GitForge
) -> None:
    build = a_build_of(forge, FOREVER)
    async with a_kubernetes_builder(
        kube,
        # Long enough for a busy node to have tried.
        unschedulable_after=timedelta(seconds=8),
        builder_image=f"{kube.registry}/no/such:1",
    ) as builder:
        failure = await failure_of(builder, build)

        assert failure.kind is FailureClass.IMAGE_PULL


@pytest.mark.parametrize(
    ("frontend", "name"),
    [("jupyterlab", "words"), ("none", "words"), ("jupyterlab", "broken")],
)
async def test_a_new_image_is_tried_before_it_counts(
    kube: Kube, forge: GitForge, index: str, frontend: str, name: str
) -> None:
    wanted = a_build_of(forge, {"requirements.txt": f"{name}\n"})
    spec = replace(wanted.spec, frontend=frontend)
    build, logs = replace(wanted, declared=(name,), spec=spec), KeptLogs()
    async with a_kubernetes_builder(
        kube, smoke=True, logs=logs, variables=in_pods(index)
    ) as builder:
        await builder.start(build)
        outcome = (await finished(builder, build)).outcome

        assert ("smoke", f"import {name} ({name})") in logs.said[build.id]
        if isinstance(outcome, Image):
            assert name == "words"
            assert frontend == "none" or [
                line for _, line in logs.said[build.id] if "answers with 200" in line
            ]
        else:
            assert outcome.kind is FailureClass.SMOKE_FAILED
            assert name == "broken"
            assert "absent" in outcome.message
        await builder.release(build.id)
        with pytest.raises(KubectlError, match="NotFound"):
            await kube.get("job", smoke_job_name(build))


async def test_a_job_without_a_report_has_the_registrys_word(
    kube: Kube, forge: GitForge, index: str
) -> None:
    build = a_build_of(forge, {"requirements.txt": "words\n"})
    options = standin_options(kube, insecure_registries=(kube.registry,))
    async with a_kubernetes_builder(kube, variables=in_pods(index)) as builder:
        image = await image_of(builder, build)
    job = await kube.get("job", job_name(build))
    async with outcomes(kube, options) as it:
        without = await it.of(build, JobResult(job=job, pod=None))

    assert isinstance(without, Finished)
    assert isinstance(without.outcome, Image)
    assert without.outcome.reference == image.reference
    assert without.outcome.packages == image.packages


async def test_a_registry_that_does_not_answer_is_no_outcome(
    kube: Kube, forge: GitForge
) -> None:
    build = a_build_of(forge, FOREVER)
    options = standin_options(kube, target="127.0.0.1:1/nobody")
    complete = {"type": "Complete", "status": "True"}
    job = {
        "metadata": {"name": job_name(build)},
        "status": {
            "conditions": [complete | {"lastTransitionTime": "2026-03-01T12:00:00Z"}]
        },
    }
    async with outcomes(kube, options) as it:
        with pytest.raises(TransientError, match=r"127\.0\.0\.1:1"):
            await it.of(build, JobResult(job=job, pod=None))


@asynccontextmanager
async def outcomes(
    kube: Kube, options: KubernetesOptions
) -> AsyncIterator[OutcomeReader]:
    connection = ApiConnection(namespace=kube.namespace, kubeconfig=kube.kubeconfig)
    async with Cluster.connect(connection) as cluster, ClientSession() as session:
        yield OutcomeReader(
            cluster=cluster,
            registry=Registry(
                session=session,
                insecure=options.insecure_registries,
                credentials=None,
            ),
            options=options,
            clock=SystemClock(),
        )


async def test_an_image_of_the_local_builder_is_not_there(
    kube: Kube, forge: GitForge
) -> None:
    image = Image(
        reference=f"local/pip@sha256:{'1' * 64}",
        size=1,
        packages=(),
        built_at=SystemClock().now(),
        build_id=a_build_of(forge, FOREVER).id,
    )
    async with a_kubernetes_builder(kube) as builder:
        assert not await builder.has(image)
