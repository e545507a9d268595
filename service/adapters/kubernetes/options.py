"""The operator's options for builds in a cluster."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal, Self

__all__ = [
    "CaBundle",
    "KubernetesOptions",
    "PlatformOptions",
    "Resources",
    "Toleration",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """Requests and limits of each phase; phases run in sequence, so of the pod, too."""

    cpu_request: str = "2"
    cpu_limit: str = "4"
    memory_request: str = "4Gi"
    memory_limit: str = "8Gi"
    disk_request: str = "10Gi"
    """Ephemeral storage."""
    disk_limit: str = "40Gi"


@dataclass(frozen=True, slots=True, kw_only=True)
class Toleration:
    """A taint that build pods tolerate."""

    key: str
    operator: str = "Equal"
    """`Equal` or `Exists`."""
    value: str = ""
    effect: str = ""
    """All effects when empty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CaBundle:
    """CA certificates in a ConfigMap or Secret of the namespace."""

    kind: Literal["configMap", "secret"]
    name: str
    key: str = "ca.crt"

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Parse `configmap/name` or `secret/name`, optionally followed by `/key`."""
        kind, name, *key = text.split("/")
        return cls(
            kind="secret" if kind == "secret" else "configMap",
            name=name,
            **({"key": key[0]} if key else {}),
        )

    @property
    def text(self) -> str:
        """Describe the object as Kubernetes' messages do."""
        kind = "Secret" if self.kind == "secret" else "ConfigMap"
        return f"{kind} {self.name} (key {self.key})"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformOptions:
    """Overrides for one platform, such as `linux/arm64`."""

    builder_image: str | None = None
    run_image: str | None = None
    node_selector: Mapping[str, str] | None = None
    tolerations: tuple[Toleration, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KubernetesOptions:
    """Images, volumes, limits and names of builds; empty means none."""

    namespace: str
    instance: str = "relaunch"
    """The installation that owns the Jobs; those of other instances are ignored."""
    builder_image: str
    """The image with lifecycle and buildpacks; preferably by digest."""
    run_image: str
    """The base of built images; preferably by digest."""
    target: str
    """The repository prefix of built images, without a trailing slash."""
    git_image: str = ""
    """An image with `sh` and `git`; the run image when empty: Renku's has both."""
    lifecycle: str = "/cnb/lifecycle"
    """The directory of the lifecycle in the builder image."""
    platform_api: str = "0.12"
    """https://github.com/buildpacks/spec/blob/main/platform.md"""
    is_trusted: bool = False
    """Whether buildpacks may see registry credentials: then one `creator` container
    runs all phases."""
    user: int = 1001
    """The user of the builder image: its `CNB_USER_ID`."""
    group: int = 1001
    """Its `CNB_GROUP_ID`."""
    platforms: Mapping[str, PlatformOptions] = field(default_factory=dict)
    """By platform, such as `linux/arm64`."""
    digests: Mapping[str, str] = field(default_factory=dict)
    """The last known digests of builder and run images that are named by tag."""

    variables: Mapping[str, str] = field(default_factory=dict)
    """Buildpack variables (`BP_*`) of all builds."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Variables of all phases, such as proxies; repository code sees them, too."""
    submodules: bool = False
    lfs: bool = False
    """Whether Git LFS files are fetched; the git image needs git-lfs."""
    git_protocols: tuple[str, ...] = ("https",)
    """Allowed protocols of repositories and their submodules."""
    git_secrets: Mapping[str, str] = field(default_factory=dict)
    """Host → Secret of type `kubernetes.io/basic-auth`; sent to no other host, and used
    for builds of private repositories only."""

    registry_secret: str = ""
    """Secret of type `kubernetes.io/dockerconfigjson` that pulls and pushes images."""
    private_target: str = ""
    """The repository prefix of images of private repositories, which are not built when
    it is empty."""
    private_registry_secret: str = "renku-build-private-docker-secret"  # noqa: S105 - a name
    """Like `registry_secret`, for private repositories."""
    private_pull_secret: str = "renku-pull-private-docker-secret"  # noqa: S105 - a name
    """The pull Secret of sessions and of the smoke test, for private repositories."""
    ca_bundle: CaBundle | None = None
    """CA certificates that builds trust in addition to the system's."""
    insecure_registries: tuple[str, ...] = ()
    """Registries without TLS."""
    pull_secrets: tuple[str, ...] = ()
    """Pull Secrets for the images of phases."""
    process_types: Mapping[str, str] = field(default_factory=dict)
    """Frontend → the default process type of images; the buildpacks' default for a
    frontend without an entry."""
    cache_image: str = ""
    """The repository of cache images, with one tag for each environment."""
    cache_volume: str = ""
    """The PersistentVolumeClaim of caches, with one directory for each environment."""

    resources: Resources = Resources()
    source_size: str = "4Gi"
    """The size limit of the checkout."""
    layers_size: str = "30Gi"
    tmp_size: str = "10Gi"
    node_selector: Mapping[str, str] = field(default_factory=dict)
    tolerations: tuple[Toleration, ...] = ()
    priority_class: str = ""
    runtime_class: str = ""
    queue: str = ""
    """The Kueue LocalQueue that admits builds."""
    service_account: str = ""
    """The namespace's default when empty; its token is never mounted."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """Additional labels of Jobs and pods."""
    annotations: Mapping[str, str] = field(default_factory=dict)
    """Additional annotations of Jobs and pods."""

    deadline: timedelta = timedelta(hours=1)
    """The time limit of a Job, from its start."""
    keep: timedelta = timedelta(days=2)
    """How long a finished Job is kept, so that a day of downtime loses no outcome."""
    unschedulable_after: timedelta = timedelta(minutes=10)
    """How long a pod may wait for a node, an image, or a fix by an operator."""
    smoke: bool = True
    """Whether a new image is smoke-tested before launchers use it."""
    smoke_deadline: timedelta = timedelta(minutes=5)
    smoke_resources: Resources = Resources(
        cpu_request="500m",
        cpu_limit="2",
        memory_request="1Gi",
        memory_limit="4Gi",
        disk_request="1Gi",
        disk_limit="10Gi",
    )

    @property
    def reuses_layers(self) -> bool:
        """Return whether builds reuse layers of earlier builds."""
        return bool(self.cache_image or self.cache_volume)

    def bases(self) -> Collection[str]:
        """Return the builder and run images that are named by tag."""
        others = self.platforms.values()
        named = {
            self.builder_image,
            self.run_image,
            *(options.builder_image for options in others),
            *(options.run_image for options in others),
        }
        return {text for text in named if text and "@" not in text}

    def pin(self, reference: str) -> str:
        """Return an image by digest, when that is known."""
        digest = self.digests.get(reference)
        if digest is None:
            return reference
        host, slash, path = reference.rpartition("/")
        return f"{host}{slash}{path.partition(':')[0]}@{digest}"

    def builder_for(self, platform: str) -> str:
        """Return the builder image of a platform."""
        return self.pin(self._overrides(platform).builder_image or self.builder_image)

    def run_image_for(self, platform: str) -> str:
        """Return the run image of a platform."""
        return self.pin(self._overrides(platform).run_image or self.run_image)

    def git_image_for(self, platform: str) -> str:
        """Return the image that clones on a platform."""
        return self.git_image or self.run_image_for(platform)

    def node_selector_for(self, platform: str) -> Mapping[str, str]:
        """Return the node selector of build pods for a platform."""
        chosen = self._overrides(platform).node_selector
        return self.node_selector if chosen is None else chosen

    def tolerations_for(self, platform: str) -> tuple[Toleration, ...]:
        """Return the tolerations of build pods for a platform."""
        chosen = self._overrides(platform).tolerations
        return self.tolerations if chosen is None else chosen

    def _overrides(self, platform: str) -> PlatformOptions:
        return self.platforms.get(platform, PlatformOptions())
