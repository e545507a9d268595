"""What an operator can choose about builds in a cluster."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

__all__ = [
    "KubernetesOptions",
    "PlatformOptions",
    "Resources",
    "Toleration",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """What one phase may use; phases run one after the other, so the pod too."""

    cpu_request: str = "2"
    cpu_limit: str = "4"
    memory_request: str = "4Gi"
    memory_limit: str = "8Gi"
    disk_request: str = "10Gi"
    """Ephemeral storage."""
    disk_limit: str = "40Gi"


@dataclass(frozen=True, slots=True, kw_only=True)
class Toleration:
    """A taint that builds may run in spite of."""

    key: str
    operator: str = "Equal"
    """`Equal` or `Exists`."""
    value: str = ""
    effect: str = ""
    """Every effect when empty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformOptions:
    """What is different for one platform, such as `linux/arm64`."""

    builder_image: str | None = None
    run_image: str | None = None
    node_selector: Mapping[str, str] | None = None
    tolerations: tuple[Toleration, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KubernetesOptions:
    """Images, places, limits and names; empty means: none."""

    namespace: str
    instance: str = "relaunch"
    """Whose Jobs they are: those of others are neither seen nor touched."""
    builder_image: str
    """Holds the lifecycle and the buildpacks; best by digest."""
    run_image: str
    """What built images stand on; best by digest."""
    target: str
    """The repository prefix of built images, without a slash at its end."""
    git_image: str = ""
    """Holds `sh` and `git`; the run image when empty, as Renku's holds both."""
    lifecycle: str = "/cnb/lifecycle"
    """The folder of the lifecycle's programs in the builder image."""
    platform_api: str = "0.12"
    """https://github.com/buildpacks/spec/blob/main/platform.md"""
    is_trusted: bool = False
    """Whether buildpacks may see registry credentials: one `creator` phase does
    everything."""
    user: int = 1001
    """Whom the builder image runs as: its `CNB_USER_ID`."""
    group: int = 1001
    """Its `CNB_GROUP_ID`."""
    platforms: Mapping[str, PlatformOptions] = field(default_factory=dict)
    """By platform, such as `linux/arm64`."""
    digests: Mapping[str, str] = field(default_factory=dict)
    """What builder and run images named by tag were last seen to be."""

    variables: Mapping[str, str] = field(default_factory=dict)
    """Buildpack variables (`BP_*`) of every build."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Variables of every phase, such as proxies; repository code sees them too."""
    submodules: bool = False
    lfs: bool = False
    """Whether files in Git LFS are brought along; the git image needs git-lfs."""
    git_protocols: tuple[str, ...] = ("https",)
    """What is spoken with repositories and their submodules."""
    git_secrets: Mapping[str, str] = field(default_factory=dict)
    """Host → Secret of type `kubernetes.io/basic-auth`; seen by no other host."""

    registry_secret: str = ""
    """Secret of type `kubernetes.io/dockerconfigjson` that reads and pushes images."""
    insecure_registries: tuple[str, ...] = ()
    """Registries that are spoken to without TLS."""
    pull_secrets: tuple[str, ...] = ()
    """Secrets that the nodes pull images with."""
    process_types: Mapping[str, str] = field(default_factory=dict)
    """Frontend → the process type that images start; the buildpacks' own default for
    those that are not there."""
    cache_image: str = ""
    """The repository of cache images; each environment has its own tag."""
    cache_volume: str = ""
    """The PersistentVolumeClaim of caches; each environment has its own folder."""

    resources: Resources = Resources()
    source_size: str = "4Gi"
    """How large a checkout may become."""
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
    """Further labels of Jobs and pods."""
    annotations: Mapping[str, str] = field(default_factory=dict)
    """Further annotations of Jobs and pods."""

    deadline: timedelta = timedelta(hours=1)
    """From the start of a Job to the moment it is stopped."""
    keep: timedelta = timedelta(days=2)
    """How long a finished Job stays: being down for a day loses no outcome."""
    unschedulable_after: timedelta = timedelta(minutes=10)
    """How long a pod may wait for a node, an image, or what an operator has to mend."""
    smoke: bool = True
    """Whether a new image is started once before launchers move to it."""
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
        """Say whether what was built before finds its way into an image."""
        return bool(self.cache_image or self.cache_volume)

    def bases(self) -> Collection[str]:
        """Return the builder and run images that are named by tag."""
        others = self.platforms.values()
        named = {
            self.builder_image,
            self.run_image,
            *(it.builder_image for it in others),
            *(it.run_image for it in others),
        }
        return {it for it in named if it and "@" not in it}

    def pinned(self, reference: str) -> str:
        """Name an image by its digest, where that was seen."""
        digest = self.digests.get(reference)
        if digest is None:
            return reference
        host, slash, path = reference.rpartition("/")
        return f"{host}{slash}{path.partition(':')[0]}@{digest}"

    def builder_for(self, platform: str) -> str:
        """Return the builder image of a platform."""
        return self.pinned(self._on(platform).builder_image or self.builder_image)

    def run_image_for(self, platform: str) -> str:
        """Return the run image of a platform."""
        return self.pinned(self._on(platform).run_image or self.run_image)

    def git_image_for(self, platform: str) -> str:
        """Return the image that clones on a platform."""
        return self.git_image or self.run_image_for(platform)

    def node_selector_for(self, platform: str) -> Mapping[str, str]:
        """Return the labels of the nodes that build for a platform."""
        chosen = self._on(platform).node_selector
        return self.node_selector if chosen is None else chosen

    def tolerations_for(self, platform: str) -> tuple[Toleration, ...]:
        """Return the taints that builds for a platform run in spite of."""
        chosen = self._on(platform).tolerations
        return self.tolerations if chosen is None else chosen

    def _on(self, platform: str) -> PlatformOptions:
        return self.platforms.get(platform, PlatformOptions())
