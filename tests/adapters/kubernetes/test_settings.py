"""From settings to options."""

from dataclasses import fields
from datetime import timedelta

import pytest

from service.adapters.kubernetes.options import (
    KubernetesOptions,
    PlatformOptions,
    Toleration,
)
from service.app.kubernetes import kubernetes_options
from service.errors import InvalidRequestError
from service.settings import load

NEEDED = {
    "RELAUNCH_KUBERNETES_BUILDER_IMAGE": "registry.example.org/selector:0.9.1",
    "RELAUNCH_KUBERNETES_RUN_IMAGE": "registry.example.org/run-image:0.9.1",
    "RELAUNCH_KUBERNETES_TARGET": "registry.example.org/renku-build",
}


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name, value in NEEDED.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


@pytest.mark.usefixtures("environment")
def test_the_defaults_are_renku_s() -> None:
    options = kubernetes_options(load())

    assert options.platform_api == "0.12"
    assert (options.user, options.group) == (1001, 1001)
    resources = options.resources
    assert (resources.cpu_request, resources.cpu_limit) == ("2", "4")
    assert (resources.memory_request, resources.memory_limit) == ("4Gi", "8Gi")
    assert options.registry_secret == "renku-build-docker-secret"
    assert options.deadline == timedelta(hours=1)


@pytest.mark.usefixtures("environment")
def test_an_option_that_nobody_sets_is_the_same_by_default() -> None:
    given = kubernetes_options(load())
    needed = {"namespace", "builder_image", "run_image", "target", "registry_secret"}
    bare = KubernetesOptions(**{name: getattr(given, name) for name in needed})

    for field in fields(KubernetesOptions):
        assert getattr(given, field.name) == getattr(bare, field.name), field.name


def test_the_environment_reaches_the_options(environment: pytest.MonkeyPatch) -> None:
    arm = (
        '{"linux/arm64": {"builder_image": "cuda", "node_selector": {"arch": "gh200"},'
        ' "tolerations": [{"key": "gpu", "operator": "Exists"}]}}'
    )
    environment.setenv("RELAUNCH_KUBERNETES_PLATFORMS", arm)
    environment.setenv("RELAUNCH_KUBERNETES_VARIABLES", '{"BP_CPYTHON_VERSION": "3"}')
    environment.setenv("RELAUNCH_KUBERNETES_GIT_SECRETS", '{"Git.Example.org": "s"}')
    environment.setenv("RELAUNCH_KUBERNETES_JOB_TTL", "6h")
    environment.setenv("RELAUNCH_KUBERNETES_REGISTRY_SECRET", "")

    options = kubernetes_options(load())

    assert options.platforms == {
        "linux/arm64": PlatformOptions(
            builder_image="cuda",
            node_selector={"arch": "gh200"},
            tolerations=(Toleration(key="gpu", operator="Exists"),),
        )
    }
    assert options.builder_for("linux/arm64") == "cuda"
    assert options.variables == {"BP_CPYTHON_VERSION": "3"}
    assert options.git_secrets == {"git.example.org": "s"}
    assert options.keep == timedelta(hours=6)
    assert options.registry_secret == ""


@pytest.mark.parametrize("name", NEEDED)
def test_what_only_an_operator_can_know_is_asked_for_by_name(
    environment: pytest.MonkeyPatch, name: str
) -> None:
    environment.delenv(name)

    with pytest.raises(InvalidRequestError, match=name):
        kubernetes_options(load())


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TARGET", "Registry.example.org/Upper"),
        ("TARGET", "registry.example.org/renku-build/"),
        ("NAMESPACE", "Not_a_namespace"),
        ("MEMORY", "lots"),
        ("PLATFORM_API", "1.0"),
        ("PLATFORM_API", "0.9"),
        ("PLATFORM_API", "0.15"),
        ("PLATFORM_API", "0.1"),
        ("USER", "0"),
        ("VARIABLES", '{"../outside": "x"}'),
        ("LABELS", '{"relaunch.dev/build": "mine"}'),
        ("GIT_PROTOCOLS", '["file"]'),
    ],
)
def test_what_cannot_work_is_refused_at_the_start(
    environment: pytest.MonkeyPatch, name: str, value: str
) -> None:
    environment.setenv(f"RELAUNCH_KUBERNETES_{name}", value)

    with pytest.raises(InvalidRequestError, match=f"RELAUNCH_KUBERNETES_{name}"):
        load()


def test_a_cache_is_an_image_or_a_volume(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("RELAUNCH_KUBERNETES_CACHE_IMAGE", "registry.example.org/c")
    environment.setenv("RELAUNCH_KUBERNETES_CACHE_VOLUME", "caches")

    with pytest.raises(InvalidRequestError, match="exclude each other"):
        load()
