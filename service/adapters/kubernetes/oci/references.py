"""What a registry holds: references, layers and manifests."""

from dataclasses import dataclass
from typing import Self

from service.errors import PermanentError

__all__ = ["ImageReference", "Layer", "Manifest", "Sent"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageReference:
    """The registry, repository and version of an image."""

    host: str
    repository: str
    version: str
    """A tag or a digest."""

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Parse `host/repository:tag` or `host/repository@digest`.

        Raises:
            PermanentError: It names no registry.
        """
        host, _, path = text.partition("/")
        if not path or not ("." in host or ":" in host or host == "localhost"):
            raise PermanentError(f"{text!r} names no registry before a slash")
        name, _, digest = path.partition("@")
        repository, _, tag = name.partition(":")
        return cls(host=host, repository=repository, version=digest or tag or "latest")

    def at(self, digest: str) -> str:
        """Return the reference of this repository by a digest."""
        return f"{self.host}/{self.repository}@{digest}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """The body of a request that writes to a registry."""

    body: bytes = b""
    media_type: str = "application/octet-stream"


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """A blob of an image."""

    digest: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """The manifest of an image: its configuration and layers."""

    digest: str
    config: Layer
    layers: tuple[Layer, ...]

    @property
    def size(self) -> int:
        """Return the size of the compressed image in bytes."""
        return self.config.size + sum(layer.size for layer in self.layers)
