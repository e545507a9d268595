"""What a cluster lacks is named before the first build, each thing on its own."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from service.adapters.kubernetes.doctor.access import NEEDED
from service.domain.diagnosis import CheckStatus
from tests.adapters.kubernetes.doctor.places import (
    ACCOUNT,
    PASSWORD,
    Place,
    a_place,
    kubeconfig_of,
)
from tests.adapters.kubernetes.test_role import ALLOWED
from tests.support.broker import free_port
from tests.support.kube import Kube

pytestmark = [pytest.mark.kubernetes, pytest.mark.timeout(150, func_only=True)]


@pytest.fixture
async def place(kube: Kube, tmp_path: Path) -> AsyncIterator[Place]:
    async with a_place(kube, tmp_path) as place:
        yield place


def test_the_rights_that_are_asked_for_are_those_of_the_role() -> None:
    needed = {resource: set(verbs) for (_, resource), verbs in NEEDED.items()}

    assert needed == ALLOWED


async def test_a_namespace_that_is_set_up_by_the_page_is_well(place: Place) -> None:
    seen = await place.seen()

    assert seen.failed == []
    builder = seen.about("builder image")
    assert "sha256:" in builder.seen
    assert seen.about("user and group").seen.startswith("1001:1001")
    assert seen.about("target").seen.endswith("with the Secret push")
    assert seen.about("Secret push").status is CheckStatus.OK
    assert seen.about("pod of a build").status is CheckStatus.OK
    assert PASSWORD not in seen.text


async def test_with_the_role_alone_nothing_fails_and_what_is_hidden_is_said(
    place: Place,
) -> None:
    seen = await place.seen(kubeconfig=await place.as_consumer())

    assert seen.failed == []
    assert seen.about("rights").status is CheckStatus.OK
    assert seen.about("Job of a build").status is CheckStatus.OK
    for hidden in (
        "namespace",
        "Secret push",
        "ResourceQuotas",
        "LimitRanges",
        "nodes",
        "pods",
    ):
        line = seen.about(hidden)
        assert line.status is CheckStatus.WARNING, line
        assert "rights" in line.seen
    assert "kubectl" in seen.about("Secret push").advice


async def test_every_right_that_lacks_is_named(place: Place) -> None:
    await place.kube.kubectl("create", "serviceaccount", "little")
    await place.kube.kubectl(
        "create", "role", "little", "--verb=get,list", "--resource=jobs,pods,pods/log"
    )
    await place.kube.kubectl(
        *("create", "rolebinding", "little", "--role=little"),
        f"--serviceaccount={place.kube.namespace}:little",
    )
    config = await kubeconfig_of(place.kube, "little", place.folder)

    seen = await place.seen(kubeconfig=config)

    rights = seen.about("rights")
    assert rights.status is CheckStatus.FAILED
    assert rights.seen.endswith(
        "jobs create, jobs watch, jobs delete, pods watch, pods delete, events list"
    )
    assert "do not allow a dry run of Jobs" in seen.about("Jobs").seen


async def test_the_rights_of_another_account_are_asked_for(place: Place) -> None:
    good = await place.seen(account=ACCOUNT)
    bad = await place.seen(account="default:nobody")

    assert good.about("rights").seen.startswith("system:serviceaccount:")
    assert good.failed == []
    assert bad.failed == ["rights"]
    assert "system:serviceaccount:default:nobody may not" in bad.about("rights").seen


@pytest.mark.parametrize(
    ("changes", "subject", "words"),
    [
        pytest.param(
            {"registry_secret": "absent"}, "Secret absent", "docker-registry", id="push"
        ),
        pytest.param(
            {
                "git_secrets": {"git.example.org": "its"},
                "private_target": "registry.example.org/private",
            },
            "Secret its",
            "basic-auth",
            id="clone",
        ),
        pytest.param(
            {"private_target": "registry.example.org/private"},
            "Secret renku-build-private-docker-secret",
            "docker-registry",
            id="private push",
        ),
        pytest.param(
            {"private_target": "registry.example.org/private", "smoke_test": True},
            "Secret renku-pull-private-docker-secret",
            "docker-registry",
            id="private pull",
        ),
        pytest.param(
            {"ca_bundle": "configmap/corporate"},
            "ConfigMap corporate",
            "--from-file=ca.crt=<file>",
            id="certificates",
        ),
        pytest.param({"pull_secrets": ("pull",)}, "Secret pull", "create", id="pull"),
        pytest.param(
            {"cache_volume": "caches"}, "PersistentVolumeClaim caches", "", id="cache"
        ),
        pytest.param({"queue": "builds"}, "LocalQueue builds", "", id="queue"),
        pytest.param({"priority_class": "high"}, "PriorityClass", "", id="priority"),
        pytest.param({"runtime_class": "kata"}, "RuntimeClass", "", id="runtime"),
        pytest.param({"service_account": "me"}, "ServiceAccount me", "", id="account"),
        pytest.param({"user": 1000, "group": 1000}, "user", "USER=1001", id="user"),
        pytest.param(
            {"node_selector": {"disk": "fast"}}, "nodes for", "SELECTOR", id="labels"
        ),
        pytest.param({"memory": "4000Gi"}, "nodes for", "Small nodes", id="room"),
    ],
)
async def test_what_lacks_is_named_with_what_to_do(
    place: Place, changes: dict[str, Any], subject: str, words: str
) -> None:
    if "memory" in changes:
        changes["memory_limit"] = "4000Gi"

    seen = await place.seen(**changes)

    line = seen.about(subject)
    assert line.status is CheckStatus.FAILED
    assert line.advice
    assert words in line.advice


async def test_git_secrets_without_a_prefix_for_private_images_are_told_of(
    place: Place,
) -> None:
    seen = await place.seen(git_secrets={"git.example.org": "its"})
    plain = await place.seen()

    line = seen.about("private target")
    assert line.status is CheckStatus.WARNING
    assert "refused" in line.seen
    assert "PRIVATE_TARGET" in line.advice
    assert plain.about("private target").status is CheckStatus.OK


@pytest.mark.parametrize("word", ["builder_image", "run_image", "git_image"])
async def test_an_image_that_is_not_there_is_named(place: Place, word: str) -> None:
    image = f"{place.kube.registry}/nobody/nothing:1"

    seen = await place.seen(**{word: image})

    assert seen.failed == [word.replace("_", " ")]
    assert f"{image} does not exist" in seen.about(word.replace("_", " ")).seen


async def test_a_namespace_that_is_not_there_is_named(place: Place) -> None:
    seen = await place.seen(namespace="relaunch-nowhere")

    assert seen.about("namespace").advice == "kubectl create namespace relaunch-nowhere"
    assert "Jobs" in seen.failed


async def test_what_the_namespace_limits_is_compared_with_what_builds_ask_for(
    place: Place,
) -> None:
    kubectl = place.kube.kubectl
    await kubectl("create", "quota", "none", "--hard=requests.memory=1Mi")
    await kubectl("create", "quota", "few", "--hard=pods=1")
    await kubectl("create", "quota", "other", "--hard=services=1")
    await place.kube.until("quota", "none", "{.status}", "used")
    container = {"type": "Container", "max": {"cpu": "1m"}}
    await place.kube.create(
        {
            "apiVersion": "v1",
            "kind": "LimitRange",
            "metadata": {"name": "tight"},
            "spec": {"limits": [container]},
        }
    )

    seen = await place.seen()

    none, few = seen.about("ResourceQuota none"), seen.about("ResourceQuota few")
    assert none.status is CheckStatus.FAILED
    assert "requests.memory 1Mi, of which a build requests 64Mi" in none.seen
    assert few.status is CheckStatus.WARNING
    assert "room for 1 of the RELAUNCH_BUILD_MAX_CONCURRENT=3" in few.seen
    assert seen.about("ResourceQuota other").status is CheckStatus.OK
    assert "cpu 1, at most 1m" in seen.about("LimitRange tight").seen
    pod = seen.about("pod of a build")
    assert pod.status is CheckStatus.FAILED
    assert "LimitRange" in pod.seen or "quota" in pod.seen


async def test_a_namespace_without_pod_security_is_warned_of(place: Place) -> None:
    label = "pod-security.kubernetes.io/enforce"
    name = place.kube.namespace
    await place.kube.kubectl("label", "namespace", name, f"{label}-")

    line = (await place.seen()).about("Pod Security")

    assert line.status is CheckStatus.WARNING
    assert (
        line.advice == f"kubectl label namespace {name} {label}=restricted --overwrite"
    )


async def test_a_secret_that_lacks_a_key_or_a_registry_is_told(place: Place) -> None:
    await place.kube.kubectl(
        "create", "secret", "generic", "keyless", "--from-literal=a=b"
    )
    await place.kube.kubectl(
        *("create", "secret", "docker-registry", "elsewhere"),
        *("--docker-server=registry.example.org", "--docker-username=me"),
        f"--docker-password={PASSWORD}",
    )

    keyless = await place.seen(registry_secret="keyless")
    elsewhere = await place.seen(registry_secret="elsewhere")

    assert keyless.about("Secret keyless").seen == "it has no .dockerconfigjson"
    line = elsewhere.about("Secret elsewhere")
    assert line.status is CheckStatus.WARNING
    assert "for registry.example.org; not for" in line.seen
    assert PASSWORD not in elsewhere.text


async def test_without_an_api_server_the_registries_are_looked_at_all_the_same(
    place: Place,
) -> None:
    text = place.kube.kubeconfig.read_text().replace("6443", str(free_port()))
    nowhere = place.folder / "nowhere"
    nowhere.write_text(text)

    seen = await place.seen(kubeconfig=nowhere)
    absent = await place.seen(kubeconfig=place.folder / "absent")

    assert seen.failed == ["API server"]
    assert "RELAUNCH_KUBERNETES_KUBECONFIG" in seen.about("API server").advice
    assert "rights" in seen.about("namespace").seen
    assert seen.about("builder image").status is CheckStatus.OK
    assert absent.failed == ["kubeconfig"]
