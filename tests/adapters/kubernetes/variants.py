"""Builds and options whose manifests are on record."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

from service.adapters.kubernetes.manifests.job import to_job
from service.adapters.kubernetes.manifests.smoke import to_smoke_job
from service.adapters.kubernetes.options import (
    CaBundle,
    KubernetesOptions,
    PlatformOptions,
    Toleration,
)
from service.domain.building.build import (
    Build,
    BuildId,
    BuildKey,
    BuildSpec,
    EnvironmentId,
)
from service.domain.definition import Kind
from tests.support.values import a_build, a_build_spec

__all__ = [
    "BUNDLE",
    "VARIANTS",
    "Variant",
    "an_options",
    "private_build",
    "private_options",
    "some_build",
]

TRACE: Final = f"00-{'4b' * 16}-{'f0' * 8}-01"
BUNDLE: Final = CaBundle(kind="configMap", name="corporate")
IMAGE: Final = "registry.example.org/renku-build/env@sha256:" + "d" * 64


def an_options(**changes: Any) -> KubernetesOptions:
    defaults: dict[str, Any] = {
        "namespace": "builds",
        "builder_image": "registry.example.org/selector:0.9.1",
        "run_image": "registry.example.org/run-image:0.9.1",
        "target": "registry.example.org/renku-build",
        "registry_secret": "renku-build-docker-secret",
    }
    return KubernetesOptions(**{**defaults, **changes})


def some_build(**changes: Any) -> Build:
    defaults: dict[str, Any] = {
        "id": BuildId("01JZ8XK2V3T4Y5W6Q7R8S9T0AB"),
        "key": BuildKey("0123456789abcdef" * 4),
        "spec": a_build_spec(frontend="jupyterlab"),
        "context_dir": "",
        "environment_id": EnvironmentId("01JZ8XK2V3T4Y5W6Q7R8S9T0EN"),
        "project_id": "01JZ8XK2V3T4Y5W6Q7R8S9T0PR",
        "declared": ("numpy", "scikit-learn"),
    }
    return a_build(**{**defaults, **changes})


def private_build(**changes: Any) -> Build:
    """Return a build of a repository that only some may read."""
    defaults: dict[str, Any] = {
        "repository_url": "https://git.example.org/group/name.git",
        "spec": a_build_spec(frontend="jupyterlab", private_to="git.example.org/7"),
    }
    return some_build(**{**defaults, **changes})


def private_options(**changes: Any) -> KubernetesOptions:
    """Return options that say where images of private repositories go."""
    defaults: dict[str, Any] = {
        "git_secrets": {"git.example.org": "git-example-org"},
        "private_target": "registry.example.org/renku-private-build",
    }
    return an_options(**{**defaults, **changes})


def _smoke(build: Build, options: KubernetesOptions) -> dict[str, Any]:
    return to_smoke_job(build, IMAGE, ("/cnb/process/jupyterlab",), options)


def _smoke_without_process(build: Build, options: KubernetesOptions) -> dict[str, Any]:
    return to_smoke_job(build, IMAGE, ("/cnb/lifecycle/launcher",), options)


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """One manifest on record."""

    build: Build = field(default_factory=some_build)
    options: KubernetesOptions = field(default_factory=an_options)
    write: Callable[[Build, KubernetesOptions], dict[str, Any]] = to_job

    def manifest(self) -> dict[str, Any]:
        return self.write(self.build, self.options)


def _on_arm() -> BuildSpec:
    return a_build_spec(frontend="vscodium", platform="linux/arm64")


VARIANTS: Final[Mapping[str, Variant]] = {
    "defaults": Variant(),
    "second-attempt-in-a-folder": Variant(
        build=some_build(attempt=2, context_dir="env/python", traceparent=TRACE),
        options=an_options(
            variables={"BP_LOG_LEVEL": "DEBUG", "BP_RENKU_FRONTENDS": "ttyd"},
            environment={"HTTPS_PROXY": "http://proxy.example.org:3128"},
        ),
    ),
    "private-repository": Variant(
        build=private_build(),
        options=private_options(submodules=True, lfs=True),
    ),
    "private-cache-image": Variant(
        build=private_build(),
        options=private_options(cache_image="registry.example.org/renku-cache"),
    ),
    "smoke-private": Variant(
        build=private_build(), options=private_options(), write=_smoke
    ),
    "what-counts": Variant(
        build=some_build(kept=("lib", "requirements.txt", 'we"ird $(é)\udcff.txt'))
    ),
    "trusted": Variant(options=an_options(is_trusted=True, platform_api="0.13")),
    "cache-image": Variant(
        build=some_build(previous_image=IMAGE),
        options=an_options(cache_image="registry.example.org/renku-cache"),
    ),
    "built-anew": Variant(
        build=some_build(previous_image=IMAGE, is_fresh=True),
        options=an_options(cache_image="registry.example.org/renku-cache"),
    ),
    "trusted-built-anew": Variant(
        build=some_build(is_fresh=True), options=an_options(is_trusted=True)
    ),
    "cache-volume": Variant(
        build=some_build(previous_image=IMAGE),
        options=an_options(cache_volume="caches"),
    ),
    "cache-trusted": Variant(
        build=some_build(previous_image=IMAGE),
        options=an_options(cache_volume="caches", is_trusted=True),
    ),
    "process-type-of-old-api": Variant(
        options=an_options(
            platform_api="0.11", process_types={"jupyterlab": "jupyterlab"}
        ),
    ),
    "certificates": Variant(options=an_options(ca_bundle=BUNDLE)),
    "certificates-trusted": Variant(
        options=an_options(
            ca_bundle=CaBundle.from_text("secret/corporate/root.pem"),
            environment={"SSL_CERT_DIR": "/its/own"},
            is_trusted=True,
        )
    ),
    "everything-chosen": Variant(
        build=some_build(spec=_on_arm()),
        options=an_options(
            instance="relaunch-staging",
            git_image="registry.example.org/git:2",
            registry_secret="",
            insecure_registries=("registry.example.org",),
            pull_secrets=("pull",),
            platforms={
                "linux/arm64": PlatformOptions(
                    builder_image="registry.example.org/cuda-selector:0.9.1",
                    run_image="registry.example.org/cuda-run-image:0.9.1",
                    node_selector={"renku.io/node-purpose": "image-build-arm"},
                )
            },
            node_selector={"renku.io/node-purpose": "image-build"},
            tolerations=(
                Toleration(
                    key="renku.io/dedicated", value="image-build", effect="NoSchedule"
                ),
            ),
            priority_class="builds",
            runtime_class="sandbox",
            queue="builds",
            service_account="builds",
            labels={"team": "renku"},
            annotations={"example.org/cost-centre": "4711"},
            deadline=timedelta(minutes=20),
            keep=timedelta(hours=6),
        ),
    ),
    "smoke": Variant(write=_smoke),
    "smoke-conda-without-frontend": Variant(
        build=some_build(kind=Kind.CONDA, spec=a_build_spec(), declared=()),
        write=_smoke_without_process,
    ),
}
