"""What holds for the manifest of any build whatever."""

import re
import tomllib
from typing import Any

import kubernetes_validate
from hypothesis import HealthCheck, given, settings, strategies as st

from service.adapters.kubernetes.manifests.cache import PREPARE
from service.adapters.kubernetes.manifests.containers import (
    PHASES,
    TRUSTED_PHASES,
    escape_expansion,
)
from service.adapters.kubernetes.manifests.job import to_job
from service.adapters.kubernetes.manifests.names import (
    job_name,
    smoke_job_name,
    target_image,
    to_label_value,
)
from service.adapters.kubernetes.manifests.project_metadata import project_metadata
from service.adapters.kubernetes.manifests.smoke import to_smoke_job
from service.domain.building.build import Build, BuildId, BuildKey
from service.domain.repository import CommitSha
from tests.adapters.kubernetes.variants import IMAGE, an_options, some_build
from tests.support.values import a_build_spec

NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", re.ASCII)
LABEL = re.compile(r"([A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?)?", re.ASCII)
REFERENCE = re.compile(r"[a-z0-9./-]+:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}", re.ASCII)
EXPANDED = re.compile(r"\$\$|\$\(([^)]*)\)")

START = ("/cnb/process/jupyterlab",)

words = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=90)
builds = st.builds(
    some_build,
    id=words.map(BuildId),
    key=words.map(BuildKey),
    project_id=words,
    context_dir=words,
    path=words,
    commit=st.from_regex(r"\A[0-9a-f]{40}\Z").map(CommitSha),
    attempt=st.integers(1, 99),
    declared=st.lists(words, max_size=5).map(tuple),
    is_fresh=st.booleans(),
    previous_image=st.sampled_from([None, IMAGE]),
    spec=st.builds(
        a_build_spec,
        frontend=st.sampled_from(["jupyterlab", "vscodium", "ttyd", "none"]),
        platform=st.sampled_from(["linux/amd64", "linux/arm64"]),
    ),
)
options = st.builds(
    an_options,
    is_trusted=st.booleans(),
    submodules=st.booleans(),
    lfs=st.booleans(),
    cache_volume=st.sampled_from(["", "caches"]),
    queue=st.sampled_from(["", "builds"]),
    registry_secret=st.sampled_from(["", "push"]),
    git_secrets=st.sampled_from([{}, {"github.com": "clone"}]),
    variables=st.dictionaries(st.from_regex(r"\ABP_[A-Z]{1,9}\Z"), words, max_size=3),
)
any_of_ours = st.one_of(
    st.builds(to_job, builds, options),
    st.builds(
        lambda build, how: to_smoke_job(build, IMAGE, START, how), builds, options
    ),
)
often = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)


@often
@given(builds)
def test_what_an_image_says_of_its_origin_is_readable(build: Build) -> None:
    source = tomllib.loads(project_metadata(build))["source"]

    assert source["type"] == "git"
    assert source["version"] == {"commit": build.commit}
    assert source["metadata"]["repository"] == build.repository_url
    assert source["metadata"].get("context_dir", "") == build.context_dir


@often
@given(any_of_ours)
def test_any_build_gives_a_valid_manifest(manifest: dict[str, Any]) -> None:
    newest = kubernetes_validate.latest_version()
    kubernetes_validate.validate(manifest, newest, strict=True)


@often
@given(any_of_ours)
def test_names_and_labels_are_ones_that_kubernetes_takes(
    manifest: dict[str, Any],
) -> None:
    assert NAME.fullmatch(manifest["metadata"]["name"])
    for about in (manifest["metadata"], manifest["spec"]["template"]["metadata"]):
        assert all(LABEL.fullmatch(label) for label in about["labels"].values())
        assert all(
            isinstance(annotation, str) for annotation in about["annotations"].values()
        )


@often
@given(any_of_ours)
def test_pod_security_restricted_admits_any_pod(manifest: dict[str, Any]) -> None:
    pod = manifest["spec"]["template"]["spec"]

    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] > 0
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert not {"hostNetwork", "hostPID", "hostIPC"} & pod.keys()
    kinds = {kind for volume in pod["volumes"] for kind in volume.keys() - {"name"}}
    assert kinds <= {"emptyDir", "secret", "persistentVolumeClaim"}
    for container in (*pod.get("initContainers", ()), *pod["containers"]):
        security = container["securityContext"]
        assert security["allowPrivilegeEscalation"] is False
        assert security["capabilities"] == {"drop": ["ALL"]}
        assert "hostPort" not in str(container)


@often
@given(any_of_ours)
def test_no_pod_is_without_limits(manifest: dict[str, Any]) -> None:
    assert manifest["spec"]["activeDeadlineSeconds"] > 0
    assert manifest["spec"]["ttlSecondsAfterFinished"] > 0
    pod = manifest["spec"]["template"]["spec"]
    for volume in pod["volumes"]:
        assert "emptyDir" not in volume or volume["emptyDir"]["sizeLimit"]
    for container in (*pod.get("initContainers", ()), *pod["containers"]):
        assert {"cpu", "memory", "ephemeral-storage"} == set(
            container["resources"]["limits"]
        )


@often
@given(any_of_ours)
def test_no_secret_is_in_a_variable(manifest: dict[str, Any]) -> None:
    pod = manifest["spec"]["template"]["spec"]
    for container in (*pod.get("initContainers", ()), *pod["containers"]):
        assert all(item.keys() == {"name", "value"} for item in container["env"])
        assert "envFrom" not in container


@often
@given(builds, options)
def test_phases_run_in_their_order(build: Build, how: Any) -> None:
    pod = to_job(build, how)["spec"]["template"]["spec"]
    order = [
        container["name"] for container in (*pod["initContainers"], *pod["containers"])
    ]

    wanted = list(TRUSTED_PHASES if how.is_trusted else PHASES)
    if how.cache_volume:
        wanted.insert(1, PREPARE)
    assert order == wanted


@often
@given(builds)
def test_a_target_is_a_reference_that_registries_take(build: Build) -> None:
    assert REFERENCE.fullmatch(target_image(build, an_options()))


@given(words, words)
def test_different_texts_are_different_labels(one: str, other: str) -> None:
    assert (to_label_value(one) == to_label_value(other)) == (one == other)


@given(words, words, st.integers(1, 99), st.integers(1, 99))
def test_each_attempt_of_each_build_has_a_name_of_its_own(
    one: str, other: str, first: int, second: int
) -> None:
    mine = some_build(id=BuildId(one), attempt=first)
    yours = some_build(id=BuildId(other), attempt=second)
    is_same = (one, first) == (other, second)
    is_same_but_for_case = (one.lower(), first) == (other.lower(), second)

    if not is_same_but_for_case:
        assert job_name(mine) != job_name(yours)
    assert not is_same or job_name(mine) == job_name(yours)
    assert job_name(mine) != smoke_job_name(mine)


@given(st.text(st.sampled_from("$()AB "), max_size=20))
def test_kubernetes_leaves_every_text_as_it_is(text: str) -> None:
    assert expanded(escape_expansion(text)) == text


def expanded(text: str) -> str:
    """What Kubernetes makes of a text where every variable is known and empty.

    https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/#Container
    """
    return EXPANDED.sub(lambda match: "$" if match[0] == "$$" else "", text)
