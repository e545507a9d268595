"""The volumes of a build's pod, and their mounts."""

from collections.abc import Mapping
from typing import Any, Final

from service.adapters.kubernetes.manifests.clone import secret_for
from service.adapters.kubernetes.manifests.names import cache_name
from service.adapters.kubernetes.options import KubernetesOptions
from service.domain.building.build import Build

__all__ = [
    "CACHE",
    "CREDENTIALS",
    "LAYERS",
    "METADATA",
    "PLATFORM",
    "REGISTRY",
    "WORKSPACE",
    "mount",
    "mount_cache",
    "mount_tmp",
    "volumes",
]

WORKSPACE: Final = "/workspace"
LAYERS: Final = "/layers"
METADATA: Final = "/metadata"
"""Files that phases pass on. The build phase mounts it read-only: code of a repository
must not change what export takes as the previous image, the run image, or the group of
buildpacks."""
PLATFORM: Final = "/platform"
REGISTRY: Final = "/registry"
CACHE: Final = "/cache"
CREDENTIALS: Final = "/git-credentials"

_NAMES: Final[Mapping[str, str]] = {
    WORKSPACE: "workspace",
    LAYERS: "layers",
    METADATA: "metadata",
    PLATFORM: "platform",
    REGISTRY: "registry",
    CACHE: "cache",
    CREDENTIALS: "git-credentials",
}
_SECRET_MODE: Final = 0o440
"""The mode of secret files: the pod's group may read them."""


def volumes(build: Build, options: KubernetesOptions) -> list[dict[str, Any]]:
    """Return the volumes of a build's pod."""
    entries = [
        _empty_dir("workspace", options.source_size),
        _empty_dir("layers", options.layers_size),
        # A limit for each: without one a build fills the node's disk, and the kubelet
        # evicts other pods to make room.
        _empty_dir("metadata", "64Mi"),
        _empty_dir("platform", "4Mi"),
        _empty_dir("tmp", options.tmp_size),
    ]
    if options.registry_secret:
        item = {"key": ".dockerconfigjson", "path": "config.json"}
        entries.append(_secret_volume("registry", options.registry_secret, item))
    if secret := secret_for(build.repository_url, options):
        items = [{"key": name, "path": name} for name in ("username", "password")]
        entries.append(_secret_volume("git-credentials", secret, *items))
    if options.cache_volume:
        claim = {"claimName": options.cache_volume}
        entries.append({"name": "cache", "persistentVolumeClaim": claim})
    return entries


def mount(path: str, *, is_read_only: bool = False) -> dict[str, Any]:
    """Return the mount of a volume at its path."""
    entry: dict[str, Any] = {"name": _NAMES[path], "mountPath": path}
    return {**entry, "readOnly": True} if is_read_only else entry


def mount_cache(build: Build) -> dict[str, Any]:
    """Return the mount of an environment's own cache directory."""
    return {**mount(CACHE), "subPath": cache_name(build)}


def mount_tmp(phase: str) -> dict[str, Any]:
    """Return the mount of a phase's own /tmp."""
    # Not shared: a file that a buildpack leaves there must not reach export.
    return {"name": "tmp", "mountPath": "/tmp", "subPath": phase}  # noqa: S108 - in the pod


def _empty_dir(name: str, size: str) -> dict[str, Any]:
    return {"name": name, "emptyDir": {"sizeLimit": size}}


def _secret_volume(name: str, secret: str, *items: Mapping[str, str]) -> dict[str, Any]:
    return {
        "name": name,
        "secret": {
            "secretName": secret,
            "defaultMode": _SECRET_MODE,
            "items": list(items),
        },
    }
