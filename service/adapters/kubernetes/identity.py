"""The builder's identity, for processes that have no access to the cluster."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from service.adapters.kubernetes.credentials.privacy import pull_secret_of
from service.adapters.kubernetes.manifests.names import identity
from service.adapters.kubernetes.options import KubernetesOptions
from service.domain.building.build import EnvironmentId
from service.domain.definition import Kind
from service.domain.findings import Finding

__all__ = ["KubernetesIdentity"]


class KubernetesIdentity:
    """Implements the port `Named`, and needs no cluster for it."""

    def __init__(self, options: KubernetesOptions) -> None:
        self.options = options
        """The options, with the digests that builds use for tagged images."""

    def identity(self, *, frontend: str) -> str:
        return f"{identity(self.options)} {frontend}"

    def scope(self, project: str, environment: EnvironmentId) -> str:
        del environment
        # A cache may hold anything that earlier commits of the project wrote, so only
        # builds of that project may share images that were built with it.
        return project if self.options.reuses_layers else ""

    def pull_secret(self, reference: str) -> str:
        return pull_secret_of(reference, self.options)

    def provides(self, frontend: str) -> bool:
        # Which frontends exist depends on the builder image; without this one the build
        # fails with a message that names it.
        del frontend
        return True

    def builds_for(self, platform: str) -> bool:
        # The images that are set for all builds are those of Renku's default platform.
        return platform == "linux/amd64" or platform in self.options.platforms

    def bases(self) -> Collection[str]:
        return self.options.bases()

    def pin_bases(self, digests: Mapping[str, str]) -> None:
        bases = self.options.bases()
        known = {name: digest for name, digest in digests.items() if name in bases}
        # Replaced as a whole and only on a change: a builder that reads `options` while
        # it makes a manifest sees one state.
        if known != self.options.digests:
            self.options = replace(self.options, digests=known)

    def remarks(self, kind: Kind) -> Sequence[Finding]:
        del kind
        return ()
