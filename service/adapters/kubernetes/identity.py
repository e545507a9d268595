"""What builds in a cluster, for those who never build."""

from service.adapters.kubernetes.names import identity
from service.adapters.kubernetes.options import KubernetesOptions

__all__ = ["KubernetesIdentity"]


class KubernetesIdentity:
    """Implements the port `Named`, and needs no cluster for it."""

    def __init__(self, options: KubernetesOptions) -> None:
        self._options = options

    def identity(self, *, frontend: str) -> str:
        return f"{identity(self._options)} {frontend}"
