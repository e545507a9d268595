"""The signing step: a build succeeds only when its image is signed."""

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, Protocol

import structlog
from aiohttp import ClientSession

from service.adapters.kubernetes.client import Json
from service.adapters.kubernetes.oci.connection import RegistryRefusedError
from service.adapters.kubernetes.oci.references import ImageReference
from service.adapters.kubernetes.oci.registry import Registry
from service.adapters.kubernetes.signing.keys import SigningKey
from service.adapters.kubernetes.signing.materials import (
    builder_image,
    previous_image,
    run_image,
)
from service.adapters.kubernetes.signing.provenance import ProvenanceFacts, to_statement
from service.adapters.kubernetes.signing.pushing import Pusher
from service.adapters.kubernetes.signing.signer import Signer
from service.adapters.kubernetes.status.jobs import began_at
from service.adapters.kubernetes.status.result import PATIENCE
from service.adapters.retry import with_retries
from service.domain.building.build import Build, Image
from service.domain.building.failure import Failure, FailureClass
from service.errors import NotFoundError, ServiceError, TransientError
from service.ports.time import Clock

__all__ = [
    "Author",
    "ImageSigning",
    "NoSigning",
    "Signing",
    "SigningOptions",
    "SigningRequest",
    "create_signing",
]

log = structlog.get_logger(__name__)

_HINT: Final = "an operator has to fix this; no launcher uses the image before"


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningRequest:
    """An image to sign, and the Job that built it."""

    build: Build
    image: Image
    read_job: Callable[[], Awaitable[Json]]
    """Reads the whole Job from the cluster; the informer caches only some fields."""
    pod: Json | None
    finished: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Author:
    """The builder that provenance names."""

    builder_id: str
    version: str
    """The version of this service."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningOptions:
    """The operator's options for signing."""

    key: SigningKey
    author: Author | None
    """The builder in the provenance; None for no provenance."""
    credentials: Path | None
    """Docker's `config.json` that may push to the repositories of images."""


class Signing(Protocol):
    """Signs images before their build counts as succeeded."""

    async def failure(
        self, request: SigningRequest, report: Callable[[Failure | None], None]
    ) -> Failure | None:
        """Sign an image; return why that failed, None on success.

        Args:
            request: The image.
            report: Called with the current error while signing is retried.
        """
        ...

    async def has_signed(self, image: ImageReference) -> bool:
        """Return whether launchers may use an image.

        Raises:
            TransientError: The registry did not answer as expected.
        """
        ...


class NoSigning:
    """Signs nothing, and accepts unsigned images."""

    async def failure(
        self, request: SigningRequest, report: Callable[[Failure | None], None]
    ) -> Failure | None:
        """Return None: there is nothing to sign."""
        del request, report
        return None

    async def has_signed(self, image: ImageReference) -> bool:
        """Return True for every image."""
        del image
        return True


# One per builder, shared by all attempts. An attempt that is repeated by another
# process signs again, which changes nothing where it was signed before.
class ImageSigning:
    """Signs images, and retries while their registry does not accept it.

    Args:
        signer: Signs and attests.
        registry: The registry client, for configurations of images.
        author: The builder in the provenance; None for no provenance.
        clock: Limits the time of retries.
    """

    def __init__(
        self, *, signer: Signer, registry: Registry, author: Author | None, clock: Clock
    ) -> None:
        self._signer = signer
        self._registry = registry
        self._author = author
        self._clock = clock

    async def failure(
        self, request: SigningRequest, report: Callable[[Failure | None], None]
    ) -> Failure | None:
        """Sign an image; return why that failed, None on success."""
        # The build holds its slot meanwhile: a registry that is away for longer gives
        # the build back to the queue, and the image is built again from its cached
        # layers.
        given_up_at = self._clock.now() + PATIENCE

        async def attempt() -> None:
            try:
                await self._sign(request)
            except TransientError as exc:
                report(_signing_failure(exc))
                raise

        try:
            await with_retries(
                attempt,
                on=TransientError,
                failed=lambda error: log.warning("signature waits", error=error),
                until=lambda: self._clock.now() > given_up_at,
            )
        except ServiceError as exc:
            return _signing_failure(exc)
        finally:
            # Whatever the end: a hindrance that stays would be shown beside a build
            # that succeeded.
            report(None)
        return None

    async def has_signed(self, image: ImageReference) -> bool:
        """Return whether an image has our signature."""
        return await self._signer.is_signed(image)

    async def _sign(self, request: SigningRequest) -> None:
        """Attach the provenance, then the signature."""
        # In this order, a signed image always has its provenance, even when the process
        # dies in between: the next one finds it unsigned and does both again.
        image = ImageReference.from_text(request.image.reference)
        if self._author is not None:
            statement = await self._create_statement(request, image, self._author)
            await self._signer.attest(image, statement)
        await self._signer.sign(image)

    async def _create_statement(
        self, request: SigningRequest, image: ImageReference, author: Author
    ) -> bytes:
        job = await request.read_job()
        facts = ProvenanceFacts(
            build=request.build,
            image=request.image.reference,
            builder_image=builder_image(job, request.pod),
            run_image=run_image(job, await self._read_config(image)),
            previous_image=previous_image(job),
            started=began_at(job) or request.finished,
            finished=request.finished,
        )
        return to_statement(facts, builder_id=author.builder_id, version=author.version)

    async def _read_config(self, image: ImageReference) -> Json:
        manifest = await self._registry.manifest(image)
        return await self._registry.config(image, manifest)


def create_signing(
    chosen: SigningOptions | None,
    session: ClientSession,
    *,
    insecure: Collection[str],
    clock: Clock,
) -> Signing:
    """Create the signing step; one that signs nothing without options."""
    if chosen is None:
        return NoSigning()
    registry = Registry(
        session=session, insecure=insecure, credentials=chosen.credentials
    )
    return ImageSigning(
        signer=Signer(pusher=Pusher(registry), key=chosen.key),
        registry=registry,
        author=chosen.author,
        clock=clock,
    )


def _signing_failure(exc: ServiceError) -> Failure:
    return Failure(
        kind=_classify_error(exc),
        message=f"the image was built, but could not be signed: {exc}",
        hint=_HINT,
    )


def _classify_error(exc: ServiceError) -> FailureClass:
    if isinstance(exc, RegistryRefusedError | NotFoundError):
        return FailureClass.REGISTRY_REFUSED
    is_temporary = isinstance(exc, TransientError)
    return FailureClass.NETWORK if is_temporary else FailureClass.INTERNAL
