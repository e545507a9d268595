"""Images of private repositories go where only some can read, and are pulled from."""

from dataclasses import replace
from typing import Any

import pytest

from service.adapters.kubernetes.credentials.privacy import pull_secret_of, refusal
from service.adapters.kubernetes.manifests.names import cache_name
from service.adapters.kubernetes.manifests.smoke import to_smoke_job
from service.domain.building.build import Build
from service.domain.building.failure import FailureClass
from service.settings import load
from tests.adapters.kubernetes.variants import (
    IMAGE,
    VARIANTS,
    Variant,
    an_options,
    private_build,
    private_options,
    some_build,
)

PRIVATE = "registry.example.org/renku-private-build"
PUBLIC = "registry.example.org/renku-build"
IMAGES = (
    "RELAUNCH_KUBERNETES_TARGET",
    "RELAUNCH_KUBERNETES_PRIVATE_TARGET",
    "RELAUNCH_KUBERNETES_CACHE_IMAGE",
)


def pod(build: Build, **options: Any) -> dict[str, Any]:
    manifest = Variant(build=build, options=private_options(**options)).manifest()
    return dict(manifest["spec"]["template"]["spec"])


def secrets(spec: dict[str, Any]) -> set[str]:
    return {
        volume["secret"]["secretName"]
        for volume in spec["volumes"]
        if "secret" in volume
    }


def words(spec: dict[str, Any]) -> list[str]:
    containers = [*spec["initContainers"], *spec["containers"]]
    return [word for container in containers for word in container.get("args", ())]


def test_a_private_image_and_its_cache_go_to_the_private_prefix_alone() -> None:
    found = words(pod(private_build(), cache_image="registry.example.org/renku-cache"))
    places = [text for text in found if "registry.example.org/renku-" in text]

    assert places
    assert all(PRIVATE in place for place in places), places


def test_a_public_image_is_built_as_if_there_were_no_private_ones() -> None:
    spec = pod(some_build())

    assert not [word for word in words(spec) if PRIVATE in word]
    assert secrets(spec) == {"renku-build-docker-secret"}
    assert "imagePullSecrets" not in spec


def test_each_is_pushed_with_its_own_secret() -> None:
    assert secrets(pod(private_build())) == {
        "renku-build-private-docker-secret",
        "git-example-org",
    }


def test_a_public_repository_with_a_private_submodule_is_shown_no_credentials() -> None:
    same_host = "https://git.example.org/group/open.git"

    spec = pod(some_build(repository_url=same_host), submodules=True)

    assert "git-example-org" not in secrets(spec)
    environment = {item["name"]: item for item in spec["initContainers"][0]["env"]}
    assert not [item for item in environment.values() if "helper" in item["value"]][1:]


def test_a_private_image_is_tried_with_the_secret_that_sessions_pull_it_with() -> None:
    spec = VARIANTS["smoke-private"].manifest()["spec"]["template"]["spec"]

    assert spec["imagePullSecrets"] == [{"name": "renku-pull-private-docker-secret"}]


def test_sessions_are_told_the_secret_of_private_images_alone() -> None:
    options = private_options()

    secret = pull_secret_of(f"{PRIVATE}/env-1@sha256:{'a' * 64}", options)

    assert secret == "renku-pull-private-docker-secret"
    assert pull_secret_of(IMAGE, options) == ""
    assert pull_secret_of(f"{PRIVATE}-of-others/env-1", options) == ""
    assert pull_secret_of("", options) == ""
    assert pull_secret_of(IMAGE, an_options()) == ""


def test_what_a_repository_left_in_its_cache_while_private_stays_there() -> None:
    private = private_build()
    public = replace(private, spec=some_build().spec)

    assert cache_name(private) != cache_name(public)


def test_without_a_private_prefix_private_repositories_are_refused() -> None:
    refused = refusal(private_build(), an_options())

    assert refused is not None
    assert refused.kind is FailureClass.PRIVATE_REFUSED
    assert not refused.kind.is_final
    assert "https://git.example.org/group/name.git is private" in refused.message
    assert "RELAUNCH_KUBERNETES_PRIVATE_TARGET" in refused.message
    assert refusal(private_build(), private_options()) is None
    assert refusal(some_build(), an_options()) is None


def test_a_node_that_pulls_everything_with_secrets_gets_one_more() -> None:
    options = private_options(pull_secrets=("all", "renku-pull-private-docker-secret"))

    manifest = to_smoke_job(private_build(), IMAGE, (), options)

    assert manifest["spec"]["template"]["spec"]["imagePullSecrets"] == [
        {"name": "all"},
        {"name": "renku-pull-private-docker-secret"},
    ]


@pytest.mark.parametrize(
    ("public", "private", "cache", "named"),
    [
        (PUBLIC, PUBLIC, "", "TARGET"),
        (PUBLIC, f"{PUBLIC}/private", "", "TARGET"),
        (f"{PRIVATE}/public", PRIVATE, "", "TARGET"),
        (PUBLIC, PRIVATE, f"{PRIVATE}/cache", "CACHE_IMAGE"),
        (PUBLIC, "Registry.Example.Org/Private", "", "lower case"),
    ],
)
def test_prefixes_of_which_one_begins_the_other_are_refused(
    monkeypatch: pytest.MonkeyPatch, public: str, private: str, cache: str, named: str
) -> None:
    for name, value in zip(IMAGES, (public, private, cache), strict=True):
        monkeypatch.setenv(name, value)

    with pytest.raises(Exception, match=named):
        load()


def test_prefixes_that_only_look_alike_are_fine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in zip(IMAGES, (PUBLIC, f"{PUBLIC}-private", ""), strict=True):
        monkeypatch.setenv(name, value)

    assert load().kubernetes.private_target == f"{PUBLIC}-private"
