"""Manifests on record: `RELAUNCH_TEST_GOLDEN=write pytest <this file>` renews them."""

import io
import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
from ruamel.yaml import YAML
from ruamel.yaml.scalarstring import LiteralScalarString

from service.adapters.kubernetes.identity import KubernetesIdentity
from service.adapters.kubernetes.manifests.names import BUILD, cache_name, labels
from service.adapters.kubernetes.manifests.phases import variables
from service.domain.building.build import EnvironmentId
from service.domain.building.failure import Failure, FailureClass
from tests.adapters.kubernetes.variants import (
    IMAGE,
    VARIANTS,
    Variant,
    an_options,
    some_build,
)
from tests.support.kube import Kube
from tests.support.values import COMMIT

GOLDEN = Path(__file__).parent / "golden"
VERSIONS = ("1.29", kubernetes_validate.latest_version())
IS_WRITING = os.environ.get("RELAUNCH_TEST_GOLDEN") == "write"  # noqa: TID251

each_variant = pytest.mark.parametrize(
    "variant", [pytest.param(variant, id=name) for name, variant in VARIANTS.items()]
)


@pytest.mark.parametrize("name", VARIANTS)
def test_every_variant_is_as_it_is_on_record(name: str) -> None:
    path = GOLDEN / f"{name}.yaml"
    written = in_yaml(VARIANTS[name].manifest())
    if IS_WRITING:
        path.write_text(written)

    assert path.read_text() == written


def test_no_record_is_of_a_variant_that_is_gone() -> None:
    assert {path.stem for path in GOLDEN.iterdir()} == set(VARIANTS)


@each_variant
@pytest.mark.parametrize("version", VERSIONS)
def test_every_variant_is_valid_to_the_letter(variant: Variant, version: str) -> None:
    kubernetes_validate.validate(variant.manifest(), version, strict=True)


def test_the_validation_refuses_a_misspelt_field() -> None:
    manifest = VARIANTS["defaults"].manifest()
    manifest["spec"]["backofLimit"] = manifest["spec"].pop("backoffLimit")

    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(manifest, VERSIONS[-1], strict=True)


@each_variant
def test_writing_twice_writes_the_same(variant: Variant) -> None:
    assert variant.manifest() == variant.manifest()


def test_only_the_clone_sees_git_credentials() -> None:
    assert seers(VARIANTS["private-repository"], "git-credentials") == {"clone"}


def test_registry_credentials_are_in_analyze_restore_and_export_only() -> None:
    wanted = {"analyze", "restore", "export"}
    assert seers(VARIANTS["defaults"], "registry") == wanted
    assert with_variable(VARIANTS["defaults"], "DOCKER_CONFIG") == wanted


def test_repository_code_never_sees_the_cache_itself() -> None:
    mounted = {
        container["name"]: mount.get("subPath")
        for container in containers(VARIANTS["cache-volume"])
        for mount in container["volumeMounts"]
        if mount["name"] == "cache"
    }
    folder = cache_name(some_build())
    assert mounted == {"cache": None, "restore": folder, "export": folder}


WRITTEN_BY_PHASES = ("analyzed", "extended", "group", "plan", "project-metadata")


@each_variant
def test_the_build_phase_writes_nothing_that_export_trusts(variant: Variant) -> None:
    for container in containers(variant):
        mounts = {mount["mountPath"]: mount for mount in container["volumeMounts"]}
        if container["name"] in {"build", "creator", "export"}:
            assert mounts["/metadata"]["readOnly"]
        if container["name"] == "export":
            told = dict(arg.split("=", 1) for arg in container["args"] if "=" in arg)
            trusted = {name: told.get(f"-{name}") for name in WRITTEN_BY_PHASES}
            assert all(
                item is None or item.startswith("/metadata/")
                for item in trusted.values()
            )
            assert {"analyzed", "group", "project-metadata"} <= {
                name for name, item in trusted.items() if item
            }


def test_a_previous_image_is_passed_where_images_stay_in_their_project() -> None:
    given = f"-previous-image={IMAGE}"
    build = some_build(previous_image=IMAGE)
    alone, cached = an_options(), an_options(cache_volume="caches")
    elsewhere = an_options(cache_volume="caches", target="registry.example.org/new")

    assert given in arguments(VARIANTS["cache-volume"], "analyze")
    assert given in arguments(VARIANTS["cache-image"], "analyze")
    assert given in arguments(VARIANTS["cache-trusted"], "creator")
    for options in (alone, elsewhere):
        assert given not in arguments(Variant(build=build, options=options), "analyze")
    assert KubernetesIdentity(alone).scope("project", EnvironmentId("E")) == ""
    assert KubernetesIdentity(cached).scope("project", EnvironmentId("E")) == "project"


