"""Read the outcome of a finished Job: an image by digest, or a classified failure."""

import asyncio
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import structlog
from pydantic import BaseModel, ConfigDict, Field

from service.adapters.kubernetes.client import Cluster, Json
from service.adapters.kubernetes.credentials.privacy import options_for
from service.adapters.kubernetes.diagnosis.diagnose import diagnose
from service.adapters.kubernetes.logs import read_tail
from service.adapters.kubernetes.manifests.names import target_image
from service.adapters.kubernetes.oci.references import ImageReference, Manifest
from service.adapters.kubernetes.oci.registry import Registry
from service.adapters.kubernetes.oci.sbom import find_sbom_layer, read_packages
from service.adapters.kubernetes.options import KubernetesOptions
from service.adapters.kubernetes.status.durations import measure_durations
from service.adapters.kubernetes.status.jobs import ended_at, has_succeeded
from service.adapters.kubernetes.status.phases import (
    PhaseRun,
    failed_phase,
    phases,
)
from service.domain.building.build import Build, Image, Package, PhaseTime
from service.domain.building.failure import Failure, FailureClass
from service.errors import NotFoundError, ServiceError
from service.ports.builder import Finished
from service.ports.time import Clock

__all__ = ["PATIENCE", "JobResult", "OutcomeReader"]

log = structlog.get_logger(__name__)

PATIENCE: Final = timedelta(minutes=10)
"""How long requests to a registry are retried before the build is given up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobResult:
    """A Job that ended or was given up, and the last known state of its pod."""

    job: Json
    pod: Json | None


class OutcomeReader:
    """Reads the outcomes of Jobs from the cluster and the registry.

    Each attempt has one; it holds no state.

    Args:
        cluster: The cluster of their pods and events.
        registry: The registry of their images.
        options: The options that they were created with.
        clock: The end of a Job that was given up.
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

    async def of(self, build: Build, ended: JobResult) -> Finished:
        """Read the outcome of a build's Job.

        Raises:
            TransientError: The image cannot be read from the registry now.
        """
        # The Job's own time: a process that takes over an hour later must report the
        # same end.
        at = ended_at(ended.job) or self._clock.now()
        outcome = (
            await self._image(build, ended, at)
            if has_succeeded(ended.job)
            else await self.failure(ended)
        )
        return Finished(outcome=outcome, at=at, phases=await self.times(ended))

    async def times(self, ended: JobResult) -> tuple[PhaseTime, ...]:
        """Measure the duration of the phases of a Job."""
        return await measure_durations(self._cluster, ended.pod)

    async def failure(self, ended: JobResult) -> Failure:
        """Diagnose why a Job failed, or why it will never finish."""
        job, pod = ended.job, ended.pod
        events = [
            *await self._list_events(job),
            *(await self._list_events(pod) if pod else ()),
        ]
        return diagnose(job, pod, await self._read_log(pod), events=events)

    async def entrypoint(self, image: Image) -> tuple[str, ...]:
        """Return the image's entrypoint and command, which sessions start by default.

        https://github.com/opencontainers/image-spec/blob/main/config.md

        Raises:
            NotFoundError: The image is gone, or its configuration is invalid.
            TransientError: The registry did not answer.
        """
        reference = ImageReference.from_text(image.reference)
        manifest = await self._registry.manifest(reference)
        try:
            read = _ImageConfig.model_validate(
                await self._registry.config(reference, manifest)
            )
        except ValueError as exc:
            raise NotFoundError(f"{image.reference} has no valid entrypoint") from exc
        return (*(read.config.entrypoint or ()), *(read.config.cmd or ()))

    async def _image(
        self, build: Build, ended: JobResult, at: datetime
    ) -> Image | Failure:
        export = _last_phase(ended.pod)
        # The lifecycle writes its report as the termination message. A runtime may drop
        # or cut that message: then the tag is known, and the registry knows the digest.
        digest, tag = _parse_report(export.message if export else "")
        reference = ImageReference.from_text(
            tag or target_image(build, options_for(build, self._options))
        )
        if digest:
            # By digest from here on: a tag may be moved by a later attempt between push
            # and read.
            reference = ImageReference.from_text(reference.at(digest))
        try:
            manifest = await self._registry.manifest(reference)
        except NotFoundError as exc:
            return Failure(
                kind=FailureClass.INTERNAL,
                message=f"the image was pushed, but its registry has none: {exc}",
            )
        return Image(
            reference=reference.at(digest or manifest.digest),
            size=manifest.size,
            packages=await self._read_packages(reference, manifest),
            built_at=(export.finished if export else None) or at,
            build_id=build.id,
        )

    async def _read_packages(
        self, image: ImageReference, manifest: Manifest
    ) -> tuple[Package, ...]:
        """Read the packages of an image; empty when it has no bill of materials."""
        try:
            index = find_sbom_layer(await self._registry.config(image, manifest))
            if index is None:
                return ()
            layer = await self._registry.blob(image, manifest.layers[index])
            return await asyncio.to_thread(read_packages, layer)
        except (NotFoundError, ValueError, LookupError) as exc:
            log.warning("packages unknown", image=image.repository, error=str(exc))
            # Packages are shown to people and decide nothing, so an image without them
            # is still good.
            return ()

    async def _read_log(self, pod: Json | None) -> str:
        """Read the end of the failed container's log."""
        failed = failed_phase(pod) if pod else None
        if pod is None or failed is None:
            return ""
        try:
            return await read_tail(self._cluster, pod["metadata"]["name"], failed.name)
        except ServiceError as exc:
            log.warning("end of log unknown", phase=failed.name, error=str(exc))
            return ""

    async def _list_events(self, about: Json) -> Sequence[Json]:
        """List the events of an object; none without the permission to read events."""
        try:
            return tuple(
                (await self._cluster.events(about["metadata"]["name"]))["items"]
            )
        except ServiceError as exc:
            log.debug("events unknown", error=str(exc))
            return ()


class _Command(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    entrypoint: tuple[str, ...] | None = Field(default=None, alias="Entrypoint")
    cmd: tuple[str, ...] | None = Field(default=None, alias="Cmd")


class _ImageConfig(BaseModel):
    """https://github.com/opencontainers/image-spec/blob/main/config.md."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    config: _Command = _Command()


def _last_phase(pod: Json | None) -> PhaseRun | None:
    return phases(pod)[-1] if pod else None


def _parse_report(text: str) -> tuple[str, str]:
    """Return digest and tag from the lifecycle's report; empty without a report.

    https://github.com/buildpacks/spec/blob/main/platform.md#reporttoml-toml
    """
    try:
        image = tomllib.loads(text).get("image", {})
    except tomllib.TOMLDecodeError:
        return "", ""
    tags = image.get("tags") or [""]
    return str(image.get("digest", "")), str(tags[0])
