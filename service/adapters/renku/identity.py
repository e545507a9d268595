"""What an upstream Renku builds, for roles that never build."""

from collections.abc import Collection, Mapping, Sequence

from service.domain.building.build import EnvironmentId
from service.domain.definition import Kind
from service.domain.findings import Finding
from service.domain.launcher import FRONTENDS

__all__ = ["RenkuIdentity"]


class RenkuIdentity:
    """Implement the port `BuilderIdentity`.

    Args:
        url: Of Renku.
    """

    def __init__(self, url: str) -> None:
        self._url = url

    def identity(self, *, frontend: str) -> str:
        del frontend
        # Renku does not publish which builder image it uses.
        return f"renku+{self._url}"

    def scope(self, project: str, environment: EnvironmentId) -> str:
        del project
        # Renku gives the image of a build to the environment that it was started for,
        # and to no other: each needs a build of its own.
        return environment

    def pull_secret(self, reference: str) -> str:
        del reference
        return ""

    def provides(self, frontend: str) -> bool:
        return frontend in FRONTENDS

    def builds_for(self, platform: str) -> bool:
        del platform
        return True

    def remarks(self, kind: Kind) -> Sequence[Finding]:
        del kind
        return ()

    def bases(self) -> Collection[str]:
        return ()

    def pin_bases(self, digests: Mapping[str, str]) -> None:
        del digests
