"""What environments can be built as here, for whoever offers a choice."""

from dataclasses import dataclass
from typing import Final, Self

from service.domain.launcher import FRONTENDS_OF
from service.ports.builder import BuilderIdentity

__all__ = ["BuildOptions"]

PLATFORMS: Final = ("linux/amd64", "linux/arm64")
"""Renku's."""
BUILT: Final = ("python",)
"""Renku's builder variants whose definitions are read here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildOptions:
    """What this installation takes for each of Renku's build parameters."""

    builders: tuple[str, ...]
    frontends: tuple[str, ...]
    platforms: tuple[str, ...]

    @classmethod
    def of(cls, builder: BuilderIdentity) -> Self:
        """Ask a builder what it makes."""
        named = [name for built in BUILT for name in FRONTENDS_OF[built]]
        return cls(
            builders=BUILT,
            frontends=tuple(name for name in named if builder.provides(name)),
            platforms=tuple(name for name in PLATFORMS if builder.builds_for(name)),
        )
