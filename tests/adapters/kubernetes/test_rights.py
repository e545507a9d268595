"""The builder works with what the chart gives it, and has nothing else."""

import base64
import json
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from service.adapters.kubernetes.manifests.names import job_name
from service.errors import TransientError
from tests.adapters.kubernetes.builders import a_kubernetes_builder
from tests.adapters.kubernetes.jobs import a_build_of, in_pods
from tests.adapters.local.builds import KeptLogs, failure_of, image_of
from tests.support.githttp import GitForge
from tests.support.kube import Kube, KubectlError

pytestmark = pytest.mark.kubernetes

ROLE: Final = Path(__file__).parents[3] / "charts/relaunch/templates/consumer-role.yaml"
NAME: Final = "relaunch-consumer"


@pytest.fixture
async def consumer(kube: Kube, tmp_path: Path) -> AsyncIterator[Kube]:
    """The cluster, as the chart's service account may see it."""
    manifest = rendered(ROLE.read_text(), namespace=kube.namespace)
    await kube.kubectl("apply", "-f", "-", given=manifest)
    config = json.loads(await kube.kubectl("config", "view", "--raw", "-o", "json"))
    config["users"] = [
        {"name": user["name"], "user": {"token": await token(kube)}}
        for user in config["users"]
    ]
    path = tmp_path / "consumer.kubeconfig"
    path.write_text(json.dumps(config))
    yield replace(kube, kubeconfig=path)
    await kube.kubectl("delete", "-f", "-", given=manifest)


def rendered(template: str, *, namespace: str) -> str:
    """Fill in what the chart leaves open."""
    values = {
        ".Release.Name": "relaunch",
        ".Release.Namespace": namespace,
        ".Values.builds.namespace": namespace,
    }
    return re.sub(r"\{\{ *(\S+) *\}\}", lambda match: values[match[1]], template)


async def token(kube: Kube) -> str:
    """Return the token of the service account."""
    path = "{.secrets[0].name}"
    account = await kube.until("serviceaccount", NAME, path, "token", "\n")
    if "secrets" not in account:  # since Kubernetes 1.24 they are asked for
        return (await kube.kubectl("create", "token", NAME)).strip()
    secret = await kube.get("secret", account["secrets"][0]["name"])
    return base64.b64decode(secret["data"]["token"]).decode()


async def test_a_whole_build_needs_no_other_right(
    kube: Kube, consumer: Kube, forge: GitForge, index: str
) -> None:
    good = a_build_of(forge, {"requirements.txt": "words\n"})
    bad = a_build_of(forge, {"requirements.txt": "no-such-package\n"})
    logs = KeptLogs()
    async with a_kubernetes_builder(
        consumer, logs=logs, variables=in_pods(index)
    ) as builder:
        image = await image_of(builder, good)
        failure = await failure_of(builder, bad)
        await builder.release(good.id)
        await builder.cancel(bad.id)

        assert await builder.has(image)
    assert "no-such-package" in failure.message
    assert "build" in logs.phases(good.id)
    for build in (good, bad):
        with pytest.raises(KubectlError, match="NotFound"):
            await kube.get("job", job_name(build))


@pytest.mark.parametrize(
    "command",
    [
        "get secrets",
        "get configmaps",
        "get jobs -n default",
        "get jobs --all-namespaces",
        "get nodes",
        "get namespaces",
        "delete service x",
        "create deployment x --image=x",
        "create serviceaccount x",
        "create rolebinding x --clusterrole=admin --serviceaccount=default:default",
        "run x --image=x",
    ],
)
async def test_everything_else_is_refused(consumer: Kube, command: str) -> None:
    with pytest.raises(KubectlError, match=r"orbidden|cannot"):
        await consumer.kubectl(*command.split())


async def test_another_namespace_is_no_place_for_builds(
    consumer: Kube, forge: GitForge
) -> None:
    build = a_build_of(forge, {"requirements.txt": ""})
    elsewhere = replace(consumer, namespace="default")
    async with a_kubernetes_builder(elsewhere) as builder:
        with pytest.raises(TransientError, match="403"):
            await builder.start(build)
