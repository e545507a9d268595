"""What builds in a cluster, for those who never build."""

from collections.abc import Sequence

from service.adapters.kubernetes.names import identity
from service.adapters.kubernetes.options import KubernetesOptions
from service.domain.definition import Kind
from service.domain.findings import Finding

__all__ = ["KubernetesIdentity"]


class KubernetesIdentity:
    """Implements the port `Named`, and needs no cluster for it."""

    def __init__(self, options: KubernetesOptions) -> None:
        self._options = options

    def identity(self, *, frontend: str) -> str:
        return f"{identity(self._options)} {frontend}"

    def scope(self, project: str) -> str:
        # A cache holds what earlier commits of a project left there, good or bad.
        return project if self._options.reuses_layers else ""

    def provides(self, frontend: str) -> bool:
        # The builder image decides; one that lacks it fails the build and says so.
        del frontend
        return True

    def remarks(self, kind: Kind) -> Sequence[Finding]:
        del kind
        return ()
