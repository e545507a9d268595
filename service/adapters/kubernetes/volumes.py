"""Where phases keep things, and which of them sees what."""

from collections.abc import Mapping
from typing import Any, Final

from service.adapters.kubernetes.clone import secret_for
from service.adapters.kubernetes.names import cache_name
from service.adapters.kubernetes.options import KubernetesOptions
from service.domain.build import Build

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
"""What phases tell each other. The build phase reads it and cannot write there: the
code of a repository has no say in what export takes for the previous image, for the run
image or for the buildpacks that took part."""
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
_OURS_ONLY: Final = 0o440
"""Of secret files: the pod's group reads them."""


def volumes(build: Build, options: KubernetesOptions) -> list[dict[str, Any]]:
    """Return the volumes of a build's pod."""
    found = [
        _folder("workspace", options.source_size),
        _folder("layers", options.layers_size),
        _folder("metadata", "64Mi"),
        _folder("platform", "4Mi"),
        _folder("tmp", options.tmp_size),
    ]
    if options.registry_secret:
        item = {"key": ".dockerconfigjson", "path": "config.json"}
        found.append(_secret("registry", options.registry_secret, item))
    if secret := secret_for(build.repository_url, options):
        items = [{"key": it, "path": it} for it in ("username", "password")]
        found.append(_secret("git-credentials", secret, *items))
    if options.cache_volume:
        claim = {"claimName": options.cache_volume}
        found.append({"name": "cache", "persistentVolumeClaim": claim})
    return found


def mount(path: str, *, is_read_only: bool = False) -> dict[str, Any]:
    """Mount one of the volumes where it belongs."""
    found: dict[str, Any] = {"name": _NAMES[path], "mountPath": path}
    return {**found, "readOnly": True} if is_read_only else found


def mount_cache(build: Build) -> dict[str, Any]:
    """Mount the folder of the environment's own cache."""
    return {**mount(CACHE), "subPath": cache_name(build)}


def mount_tmp(phase: str) -> dict[str, Any]:
    """Mount a /tmp of the phase's own: what buildpacks leave there ends with them."""
    return {"name": "tmp", "mountPath": "/tmp", "subPath": phase}  # noqa: S108 - in the pod


def _folder(name: str, size: str) -> dict[str, Any]:
    return {"name": name, "emptyDir": {"sizeLimit": size}}


def _secret(name: str, secret: str, *items: Mapping[str, str]) -> dict[str, Any]:
    return {
        "name": name,
        "secret": {
            "secretName": secret,
            "defaultMode": _OURS_ONLY,
            "items": list(items),
        },
    }
