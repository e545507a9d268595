"""What builds in a cluster, for those who never build."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from service.adapters.kubernetes.names import identity
from service.adapters.kubernetes.options import KubernetesOptions
from service.domain.definition import Kind
from service.domain.findings import Finding

__all__ = ["KubernetesIdentity"]


class KubernetesIdentity:
    """Implements the port `Named`, and needs no cluster for it."""

    def __init__(self, options: KubernetesOptions) -> None:
        self.options = options
        """With the digests that builds are to use."""

    def identity(self, *, frontend: str) -> str:
        return f"{identity(self.options)} {frontend}"

    def scope(self, project: str) -> str:
        # A cache holds what earlier commits of a project left there, good or bad.
        return project if self.options.reuses_layers else ""

    def provides(self, frontend: str) -> bool:
        # The builder image decides; one that lacks it fails the build and says so.
        del frontend
        return True

    def bases(self) -> Collection[str]:
        return self.options.bases()

    def stand_on(self, digests: Mapping[str, str]) -> None:
        bases = self.options.bases()
        known = {name: digest for name, digest in digests.items() if name in bases}
        if known != self.options.digests:
            self.options = replace(self.options, digests=known)

    def remarks(self, kind: Kind) -> Sequence[Finding]:
        del kind
        return ()
