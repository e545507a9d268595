"""Send requests to a registry, and authenticate where it asks for it.

https://github.com/opencontainers/distribution-spec/blob/main/spec.md
"""

import asyncio
import re
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from ssl import SSLContext
from typing import Final, Literal
from urllib.parse import urljoin

from aiohttp import (
    ClientError,
    ClientResponse,
    ClientSession,
    ClientTimeout,
    TCPConnector,
)
from yarl import URL

from service.adapters.kubernetes.oci.credentials import credential
from service.adapters.kubernetes.oci.references import ImageReference, Sent
from service.adapters.kubernetes.oci.responses import (
    parse_object,
    read_body,
)
from service.errors import NotFoundError, TransientError

__all__ = ["ACCEPTED", "RegistryConnection", "RegistryRefusedError", "make_session"]

ANSWER: Final = timedelta(seconds=15)
_MOST_TOKEN: Final = 64 * 1024
"""Bytes of a token response."""

_KINDS: Final = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
_HOSTS: Final = {"docker.io": "registry-1.docker.io"}
"""API hosts of registries whose image names have another host: docker.io itself serves
a web site. https://github.com/distribution/reference/blob/main/normalize.go"""
_PARAMETER: Final = re.compile(r'(\w{1,40})="([^"]*)"')
_OK: Final = 200
ACCEPTED: Final = 202
_UNAUTHORIZED: Final = 401
_FORBIDDEN: Final = 403
_NOT_FOUND: Final = 404


def make_session(tls: SSLContext | Literal[True]) -> ClientSession:
    """Make an HTTP client for registries."""
    return ClientSession(
        connector=TCPConnector(ssl=tls),
        trust_env=True,
        # Blobs are redirected to storage, whose URLs are signed as they are written.
        requote_redirect_url=False,
    )


class RegistryRefusedError(TransientError):
    """A registry denies access; an operator has to grant it."""


class RegistryConnection:
    """Sends requests anonymously, or with the credentials of a file.

    Args:
        session: The HTTP client.
        insecure: Hosts without TLS.
        credentials: Docker's `config.json`, read for each request since it rotates.
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

    @asynccontextmanager
    async def request(
        self, method: str, image: ImageReference, path: str, sent: Sent | None = None
    ) -> AsyncIterator[ClientResponse]:
        """Send a request, authenticate if asked to, and yield the response.

        Args:
            method: The HTTP method.
            image: The image, for registry and repository.
            path: A path below the repository; or an absolute URL from the registry,
                which gets credentials only on the same host.
            sent: The body.

        Raises:
            TransientError: There was no response, or the block could not read it.
        """
        home = self._base_url(image)
        # `encoded`: a Location may contain escapes that are signed (S3), and yarl would
        # normalise them.
        url = URL(urljoin(f"{home}/v2/{image.repository}/", path), encoded=True)
        doing = f"asking {image.host} for {image.repository}/{path.partition('?')[0]}"
        try:
            answer = await self._send(method, url, {}, sent=sent)
            # Only for the registry itself: a Location on a storage host must not get
            # its credentials, even when it asks for some.
            if answer.status == _UNAUTHORIZED and str(url).startswith(f"{home}/"):
                answer.release()
                wanted = answer.headers.get("WWW-Authenticate", "")
                headers = await self._authorize(image, wanted)
                answer = await self._send(method, url, headers, sent=sent)
            async with answer:
                yield answer
        except (ClientError, OSError, TimeoutError, ValueError, KeyError) as exc:
            text = str(exc) or type(exc).__name__
            raise TransientError(f"{doing}: {text}") from exc

    @asynccontextmanager
    async def _request(
        self, method: str, image: ImageReference, path: str, *, expected: int = _OK
    ) -> AsyncIterator[ClientResponse]:
        """Send a request and expect one status."""
        doing = f"asking {image.host} for {image.repository}/{path}"
        async with self.request(method, image, path) as answer:
            _check_status(expected, answer, doing)
            yield answer

    def _base_url(self, image: ImageReference) -> str:
        scheme = "http" if image.host in self._insecure else "https"
        return f"{scheme}://{_HOSTS.get(image.host, image.host)}"

    async def _authorize(self, image: ImageReference, wanted: str) -> dict[str, str]:
        """Return the headers that answer an authentication challenge.

        https://distribution.github.io/distribution/spec/auth/token/
        """
        # Files of mounted Secrets may lie on a network volume; reading one must not
        # stop the loop.
        known = await asyncio.to_thread(
            credential, self._credentials, image.host, image.repository
        )
        if wanted.lower().startswith("basic"):
            return {"Authorization": known} if known else {}
        parameters = dict(_PARAMETER.findall(wanted))
        realm = parameters.pop("realm", "")
        # The realm comes from the registry: a password is never sent without TLS,
        # unless the registry itself is configured without it.
        if not realm.startswith("https://") and not (
            realm.startswith("http://") and image.host in self._insecure
        ):
            return {}
        headers = {"Authorization": known} if known else {}
        async with await self._send(
            "GET", realm, headers, parameters=parameters
        ) as answer:
            _check_status(_OK, answer, f"asking {realm} for a token")
            read = parse_object(await read_body(answer, most=_MOST_TOKEN))
        # Registries send either name, some both:
        # https://distribution.github.io/distribution/spec/auth/token/#token-response-fields
        return {"Authorization": f"Bearer {read.get('token') or read['access_token']}"}

    async def _send(
        self,
        method: str,
        url: str | URL,
        headers: Mapping[str, str],
        *,
        parameters: Mapping[str, str] | None = None,
        sent: Sent | None = None,
    ) -> ClientResponse:
        kind = {"Content-Type": sent.media_type} if sent else {}
        return await self._session.request(
            method,
            url,
            headers={"Accept": ", ".join(_KINDS), **kind, **headers},
            params=parameters,
            data=sent.body if sent else None,
            timeout=ClientTimeout(total=ANSWER.total_seconds()),
        )


def _check_status(status: int, answer: ClientResponse, doing: str) -> None:
    if answer.status == _NOT_FOUND:
        raise NotFoundError(f"{doing}: not found")
    if answer.status in {_UNAUTHORIZED, _FORBIDDEN}:
        # Missing permissions say nothing about the image: an operator has to grant
        # them.
        raise RegistryRefusedError(f"{doing}: {answer.status}")
    if answer.status != status:
        raise TransientError(f"{doing}: {answer.status}")
