"""Settings of builds in a cluster."""

import re
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import Field, field_validator, model_validator

from service.settings.section import Duration, Names, Section

__all__ = ["KubernetesSettings", "PlatformSettings", "TolerationSettings"]

_LABEL: Final = r"^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$"
"""https://kubernetes.io/docs/concepts/overview/working-with-objects/names/"""
_PLATFORM_APIS: Final = ("0.10", "0.11", "0.12", "0.13", "0.14")
"""Those in which the phases were run with a real lifecycle."""
_OURS: Final = (
    "relaunch.dev/",
    "renku.io/build_id",
    "renku.io/environment_id",
    "renku.io/project_id",
    "app.kubernetes.io/managed-by",
    "app.kubernetes.io/instance",
    "app.kubernetes.io/component",
)

Quantity = Annotated[str, Field(pattern=r"^\d+(?:\.\d+)?(?:m|[KMGT]i?|k)?$")]
"""https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/"""


class TolerationSettings(Section):
    """A taint that builds may run in spite of."""

    key: str
    operator: Literal["Equal", "Exists"] = "Equal"
    value: str = ""
    effect: Literal["", "NoSchedule", "PreferNoSchedule", "NoExecute"] = ""


class PlatformSettings(Section):
    """What is different for one platform."""

    builder_image: str | None = None
    run_image: str | None = None
    node_selector: Mapping[str, str] | None = None
    tolerations: tuple[TolerationSettings, ...] | None = None


