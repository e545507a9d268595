"""Attach signatures to an image: read the tagged manifest, add a layer, push it.

https://github.com/opencontainers/distribution-spec/blob/main/spec.md#push
"""

import json
from collections.abc import Collection, Mapping
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import quote

from aiohttp import ClientResponse
from pydantic import ValidationError

from service.adapters.kubernetes.oci.connection import RegistryRefusedError
from service.adapters.kubernetes.oci.references import ImageReference, Layer, Sent
from service.adapters.kubernetes.oci.registry import Registry
from service.adapters.kubernetes.oci.responses import (
    MOST_DOCUMENT,
    Described,
    digest_of,
    parse_object,
    read_body,
)
from service.adapters.kubernetes.signing.attachments import (
    MANIFEST,
    Attached,
    Attachment,
    tag_of,
)
from service.errors import NotFoundError, TransientError

__all__ = ["Pusher"]

Json = Mapping[str, Any]

_MOST: Final = 2**20
"""Bytes of one attachment; a statement has a few thousand."""
_TEMPORARY: Final = frozenset(
    {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS, *range(500, 600)}
)
"""Statuses of temporary errors."""
_MAX_ERROR: Final = 300
"""Characters of a registry's error message that are shown."""


class Pusher:
    """Reads and writes the signatures and attestations of images.

    Args:
        registry: A registry client whose credentials may push.
    """

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    async def attached(self, image: ImageReference, suffix: str) -> Attached:
        """Read the attachments of a digest under a suffix; there may be none.

        Raises:
            RegistryRefusedError: The registry denies access.
            TransientError: The registry did not answer as expected.
        """
        path = f"manifests/{tag_of(image.version, suffix)}"
        async with self._registry.request("GET", image, path) as answer:
            if answer.status == HTTPStatus.NOT_FOUND:
                return Attached()
            await _check_status(
                answer, {HTTPStatus.OK}, f"reading {_attachment_name(image, suffix)}"
            )
            read = parse_object(await read_body(answer, most=MOST_DOCUMENT))
        return Attached.from_manifest(read)

    async def content(self, image: ImageReference, layer: Json) -> bytes:
        """Read the content of a layer; empty if it is missing, malformed or too large.

        Raises:
            TransientError: The registry did not answer as expected.
        """
        try:
            descriptor = Described.model_validate(layer)
            blob = Layer(digest=descriptor.digest, size=descriptor.size)
            return await self._registry.blob(image, blob, most=_MOST)
        except (ValidationError, NotFoundError):
            return b""

    async def attach(
        self, image: ImageReference, suffix: str, before: Attached, new: Attachment
    ) -> None:
        """Add an attachment to the existing ones and push them.

        Raises:
            RegistryRefusedError: The registry denies access.
            TransientError: The registry did not accept it.
        """
        # Registries have no compare-and-set: of two concurrent writers the last one
        # wins. Only the leader signs, and it reads the manifest right before.
        after = before.with_attachment(new)
        # Blobs before the manifest: registries refuse a manifest that names a blob they
        # do not have.
        for data in (new.data, after.config()):
            await self._push_blob(image, data)
        path = f"manifests/{tag_of(image.version, suffix)}"
        sent = Sent(body=after.manifest(), media_type=MANIFEST)
        await self._write("PUT", image, path, sent)

    async def _push_blob(self, image: ImageReference, data: bytes) -> None:
        digest = digest_of(data)
        path = f"blobs/{digest}"
        async with self._registry.request("HEAD", image, path) as answer:
            if answer.status == HTTPStatus.OK:
                return
        # Two requests and not one POST with `digest=`: the distribution specification
        # lets registries ignore the single-request form.
        where = await self._write("POST", image, "blobs/uploads/", Sent())
        # The Location may carry the state of the upload in its query, which has to be
        # kept as it is.
        mark = "&" if "?" in where else "?"
        path = f"{where}{mark}digest={quote(digest, safe='')}"
        await self._write("PUT", image, path, Sent(body=data))

    async def _write(
        self, method: str, image: ImageReference, path: str, sent: Sent
    ) -> str:
        """Send a writing request; return the `Location` of the next one."""
        doing = f"pushing to {image.host}/{image.repository}"
        async with self._registry.request(method, image, path, sent) as answer:
            expected = {HTTPStatus.CREATED, HTTPStatus.ACCEPTED}
            await _check_status(answer, expected, doing)
            return answer.headers.get("Location", "")


def _attachment_name(image: ImageReference, suffix: str) -> str:
    return f"{image.host}/{image.repository}:{tag_of(image.version, suffix)}"


async def _check_status(
    answer: ClientResponse, expected: Collection[int], doing: str
) -> None:
    if answer.status in expected:
        return
    body = (await answer.content.read(_MAX_ERROR * 4)).decode("utf-8", "replace")
    text = f"{doing}: {answer.status}{_error_text(body)}"
    if answer.status in _TEMPORARY:
        raise TransientError(text)
    raise RegistryRefusedError(text)


def _error_text(body: str) -> str:
    """Return the message of a registry's error response, in one line.

    https://github.com/opencontainers/distribution-spec/blob/main/spec.md#error-codes
    """
    try:
        first = json.loads(body)["errors"][0]
        words = f"{first.get('code', '')}: {first.get('message', '')}".strip(": ")
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return ""
    return f" ({' '.join(words.split())[:_MAX_ERROR]})" if words else ""
