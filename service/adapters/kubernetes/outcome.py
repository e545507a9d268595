"""What became of a finished Job: an image by digest, or a failure with its class."""

import json
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import structlog

from service.adapters.kubernetes.client import Cluster, Json
from service.adapters.kubernetes.durations import measured
from service.adapters.kubernetes.explain import explained
from service.adapters.kubernetes.logs import tail
from service.adapters.kubernetes.names import target_image
from service.adapters.kubernetes.options import KubernetesOptions
from service.adapters.kubernetes.pods import (
    PhaseRun,
    failed_phase,
    phases,
)
from service.adapters.kubernetes.reading import ended_at, has_succeeded
from service.adapters.kubernetes.registry import Manifest, Reference, Registry
from service.adapters.kubernetes.sbom import bill_of, packages
from service.domain.build import Build, Image, Package, PhaseTime
from service.domain.failure import Failure, FailureClass
from service.errors import NotFoundError, ServiceError, TransientError
from service.ports.builder import Finished
from service.ports.time import Clock

__all__ = ["PATIENCE", "Ended", "Outcomes", "unanswered", "untried"]

log = structlog.get_logger(__name__)

PATIENCE: Final = timedelta(minutes=10)
"""How long a registry is asked in vain before the build is given up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A Job that ended, or never will, and the last that was seen of its pod."""

    job: Json
    pod: Json | None


class Outcomes:
    """Says what became of Jobs.

    Args:
        cluster: Where their pods are.
        registry: Where their images are.
        options: As which they were made.
        clock: Tells when a Job ended that did not end by itself.
    """

    def __init__(
        self,
        *,
        cluster: Cluster,
        registry: Registry,
        options: KubernetesOptions,
        clock: Clock,
    ) -> None:
        self._cluster = cluster
        self._registry = registry
        self._options = options
        self._clock = clock

    async def of(self, build: Build, ended: Ended) -> Finished:
        """Return the outcome of a build's Job.

        Raises:
            TransientError: The registry has to tell, and does not answer.
        """
        at = ended_at(ended.job) or self._clock.now()
        outcome = (
            await self._image(build, ended, at)
            if has_succeeded(ended.job)
            else await self.failure(ended)
        )
        return Finished(outcome=outcome, at=at, phases=await self.times(ended))

    async def times(self, ended: Ended) -> tuple[PhaseTime, ...]:
        """Return how long the phases of a Job took."""
        return await measured(self._cluster, ended.pod)

    async def failure(self, ended: Ended) -> Failure:
        """Return why a Job failed, or why it never will end."""
        job, pod = ended.job, ended.pod
        events = [*await self._events(job), *(await self._events(pod) if pod else ())]
        return explained(job, pod, await self._said(pod), events=events)

    async def entrypoint(self, image: Image) -> tuple[str, ...]:
        """Return what a session starts that is given no command: the image's own word.

        https://github.com/opencontainers/image-spec/blob/main/config.md

        Raises:
            NotFoundError: The image is gone, or cannot be read.
            TransientError: The registry did not say.
        """
        asked = Reference.from_text(image.reference)
        manifest = await self._registry.manifest(asked)
        try:
            read = json.loads(await self._registry.blob(asked, manifest.config))
        except ValueError as exc:
            raise NotFoundError(f"{image.reference} has no configuration") from exc
        about = read.get("config") or {}
        return (*(about.get("Entrypoint") or ()), *(about.get("Cmd") or ()))

    async def _image(self, build: Build, ended: Ended, at: datetime) -> Image | Failure:
        export = _last_phase(ended.pod)
        digest, tag = _reported(export.message if export else "")
        asked = Reference.from_text(tag or target_image(build, self._options))
        if digest:
            asked = Reference.from_text(asked.at(digest))
        try:
            manifest = await self._registry.manifest(asked)
        except NotFoundError as exc:
            return Failure(
                kind=FailureClass.INTERNAL,
                message=f"the image was pushed and is not there: {exc}",
            )
        return Image(
            reference=asked.at(digest or manifest.digest),
            size=manifest.size,
            packages=await self._packages(asked, manifest),
            built_at=(export.finished if export else None) or at,
            build_id=build.id,
        )

    async def _packages(
        self, image: Reference, manifest: Manifest
    ) -> tuple[Package, ...]:
        """Return what the image says it holds; an image need not say."""
        try:
            config = await self._registry.blob(image, manifest.config)
            place = bill_of(config)
            if place is None:
                return ()
            return packages(await self._registry.blob(image, manifest.layers[place]))
        except (NotFoundError, ValueError, LookupError) as exc:
            log.warning("packages unknown", image=image.repository, error=str(exc))
            return ()

    async def _said(self, pod: Json | None) -> str:
        """Return the end of what the container said that failed."""
        failed = failed_phase(pod) if pod else None
        if pod is None or failed is None:
            return ""
        try:
            return await tail(self._cluster, pod["metadata"]["name"], failed.name)
        except ServiceError as exc:
            log.warning("end of log unknown", phase=failed.name, error=str(exc))
            return ""

    async def _events(self, about: Json) -> Sequence[Json]:
        """Return what happened to an object; reading events is a right of its own."""
        try:
            return tuple(
                (await self._cluster.events(about["metadata"]["name"]))["items"]
            )
        except ServiceError as exc:
            log.debug("events unknown", error=str(exc))
            return ()


def _last_phase(pod: Json | None) -> PhaseRun | None:
    return phases(pod)[-1] if pod else None


def _reported(text: str) -> tuple[str, str]:
    """Return digest and tag from a report of the lifecycle; empty when it has none.

    https://github.com/buildpacks/spec/blob/main/platform.md#reporttoml-toml
    """
    try:
        image = tomllib.loads(text).get("image", {})
    except tomllib.TOMLDecodeError:
        return "", ""
    tags = image.get("tags") or [""]
    return str(image.get("digest", "")), str(tags[0])


def unanswered(exc: TransientError) -> Failure:
    """Return the failure of a build whose image nobody could be asked for."""
    return Failure(
        kind=FailureClass.NETWORK,
        message=f"the image was built, and its registry does not answer: {exc}",
    )


def untried(exc: ServiceError) -> Failure:
    """Return the failure of a build whose image could not be tried: nobody's fault."""
    return Failure(
        kind=FailureClass.INTERNAL,
        message=f"the image was built, and could not be tried: {exc}",
        hint="this is for an operator to mend; the build is tried again",
    )