class KubernetesSettings(Section):
    """Builds as Jobs of a cluster, made of Cloud Native Buildpacks phases."""

    kubeconfig: Path | None = None
    """How to reach the cluster; the service account of our own pod when unset."""
    context: str | None = None
    """The context of the kubeconfig; its current one when unset."""
    namespace: str = Field(default="relaunch-builds", pattern=_LABEL)
    """Where builds run; best theirs alone."""
    instance: str = Field(default="relaunch", pattern=_LABEL)
    """Whose Jobs they are: installations that share a namespace need different ones."""
    builder_image: str | None = None
    """Has to be set: lifecycle and buildpacks, best by digest. Renku's chart has
    `renku-frontend-buildpacks/selector:0.9.1`."""
    run_image: str | None = None
    """Has to be set: what built images stand on, best by digest. Renku's chart has
    `renku-frontend-buildpacks/run-image:0.9.1`."""
    base_check_interval: Duration = timedelta(hours=1)
    """How often the registry is asked what builder and run image are now, where they
    are named by tag; never when 0."""
    git_image: str | None = None
    """Clones; holds `sh` and `git`. The run image when unset: Renku's holds both."""
    target: str | None = None
    """Has to be set: the repository prefix of built images, such as
    `registry.example.org/renku-build`."""
    lifecycle: str = "/cnb/lifecycle"
    """The folder of the lifecycle's programs in the builder image."""
    platform_api: str = "0.12"
    """The platform API that the lifecycle is spoken to in: 0.10 to 0.14."""
    trust_builder: bool = False
    """Run the single `creator` phase: buildpacks see the registry's credentials."""
    user: int = Field(default=1001, ge=1)
    """Whom the builder image runs as: its `CNB_USER_ID`."""
    group: int = Field(default=1001, ge=1)
    """Its `CNB_GROUP_ID`."""
    platforms: Mapping[str, PlatformSettings] = {}
    """What is different for a platform: `{"linux/arm64": {"builder_image": …,
    "run_image": …, "node_selector": …, "tolerations": …}}`."""
    variables: Mapping[str, str] = {}
    """Buildpack variables of every build: `{"BP_VSCODIUM_VERSION": …}`."""
    environment: Mapping[str, str] = {}
    """Variables of every phase, such as proxies; never secrets."""
    submodules: bool = False
    """Check submodules out."""
    lfs: bool = False
    """Bring along what is in Git LFS; the git image needs git-lfs."""
    git_protocols: tuple[Literal["https", "http"], ...] = Field(
        default=("https",), min_length=1
    )
    """What builds speak with repositories."""
    git_secrets: Mapping[str, str] = {}
    """`{"git.example.org": "its-secret"}`: Secrets of type `kubernetes.io/basic-auth`
    that clone private repositories, and no others; everybody who adds a launcher may
    build those."""
    registry_secret: str = "renku-build-docker-secret"  # noqa: S105 - a name
    """Secret of type `kubernetes.io/dockerconfigjson` that reads and pushes images;
    empty where the registry asks for none."""
    private_target: str = ""
    """The repository prefix of images of private repositories, such as
    `registry.example.org/renku-private-build`; those are refused when empty, as in
    Renku. Neither it nor `RELAUNCH_KUBERNETES_TARGET` may begin the other."""
    private_registry_secret: str = "renku-build-private-docker-secret"  # noqa: S105
    """As `RELAUNCH_KUBERNETES_REGISTRY_SECRET`, for images of private repositories;
    must read builder image and run image too, where those are not open."""
    private_pull_secret: str = "renku-pull-private-docker-secret"  # noqa: S105
    """Secret of type `kubernetes.io/dockerconfigjson` with which sessions and the smoke
    test pull images of private repositories; whoever starts sessions gets its name."""
    registry_config: Path | None = None
    """A `config.json` of Docker's with which this process asks the registry; a key of
    its `auths` may name a prefix, too: `registry.example.org/renku-private-build`."""
    ca_bundle: str = Field(
        default="",
        pattern=r"^(?:(?:configmap|secret)/[a-z0-9][a-z0-9.-]*(?:/[-._a-zA-Z0-9]+)?)?$",
    )
    """`configmap/NAME`, `secret/NAME` or either with `/KEY` (`ca.crt` by default):
    certificates that clone, registry and buildpacks trust beside the system's."""
    insecure_registries: Names = ()
    """Registries that are spoken to without TLS."""
    pull_secrets: Names = ()
    """Secrets with which nodes pull images."""
    process_types: Mapping[str, str] = {}
    """What images start, by frontend: `{"jupyterlab": "jupyterlab"}`. The buildpacks
    choose for frontends that are not there; export fails at a type that none makes."""
    cache_image: str = ""
    """The repository of cache images; none when empty, as in Renku. With a cache,
    images are shared inside a project only."""
    cache_volume: str = ""
    """The PersistentVolumeClaim of caches, instead of images; its root must let the
    user or the group of the builder image write."""
    cpu: Quantity = "2"
    """CPUs that a build asks for."""
    cpu_limit: Quantity = "4"
    """CPUs that it gets at most."""
    memory: Quantity = "4Gi"
    """Memory that a build asks for."""
    memory_limit: Quantity = "8Gi"
    """Memory above which it is ended."""
    disk: Quantity = "10Gi"
    """Disk of its node that a build asks for."""
    disk_limit: Quantity = "40Gi"
    """Disk above which it is evicted."""
    source_size: Quantity = "4Gi"
    """How large a checkout may become."""
    layers_size: Quantity = "30Gi"
    """How large what buildpacks make may become."""
    tmp_size: Quantity = "10Gi"
    """How large `/tmp` of all phases may become."""
    node_selector: Mapping[str, str] = {}
    """Labels of nodes that build; Renku's chart has
    `{"renku.io/node-purpose": "image-build"}`."""
    tolerations: tuple[TolerationSettings, ...] = ()
    """Taints of those nodes; Renku's chart has `[{"key": "renku.io/dedicated",
    "value": "image-build", "effect": "NoSchedule"}]`."""
    priority_class: str = ""
    """The PriorityClass of builds."""
    runtime_class: str = ""
    """The RuntimeClass of builds, such as a sandbox."""
    queue: str = ""
    """The Kueue LocalQueue that admits builds."""
    service_account: str = ""
    """Whom pods run as; their token is never mounted."""
    labels: Mapping[str, str] = {}
    """Further labels of Jobs and pods."""
    annotations: Mapping[str, str] = {}
    """Further annotations of Jobs and pods."""
    deadline: Duration = timedelta(hours=1)
    """How long a Job may take."""
    job_ttl: Duration = timedelta(days=2)
    """How long a finished Job stays: nothing is lost while we are down for less."""
    unschedulable_after: Duration = timedelta(minutes=10)
    """How long a pod may wait for a node, an image, or what an operator has to fix."""
    smoke_test: bool = True
    """Start every new image once before launchers move to it."""
    smoke_test_deadline: Duration = timedelta(minutes=5)
    """How long that may take, the pull of the image included."""

    @field_validator("target", "private_target", "cache_image")
    @classmethod
    def _is_repository(cls, value: str | None) -> str | None:
        if value and not re.fullmatch(r"[a-z0-9.-]+(?::\d+)?(?:/[a-z0-9._-]+)*", value):
            raise ValueError("expected a repository in lower case, without tag")
        return value

    @field_validator("platform_api")
    @classmethod
    def _is_spoken(cls, value: str) -> str:
        if value not in _PLATFORM_APIS:
            raise ValueError(
                f"platform API {value!r} is not spoken here; expected one of "
                f"{', '.join(_PLATFORM_APIS)}, and one that the builder image speaks"
            )
        return value

    @field_validator("variables", "environment")
    @classmethod
    def _are_variables(cls, value: Mapping[str, str]) -> Mapping[str, str]:
        for name in value:
            if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
                raise ValueError(f"{name!r} is no name of a variable")
        return value

    @field_validator("labels", "annotations")
    @classmethod
    def _are_free(cls, value: Mapping[str, str]) -> Mapping[str, str]:
        for name in value:
            if name.startswith(_OURS):
                raise ValueError(f"{name!r} is set by the service itself")
        return value

    @model_validator(mode="after")
    def _keeps_private_apart(self) -> Self:
        others = {"TARGET": self.target or "", "CACHE_IMAGE": self.cache_image}
        for name, other in others.items():
            if _overlap(self.private_target, other):
                raise ValueError(
                    f"RELAUNCH_KUBERNETES_PRIVATE_TARGET and RELAUNCH_KUBERNETES_{name}"
                    " may not begin one another: who reads the one would read the other"
                )
        return self

    @model_validator(mode="after")
    def _has_one_cache(self) -> Self:
        if self.cache_image and self.cache_volume:
            raise ValueError(
                "RELAUNCH_KUBERNETES_CACHE_IMAGE and RELAUNCH_KUBERNETES_CACHE_VOLUME "
                "exclude each other"
            )
        return self


def _overlap(one: str, other: str) -> bool:
    """Return whether a prefix is, or begins, another."""
    return bool(one and other) and (
        f"{one}/".startswith(f"{other}/") or f"{other}/".startswith(f"{one}/")
    )