def test_caches_are_one_environment_s_with_one_repository() -> None:
    one = some_build()
    others = (
        replace(one, environment_id=EnvironmentId("another")),
        replace(one, project_id="another"),
        replace(one, repository_url="https://github.com/another/name"),
    )

    assert len({cache_name(build) for build in (one, *others)}) == 4
    assert cache_name(one) == cache_name(replace(one, attempt=2, commit=COMMIT))


def test_no_phase_writes_where_a_later_phase_looks_for_temporary_files() -> None:
    folders = [
        mount["subPath"]
        for container in containers(VARIANTS["defaults"])
        for mount in container["volumeMounts"]
        if mount["name"] == "tmp"
    ]

    assert len(folders) == len(set(folders)) == 6


def test_a_git_secret_is_for_its_own_host_and_no_other() -> None:
    options = an_options(git_secrets={"git.example.org": "its-secret"})
    elsewhere = Variant(
        build=some_build(repository_url="https://git.example.org.evil.example/a"),
        options=options,
    )

    assert seers(elsewhere, "git-credentials") == set()
    assert "its-secret" not in in_yaml(elsewhere.manifest())


def test_a_git_secret_is_never_sent_over_a_protocol_that_is_not_allowed() -> None:
    options = an_options(git_secrets={"git.example.org": "its-secret"})
    plain = some_build(repository_url="http://git.example.org/a")

    assert seers(Variant(build=plain, options=options), "git-credentials") == set()


def test_credentials_in_a_url_do_not_reach_the_manifest() -> None:
    build = some_build(repository_url="https://me:s3cret@git.example.org/a")

    assert "s3cret" not in in_yaml(Variant(build=build).manifest())


def test_the_launcher_s_frontend_wins_over_the_operator_s() -> None:
    told = clone_of("second-attempt-in-a-folder")["args"]

    assert "BP_RENKU_FRONTENDS=jupyterlab" in told
    assert "BP_LOG_LEVEL=DEBUG" in told


@pytest.mark.parametrize("attempt", [2, 3])
@pytest.mark.parametrize(
    "before",
    [FailureClass.NO_SUCH_PACKAGE, FailureClass.NETWORK, FailureClass.INTERNAL, None],
)
def test_pip_writes_its_own_log_in_every_attempt_but_the_first(
    attempt: int, before: FailureClass | None
) -> None:
    failure = Failure(kind=before, message="It failed.") if before else None
    build = some_build(attempt=attempt, failure=failure)

    assert variables(build, an_options())["PIP_LOG"] == "/dev/stdout"
    first = replace(build, attempt=1)
    assert "PIP_LOG" not in variables(first, an_options())


def test_an_operator_s_own_log_of_pip_stays_where_it_is() -> None:
    options = an_options(variables={"PIP_LOG": "/dev/stderr"})

    assert variables(some_build(attempt=2), options)["PIP_LOG"] == "/dev/stderr"


def test_an_operator_s_labels_do_not_hide_a_build() -> None:
    options = an_options(labels={BUILD: "another"})
    manifest = Variant(options=options).manifest()

    wanted = labels(some_build(), component="build", instance="relaunch")[BUILD]
    assert manifest["metadata"]["labels"][BUILD] == wanted


@pytest.mark.kubernetes
@each_variant
async def test_the_api_server_takes_every_variant(kube: Kube, variant: Variant) -> None:
    manifest = variant.manifest()
    manifest["metadata"]["namespace"] = kube.namespace

    # kubectl's own schema is the cluster's, which may be too old to know `suspend`;
    # misspelt fields are found above, whatever the cluster.
    how = ("--dry-run=server", "--validate=false", "-f", "-")
    await kube.kubectl("create", *how, given=json.dumps(manifest))


def containers(variant: Variant) -> list[dict[str, Any]]:
    pod = variant.manifest()["spec"]["template"]["spec"]
    return [*pod.get("initContainers", ()), *pod["containers"]]


def clone_of(name: str) -> dict[str, Any]:
    return containers(VARIANTS[name])[0]


def arguments(variant: Variant, name: str) -> list[str]:
    (found,) = (
        container for container in containers(variant) if container["name"] == name
    )
    said: list[str] = found["args"]
    return said


def seers(variant: Variant, volume: str) -> set[str]:
    return {
        container["name"]
        for container in containers(variant)
        if any(mounted["name"] == volume for mounted in container["volumeMounts"])
    }


def with_variable(variant: Variant, name: str) -> set[str]:
    return {
        container["name"]
        for container in containers(variant)
        if any(variable["name"] == name for variable in container["env"])
    }


def in_yaml(manifest: dict[str, Any]) -> str:
    yaml = YAML()
    yaml.width = 100
    yaml.representer.ignore_aliases = lambda _: True
    written = io.StringIO()
    yaml.dump(_readable(manifest), written)
    return written.getvalue()


def _readable(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _readable(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_readable(item) for item in value]
    if isinstance(value, str) and "\n" in value:
        return LiteralScalarString(value)
    return value
