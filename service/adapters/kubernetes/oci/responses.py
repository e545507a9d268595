"""Read registry responses within limits.

The content of an image, including its bill of materials and labels, is untrusted, and a
JSON parser holds the interpreter's lock. So large responses are not read, and documents
with too many values are not parsed.
"""

import hashlib
import json
import re
from typing import Any, Final

from aiohttp import ClientResponse
from pydantic import BaseModel, ConfigDict, Field

__all__ = [
    "DIGEST",
    "MOST_DOCUMENT",
    "Described",
    "ManifestRead",
    "checked_json",
    "digest_of",
    "parse_object",
    "read_body",
]

DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}")
MOST_DOCUMENT: Final = 4 * 1024 * 1024
"""Bytes: "at least 4 megabytes" is what registries take of a manifest,
https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pushing-manifests"""
MOST_VALUES: Final = 300_000
"""Values in one document; the bill of an image with 5,000 packages has a third."""
_MARKS: Final = (b",", b"[", b"{")
_CHUNK: Final = 64 * 1024


class Described(BaseModel):
    """https://github.com/opencontainers/image-spec/blob/main/descriptor.md."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    digest: str = Field(pattern=f"^(?:{DIGEST.pattern})$")
    size: int = Field(default=0, ge=0, lt=2**63)


class ManifestRead(BaseModel):
    """https://github.com/opencontainers/image-spec/blob/main/manifest.md."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    config: Described
    layers: tuple[Described, ...]


async def read_body(answer: ClientResponse, *, most: int) -> bytes:
    """Read the body of a response.

    Raises:
        ValueError: It has more than `most` bytes.
    """
    # Counted while reading: Content-Length may be missing or wrong.
    body = bytearray()
    async for chunk in answer.content.iter_chunked(_CHUNK):
        body += chunk
        if len(body) > most:
            answer.close()
            raise ValueError(f"the response has more than {most} bytes")
    return bytes(body)


def digest_of(content: bytes, *, like: str = "sha256:") -> str:
    """Compute the digest of content, with the algorithm of another digest."""
    name = like.partition(":")[0]
    return f"{name}:{hashlib.new(name, content, usedforsecurity=False).hexdigest()}"


def checked_json(text: bytes) -> bytes:
    """Return JSON text unchanged, after a check that it is cheap to parse.

    Raises:
        ValueError: It holds too many values.
    """
    # Counting separators needs no parser; strings that contain some only overcount.
    values = sum(map(text.count, _MARKS))
    if values > MOST_VALUES:
        raise ValueError(f"{values} values in one document; at most {MOST_VALUES}")
    return text


def parse_object(text: bytes) -> dict[str, Any]:
    """Parse a JSON object.

    Raises:
        ValueError: It is not an object, or holds too many values.
    """
    try:
        read = json.loads(checked_json(text))
    # json has no limit of depth of its own, and a few kilobytes of brackets exceed the
    # interpreter's.
    except RecursionError as exc:
        raise ValueError("nested too deeply") from exc
    if not isinstance(read, dict):
        raise ValueError(f"an object was expected, not {str(read)[:50]!a}")  # noqa: TRY004 - a fault of the input, not of a type
    return read
