"""Remove images from their registry, with their signatures and attestations."""

from dataclasses import replace
from http import HTTPStatus
from typing import Final

from service.adapters.kubernetes.oci.connection import RegistryRefusedError
from service.adapters.kubernetes.oci.references import ImageReference
from service.adapters.kubernetes.oci.registry import Registry
from service.adapters.kubernetes.oci.responses import DIGEST
from service.adapters.kubernetes.signing.attachments import (
    ATTESTATION,
    SIGNATURE,
    tag_of,
)
from service.errors import NotFoundError, TransientError

__all__ = ["remove_manifest", "remove_signed_image"]

_GONE: Final = frozenset(
    {HTTPStatus.OK, HTTPStatus.ACCEPTED, HTTPStatus.NO_CONTENT, HTTPStatus.NOT_FOUND}
)
_NO_DELETION: Final = frozenset(
    {HTTPStatus.BAD_REQUEST, HTTPStatus.METHOD_NOT_ALLOWED, HTTPStatus.NOT_IMPLEMENTED}
)
_REFUSED: Final = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})


async def remove_signed_image(registry: Registry, image: ImageReference) -> bool:
    """Remove an image by its digest; return False where the registry deletes nothing.

    Raises:
        RegistryRefusedError: The credentials do not allow it.
        TransientError: The registry did not answer as expected.
    """
    # Signatures first: without its image nobody finds them any more.
    for suffix in (SIGNATURE, ATTESTATION):
        tag = tag_of(image.version, suffix)
        await remove_manifest(registry, replace(image, version=tag))
    return await remove_manifest(registry, image)


async def remove_manifest(registry: Registry, image: ImageReference) -> bool:
    """Delete a manifest by its digest or tag; what is not there is no error.

    https://github.com/opencontainers/distribution-spec/blob/main/spec.md#deleting-manifests
    Blobs go with the registry's own garbage collection. Returns False where the
    registry deletes nothing, and raises as `remove_signed_image`.
    """
    try:
        # By digest: few registries delete by tag, and those delete the tag alone.
        is_digest = DIGEST.fullmatch(image.version) is not None
        digest = image.version if is_digest else await registry.digest(image)
    except NotFoundError:
        return True
    async with registry.request("DELETE", image, f"manifests/{digest}") as answer:
        status = answer.status
    if status in _NO_DELETION:
        return False
    if status in _GONE:
        return True
    doing = f"deleting {image.at(digest)}: {status}"
    if status in _REFUSED:
        raise RegistryRefusedError(doing)
    raise TransientError(doing)
