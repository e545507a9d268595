"""Check from its labels whether a builder image is compatible.

Builders made by `pack` have the labels: https://github.com/buildpacks/spec/blob/main/\
platform.md#labels-1 has those of images, https://github.com/buildpacks/pack's builder
metadata the rest. An image without labels is used unchecked.
"""

import asyncio
import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

import structlog

from service.adapters.kubernetes.oci.references import ImageReference
from service.adapters.kubernetes.oci.registry import Registry
from service.domain.building.failure import Failure, FailureClass
from service.errors import NotFoundError, PermanentError, TransientError
from service.ports.time import Clock

__all__ = ["EXTENDS", "BuilderImageChecker", "find_incompatibility"]

log = structlog.get_logger(__name__)

EXTENDS: Final = (
    "the builder image has image extensions, which change images by Dockerfiles and "
    "need a phase that runs as root; builds here have no such phase"
)
CACHE_TTL: Final = timedelta(minutes=10)
"""How long a result is cached: tags move."""
TIME_LIMIT: Final = timedelta(seconds=3)
"""How long the start of a build waits for the check; then it goes on without."""
_EXTENSIONS: Final = "io.buildpacks.buildpack.order-extensions"
_METADATA: Final = "io.buildpacks.builder.metadata"


def find_incompatibility(
    labels: Mapping[str, Any], *, platform_api: str
) -> Failure | None:
    """Return why a builder image with these labels is incompatible; None otherwise."""
    if _parse_label(labels.get(_EXTENSIONS)):
        return Failure(
            kind=FailureClass.UNFIT_BUILDER,
            message=EXTENDS,
            hint="choose a builder image without image extensions",
        )
    supported = _read_platform_apis(_parse_label(labels.get(_METADATA)))
    if supported and platform_api not in supported:
        return Failure(
            kind=FailureClass.UNFIT_BUILDER,
            message="the builder image does not support platform API "
            f"{platform_api}, but {', '.join(supported)}",
            hint="set RELAUNCH_KUBERNETES_PLATFORM_API to one of them, 0.10 to 0.14",
        )
    return None


class BuilderImageChecker:
    """Checks builder images in their registry, and caches the results.

    The builder has one; its cache starts empty after a restart.

    Args:
        registry: The registry client.
        platform_api: The configured platform API.
        clock: Decides when a cached result is too old.
    """

    def __init__(self, *, registry: Registry, platform_api: str, clock: Clock) -> None:
        self._registry = registry
        self._platform_api = platform_api
        self._clock = clock
        self._cache: dict[str, tuple[datetime, Failure | None]] = {}

    async def find_incompatibility(self, image: str) -> Failure | None:
        """Return why a builder image is incompatible; None when it is not known."""
        now = self._clock.now()
        known = self._cache.get(image)
        if known is None or now - known[0] >= CACHE_TTL:
            known = (now, await self._check(image))
            # Failures to read are cached as well (None): each start would otherwise
            # wait TIME_LIMIT for a registry that this process cannot reach.
            self._cache[image] = known
        return known[1]

    async def _check(self, image: str) -> Failure | None:
        try:
            reference = ImageReference.from_text(image)
            async with asyncio.timeout(TIME_LIMIT.total_seconds()):
                manifest = await self._registry.manifest(reference)
                config = await self._registry.config(reference, manifest)
            labels = (config.get("config") or {}).get("Labels") or {}
            return find_incompatibility(labels, platform_api=self._platform_api)
        except (
            NotFoundError,
            PermanentError,
            TransientError,
            TimeoutError,
            ValueError,
            LookupError,
            AttributeError,
        ) as exc:
            # Nodes may reach a registry that this process cannot, and the build itself
            # fails with a clear error when the image does not fit.
            log.info("builder image unknown", image=image, error=str(exc))
            return None


def _parse_label(text: object) -> object:
    try:
        return json.loads(text) if isinstance(text, str) and text else None
    except (ValueError, RecursionError):
        return None


def _read_platform_apis(metadata: object) -> tuple[str, ...]:
    """Return the platform APIs of a builder's lifecycle; empty when unknown."""
    inner = metadata
    for name in ("lifecycle", "apis", "platform"):
        inner = inner.get(name) if isinstance(inner, dict) else None
    if not isinstance(inner, dict):
        return ()
    return tuple(
        str(version)
        for name in ("deprecated", "supported")
        for version in inner.get(name) or ()
    )
