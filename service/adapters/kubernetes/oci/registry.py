"""Read images of a registry: manifests, configurations and blobs.

https://github.com/opencontainers/distribution-spec/blob/main/spec.md
"""

from contextlib import suppress
from dataclasses import replace
from typing import Any, Final

from aiohttp import ClientError
from yarl import URL

from service.adapters.kubernetes.oci.connection import ACCEPTED, RegistryConnection
from service.adapters.kubernetes.oci.references import ImageReference, Layer, Manifest
from service.adapters.kubernetes.oci.responses import (
    DIGEST,
    MOST_DOCUMENT,
    Described,
    ManifestRead,
    digest_of,
    parse_object,
    read_body,
)
from service.errors import NotFoundError, TransientError

__all__ = ["Registry"]

MOST: Final = 32 * 1024 * 1024
"""Bytes of a blob; a bill of materials has a few thousand."""


# A builder has one for images, and one more where signatures have credentials of their
# own. It caches nothing: tags move, and tokens last for minutes only.
class Registry(RegistryConnection):
    """Reads registries, anonymously or with the credentials of a file.

    Args:
        session: The HTTP client.
        insecure: Hosts without TLS.
        credentials: Docker's `config.json`, read for each request since it rotates.
    """

    async def has(self, image: ImageReference) -> bool:
        """Return whether an image exists.

        Raises:
            TransientError: The registry did not answer as expected.
        """
        try:
            async with self._request("HEAD", image, f"manifests/{image.version}"):
                return True
        except NotFoundError:
            return False

    async def digest(self, image: ImageReference) -> str:
        """Return the digest of a tag; for several platforms, that of their index.

        https://github.com/opencontainers/distribution-spec/blob/main/spec.md#checking-if-content-exists-in-the-registry

        Raises:
            NotFoundError: There is no such image.
            TransientError: The registry did not answer as expected.
        """
        path = f"manifests/{image.version}"
        async with self._request("HEAD", image, path) as answer:
            digest = answer.headers.get("Docker-Content-Digest", "")
            if not DIGEST.fullmatch(digest):
                raise ValueError(f"expected a digest, not {digest[:80]!r}")
            return digest

    async def manifest(self, image: ImageReference) -> Manifest:
        """Return the manifest of an image; for several platforms, the first one.

        Raises:
            NotFoundError: There is no such image.
            TransientError: The registry did not answer as expected.
        """
        digest, read = await self._read_manifest(image)
        if "manifests" in read:
            try:
                first = Described.model_validate(read["manifests"][0]).digest
            except (ValueError, LookupError, TypeError) as exc:
                raise _unreadable_error(image) from exc
            _, read = await self._read_manifest(replace(image, version=first))
        try:
            parsed = ManifestRead.model_validate(read)
        except ValueError as exc:  # also for an index in an index, which nobody makes
            raise _unreadable_error(image) from exc
        return Manifest(
            digest=digest,
            config=_to_layer(parsed.config),
            layers=tuple(_to_layer(layer) for layer in parsed.layers),
        )

    async def _read_manifest(self, image: ImageReference) -> tuple[str, dict[str, Any]]:
        """Read a manifest or an index; return its digest and content."""
        path = f"manifests/{image.version}"
        async with self._request("GET", image, path) as answer:
            body = await read_body(answer, most=MOST_DOCUMENT)
            header = answer.headers.get("Docker-Content-Digest", image.version)
            digest = header if DIGEST.fullmatch(header) else digest_of(body)
            # The header is not trusted: a registry, or a cache in front of it, may send
            # a body that has another digest than the header, or than what was asked
            # for.
            _verify_digest(body, digest)
            # Also against the digest that was asked for: a cache that serves another
            # image under this digest must not get into a launcher.
            if DIGEST.fullmatch(image.version):
                _verify_digest(body, image.version)
            return digest, parse_object(body)

    async def blob(
        self, image: ImageReference, layer: Layer, *, most: int = MOST
    ) -> bytes:
        """Read a blob of an image and verify its digest.

        Args:
            image: The image.
            layer: The descriptor of the blob.
            most: The size limit in bytes.

        Raises:
            NotFoundError: It does not exist, or exceeds the limit.
            TransientError: The registry did not answer as expected.
        """
        # By the manifest first, so that nothing is transferred. The manifest may lie,
        # hence the limit while reading as well.
        if layer.size > most:
            raise NotFoundError(f"{layer.digest} has {layer.size} bytes")
        async with self._request("GET", image, f"blobs/{layer.digest}") as answer:
            body = await read_body(answer, most=most)
            _verify_digest(body, layer.digest)
            return body

    async def config(self, image: ImageReference, manifest: Manifest) -> dict[str, Any]:
        """Read an image's configuration.

        https://github.com/opencontainers/image-spec/blob/main/config.md

        Raises:
            NotFoundError: It does not exist, or is not a JSON object.
            TransientError: The registry did not answer as expected.
        """
        raw = await self.blob(image, manifest.config, most=MOST_DOCUMENT)
        try:
            return parse_object(raw)
        except ValueError as exc:
            raise NotFoundError(
                f"{image.repository}@{manifest.digest} has no configuration: {exc}"
            ) from exc

    async def check_push_access(self, image: ImageReference) -> None:
        """Check that an image may be pushed to a repository, without pushing.

        An upload is started and cancelled, as the lifecycle's analyze phase does:
        https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pushing-a-blob-monolithically

        Raises:
            NotFoundError: The repository does not exist, and a push would not create
                it.
            TransientError: The registry denies it, or did not answer as expected.
        """
        path = "blobs/uploads/"
        async with self._request("POST", image, path, expected=ACCEPTED) as answer:
            location = URL(answer.headers.get("Location", ""), encoded=True)
            upload = answer.url.join(location)
            authorization = answer.request_info.headers.get("Authorization", "")
            is_same_origin = upload.origin() == answer.url.origin()
        # Registries may send uploads to another host, which must not get the
        # credentials.
        headers = (
            {"Authorization": authorization} if authorization and is_same_origin else {}
        )
        with suppress(ClientError, OSError, TimeoutError):
            (await self._send("DELETE", upload, headers)).release()


def _verify_digest(body: bytes, digest: str) -> None:
    if digest_of(body, like=digest) != digest:
        raise ValueError(f"the content does not have the digest {digest}")


def _unreadable_error(image: ImageReference) -> TransientError:
    where = f"{image.host}/{image.repository}:{image.version}"
    return TransientError(f"the manifest of {where} cannot be read")


def _to_layer(described: Described) -> Layer:
    return Layer(digest=described.digest, size=described.size)
