"""Resource pools: what sessions may take, as Renku has them."""

from dataclasses import dataclass

__all__ = ["ResourceClass", "ResourcePool"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceClass:
    """What a session gets."""

    id: int
    name: str
    cpu: float
    """Cores."""
    memory: int
    """GB."""
    gpu: int = 0
    max_storage: int
    """GB."""
    default_storage: int
    is_default: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourcePool:
    """Classes of resources."""

    id: int
    name: str
    classes: tuple[ResourceClass, ...]
    platform: str = "linux/amd64"
    """What its machines run; pages compare it with what an image runs on."""
    is_default: bool = False
