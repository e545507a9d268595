"""What a registry knows of an image, asked over its API.

https://github.com/opencontainers/distribution-spec/blob/main/spec.md
"""

import asyncio
import base64
import json
import re
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, Self

from aiohttp import (
    ClientError,
    ClientResponse,
    ClientSession,
    ClientTimeout,
    encode_basic_auth,
)

from service.errors import NotFoundError, PermanentError, TransientError

__all__ = ["Layer", "Manifest", "Reference", "Registry"]

ANSWER: Final = timedelta(seconds=15)
MOST: Final = 32 * 1024 * 1024
"""Bytes of a blob that is read: a bill of materials has a few thousand."""

_KINDS: Final = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
_PARAMETER: Final = re.compile(r'(\w+)="([^"]*)"')
_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}")
_OK: Final = 200
_UNAUTHORIZED: Final = 401
_NOT_FOUND: Final = 404


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """Where an image is."""

    host: str
    repository: str
    version: str
    """A tag or a digest."""

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Read `host/repository:tag` or `host/repository@digest`.

        Raises:
            PermanentError: It names no registry.
        """
        host, _, path = text.partition("/")
        if not path or not ("." in host or ":" in host or host == "localhost"):
            raise PermanentError(f"{text!r} names no registry before a slash")
        name, _, digest = path.partition("@")
        repository, _, tag = name.partition(":")
        return cls(host=host, repository=repository, version=digest or tag or "latest")

    def at(self, digest: str) -> str:
        """Return the text that names this content."""
        return f"{self.host}/{self.repository}@{digest}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """A blob of an image."""

    digest: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What an image consists of."""

    digest: str
    config: Layer
    layers: tuple[Layer, ...]

    @property
    def size(self) -> int:
        """Bytes to be fetched for the whole image."""
        return self.config.size + sum(it.size for it in self.layers)


class Registry:
    """Asks registries; anonymously, or as the credentials file says.

    Args:
        session: Sends requests.
        insecure: Hosts that are spoken to without TLS.
        credentials: A `config.json` of Docker's, read anew each time: it rotates.
    """

    def __init__(
        self,
        *,
        session: ClientSession,
        insecure: Collection[str],
        credentials: Path | None,
    ) -> None:
        self._session = session
        self._insecure = insecure
        self._credentials = credentials

    async def has(self, image: Reference) -> bool:
        """Say whether an image is there.

        Raises:
            TransientError: The registry did not say.
        """
        try:
            async with self._asked("HEAD", image, f"manifests/{image.version}"):
                return True
        except NotFoundError:
            return False

    async def digest(self, image: Reference) -> str:
        """Return the digest of what a tag names now; of several platforms, of all.

        https://github.com/opencontainers/distribution-spec/blob/main/spec.md#checking-if-content-exists-in-the-registry

        Raises:
            NotFoundError: There is no such image.
            TransientError: The registry did not say.
        """
        path = f"manifests/{image.version}"
        async with self._asked("HEAD", image, path) as answer:
            digest = answer.headers.get("Docker-Content-Digest", "")
            if not _DIGEST.fullmatch(digest):
                raise ValueError(f"no digest was told, but {digest[:80]!r}")
            return digest

    async def manifest(self, image: Reference) -> Manifest:
        """Return what an image consists of; of several platforms, the first.

        Raises:
            NotFoundError: There is no such image.
            TransientError: The registry did not say.
        """
        path = f"manifests/{image.version}"
        async with self._asked("GET", image, path) as answer:
            digest = answer.headers.get("Docker-Content-Digest", image.version)
            read = await _document(answer)
        if "manifests" in read:
            first = Reference(
                host=image.host,
                repository=image.repository,
                version=read["manifests"][0]["digest"],
            )
            inner = await self.manifest(first)
            return Manifest(digest=digest, config=inner.config, layers=inner.layers)
        return Manifest(
            digest=digest,
            config=_layer(read["config"]),
            layers=tuple(_layer(it) for it in read["layers"]),
        )

    async def blob(self, image: Reference, layer: Layer) -> bytes:
        """Return a blob of an image.

        Raises:
            NotFoundError: There is none, or it is too large to be read.
            TransientError: The registry did not say.
        """
        if layer.size > MOST:
            raise NotFoundError(f"{layer.digest} has {layer.size} bytes")
        async with self._asked("GET", image, f"blobs/{layer.digest}") as answer:
            return await answer.read()

    @asynccontextmanager
    async def _asked(
        self, method: str, image: Reference, path: str
    ) -> AsyncIterator[ClientResponse]:
        """Ask; and once more with what the registry wants to be shown."""
        scheme = "http" if image.host in self._insecure else "https"
        url = f"{scheme}://{image.host}/v2/{image.repository}/{path}"
        doing = f"asking {image.host} for {image.repository}/{path}"
        try:
            answer = await self._send(method, url, {})
            if answer.status == _UNAUTHORIZED:
                answer.release()
                wanted = answer.headers.get("WWW-Authenticate", "")
                answer = await self._send(method, url, await self._shown(image, wanted))
            async with answer:
                _expect_ok(answer, doing)
                yield answer
        except (ClientError, OSError, TimeoutError, ValueError, KeyError) as exc:
            text = str(exc) or type(exc).__name__
            raise TransientError(f"{doing}: {text}") from exc

    async def _shown(self, image: Reference, wanted: str) -> dict[str, str]:
        """Return the header that a registry asks for.

        https://distribution.github.io/distribution/spec/auth/token/
        """
        known = await asyncio.to_thread(_credential, self._credentials, image.host)
        if wanted.lower().startswith("basic"):
            return {"Authorization": known} if known else {}
        asked = dict(_PARAMETER.findall(wanted))
        realm = asked.pop("realm", "")
        if not realm.startswith(("https://", "http://")):
            return {}
        headers = {"Authorization": known} if known else {}
        async with await self._send("GET", realm, headers, asked) as answer:
            _expect_ok(answer, f"asking {realm} for a token")
            read = await _document(answer)
        return {"Authorization": f"Bearer {read.get('token') or read['access_token']}"}

    async def _send(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        parameters: Mapping[str, str] | None = None,
    ) -> ClientResponse:
        return await self._session.request(
            method,
            url,
            headers={"Accept": ", ".join(_KINDS), **headers},
            params=parameters,
            timeout=ClientTimeout(total=ANSWER.total_seconds()),
        )


def _expect_ok(answer: ClientResponse, doing: str) -> None:
    if answer.status == _NOT_FOUND:
        raise NotFoundError(f"{doing}: there is none")
    if answer.status != _OK:
        # Also when we are refused: an operator's doing, and nothing of the image's.
        raise TransientError(f"{doing}: {answer.status}")


async def _document(answer: ClientResponse) -> dict[str, Any]:
    read = json.loads(await answer.read())
    if not isinstance(read, dict):
        raise ValueError(f"an object was expected, not {str(read)[:50]}")  # noqa: TRY004 - of what was said, not of our types
    return read


def _layer(described: Mapping[str, Any]) -> Layer:
    return Layer(digest=str(described["digest"]), size=int(described["size"]))


def _credential(path: Path | None, host: str) -> str:
    """Read https://docs.docker.com/reference/cli/docker/login/#credential-stores."""
    if path is None:
        return ""
    known = json.loads(path.read_text()).get("auths", {}).get(host)
    if known is None:
        return ""
    if "auth" in known:
        user, _, password = base64.b64decode(known["auth"]).decode().partition(":")
        return encode_basic_auth(user, password, "utf-8")
    return encode_basic_auth(known["username"], known["password"], "utf-8")
