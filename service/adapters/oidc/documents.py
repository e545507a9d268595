"""Documents of an OpenID provider, fetched with limits.

https://openid.net/specs/openid-connect-discovery-1_0.html
"""

import json
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp

__all__ = [
    "MOST_BYTES",
    "check_issuer",
    "endpoint",
    "fetch_discovery",
    "fetch_document",
    "read_object",
]

DISCOVERY: Final = "/.well-known/openid-configuration"
MOST_BYTES: Final = 256 * 1024
"""Of a document; Keycloak's have 2 to 10 KB."""


async def fetch_discovery(
    session: aiohttp.ClientSession, issuer: str
) -> Mapping[str, Any]:
    """Fetch a provider's description of itself; raises as `fetch_document`."""
    return await fetch_document(session, issuer.rstrip("/") + DISCOVERY)


async def fetch_document(session: aiohttp.ClientSession, url: str) -> Mapping[str, Any]:
    """Fetch a JSON object, without redirects.

    Raises:
        ValueError: The answer is something else, or too large.
        aiohttp.ClientError: There is none.
    """
    async with session.get(url, allow_redirects=False) as response:
        if response.status != 200:  # noqa: PLR2004 - OK
            raise ValueError(f"{url} answers {response.status}")
        return await read_object(response, url)


async def read_object(response: aiohttp.ClientResponse, url: str) -> Mapping[str, Any]:
    """Read an answer that is a JSON object; raises as `fetch_document`."""
    raw = await response.content.read(MOST_BYTES + 1)
    # One read may return less than all; the rest decides only about size.
    while len(raw) <= MOST_BYTES and not response.content.at_eof():
        raw += await response.content.read(MOST_BYTES + 1)
    if len(raw) > MOST_BYTES:
        raise ValueError(f"{url} answers more than {MOST_BYTES // 1024} KiB")
    try:
        read = json.loads(raw)
    except RecursionError as exc:
        raise ValueError(f"{url} answers JSON that is nested too deeply") from exc
    if not isinstance(read, dict):
        raise ValueError(f"{url} answers no JSON object")  # noqa: TRY004 - a reply
    return read


def check_issuer(document: Mapping[str, Any], issuer: str) -> None:
    """Refuse the document of another issuer.

    Raises:
        ValueError: It is another issuer's.
    """
    # A document of another issuer would have its keys trusted as this one's:
    # https://openid.net/specs/openid-connect-discovery-1_0.html#IssuerMixUp
    if document.get("issuer") != issuer:
        raise ValueError(
            f"its document states the issuer {str(document.get('issuer'))[:200]!r}"
        )


def endpoint(document: Mapping[str, Any], name: str, *, issuer: str) -> str:
    """Return an address that a document names.

    Raises:
        ValueError: There is none, or it is less protected than the issuer's.
    """
    url = document.get(name)
    plain = {"https", urlsplit(issuer).scheme}
    if not isinstance(url, str) or urlsplit(url).scheme not in plain:
        raise ValueError(f"its {name} is {str(url)[:200]!r}; expected https://…")
    return url
