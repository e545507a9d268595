"""Whether a builder image is one that builds here, by what it says of itself.

Builders that `pack` makes say it in labels: https://github.com/buildpacks/spec/blob/main/\
platform.md#labels-1 has those of images, https://github.com/buildpacks/pack's builder
metadata the rest. What says nothing is tried.
"""

import asyncio
import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

import structlog

from service.adapters.kubernetes.registry import Reference, Registry
from service.domain.failure import Failure, FailureClass
from service.errors import NotFoundError, PermanentError, TransientError
from service.ports.time import Clock

__all__ = ["EXTENDS", "Suitability", "unfit"]

log = structlog.get_logger(__name__)

EXTENDS: Final = (
    "the builder image has image extensions, which change images by Dockerfiles and "
    "need a phase that runs as root; builds here have none"
)
KNOWN_FOR: Final = timedelta(minutes=10)
"""How long an answer holds: tags move."""
PATIENCE: Final = timedelta(seconds=3)
"""How long a start waits to be told: it goes on without."""
_EXTENSIONS: Final = "io.buildpacks.buildpack.order-extensions"
_METADATA: Final = "io.buildpacks.builder.metadata"


def unfit(labels: Mapping[str, Any], *, platform_api: str) -> Failure | None:
    """Say why a builder image with these labels is of no use; None when it may be."""
    if _read(labels.get(_EXTENSIONS)):
        return Failure(
            kind=FailureClass.UNFIT_BUILDER,
            message=EXTENDS,
            hint="choose a builder image without image extensions",
        )
    spoken = _platform_apis(_read(labels.get(_METADATA)))
    if spoken and platform_api not in spoken:
        return Failure(
            kind=FailureClass.UNFIT_BUILDER,
            message="the builder image does not speak platform API "
            f"{platform_api}, but {', '.join(spoken)}",
            hint="set RELAUNCH_KUBERNETES_PLATFORM_API to one of them, 0.10 to 0.14",
        )
    return None


class Suitability:
    """What is known of builder images.

    Args:
        registry: Who is asked.
        platform_api: What is spoken with lifecycles.
        clock: Tells when to ask again.
    """

    def __init__(self, *, registry: Registry, platform_api: str, clock: Clock) -> None:
        self._registry = registry
        self._platform_api = platform_api
        self._clock = clock
        self._known: dict[str, tuple[datetime, Failure | None]] = {}

    async def unfit(self, image: str) -> Failure | None:
        """Say why a builder image is of no use; None also when nobody can tell."""
        now = self._clock.now()
        known = self._known.get(image)
        if known is None or now - known[0] >= KNOWN_FOR:
            known = (now, await self._asked(image))
            self._known[image] = known
        return known[1]

    async def _asked(self, image: str) -> Failure | None:
        try:
            reference = Reference.from_text(image)
            async with asyncio.timeout(PATIENCE.total_seconds()):
                manifest = await self._registry.manifest(reference)
                said = await self._registry.blob(reference, manifest.config)
            config = json.loads(said)
            labels = (config.get("config") or {}).get("Labels") or {}
            return unfit(labels, platform_api=self._platform_api)
        except (
            NotFoundError,
            PermanentError,
            TransientError,
            TimeoutError,
            ValueError,
            LookupError,
            AttributeError,
        ) as exc:
            # The nodes may reach a registry that we do not.
            log.info("builder image unknown", image=image, error=str(exc))
            return None


def _read(text: object) -> object:
    try:
        return json.loads(text) if isinstance(text, str) and text else None
    except ValueError:
        return None


def _platform_apis(metadata: object) -> tuple[str, ...]:
    """Return the platform APIs of a builder's lifecycle; empty when it does not say."""
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
