"""Opens the client of an OpenID provider."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Final

import aiohttp

from service.adapters.oidc.keys import SigningKeys
from service.adapters.oidc.provider import OidcOptions, OidcProvider
from service.adapters.oidc.sign_in import OidcClient, OidcSignIn
from service.certificates import tls_of
from service.ports.identity import Identities, NoSignInProvider
from service.ports.time import Clock

__all__ = ["open_oidc"]

_CONNECTIONS: Final = 8
"""At once: two for keys, the others for people who sign in."""


@asynccontextmanager
async def open_oidc(
    options: OidcOptions,
    *,
    clock: Clock,
    environment: Mapping[str, str],
    kept: timedelta,
    pause: timedelta,
    client: OidcClient | None = None,
) -> AsyncIterator[Identities]:
    """Open a client of a provider; nothing is fetched before somebody needs it.

    Args:
        options: What tokens have to state.
        clock: The current time.
        environment: Names the certificates to trust, and proxies.
        kept: How long keys are kept, and what the provider states of itself.
        pause: The shortest time between two attempts to fetch keys.
        client: This installation as the provider knows it; None where nobody signs in
            on the page by it.
    """
    connector = aiohttp.TCPConnector(ssl=tls_of(environment), limit=_CONNECTIONS)
    # What the provider sets while one person signs in is never sent for the next one.
    jar = aiohttp.DummyCookieJar()
    async with aiohttp.ClientSession(
        connector=connector, cookie_jar=jar, trust_env=True
    ) as session:
        keys = SigningKeys(
            session=session, issuer=options.issuer, clock=clock, kept=kept, pause=pause
        )
        tokens = OidcProvider(keys=keys, options=options)
        if client is None:
            yield Identities(tokens=tokens, sign_in=NoSignInProvider())
            return
        sign_in = OidcSignIn(
            session=session,
            issuer=options.issuer,
            client=client,
            verifier=tokens,
            clock=clock,
            kept=kept,
            pause=pause,
        )
        yield Identities(tokens=tokens, sign_in=sign_in)
