"""The client of an upstream Renku, by the settings."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import aiohttp

from service.adapters.renku.access_tokens import (
    AccessTokens,
    ClientTokens,
    FixedToken,
)
from service.adapters.renku.client import RenkuClient
from service.adapters.renku.shared_tokens import SharedTokens
from service.adapters.renku.token_endpoint import OAuthClient, TokenEndpoint
from service.certificates import tls_of
from service.domain.hook import Secret
from service.ports.store import Store
from service.ports.time import Clock
from service.settings import Settings, passed_to_builds

__all__ = ["open_upstream"]

REALM: Final = "/auth/realms/Renku/protocol/openid-connect/token"
"""Of the Keycloak that comes with Renku's chart."""


@asynccontextmanager
async def open_upstream(
    settings: Settings, *, store: Store | None, clock: Clock
) -> AsyncIterator[RenkuClient | None]:
    """Open the client, and close it after the block; None without an upstream.

    Args:
        settings: They select it.
        store: Holds what a refresh token was replaced by; None only without one.
        clock: The current time.
    """
    url = settings.upstream
    if url is None:
        yield None
        return
    connector = aiohttp.TCPConnector(ssl=tls_of(passed_to_builds(settings)), limit=8)
    async with aiohttp.ClientSession(connector=connector, trust_env=True) as session:
        tokens = _tokens(settings, url, session=session, store=store, clock=clock)
        yield RenkuClient(session=session, url=url, tokens=tokens)


def _tokens(
    settings: Settings,
    url: str,
    *,
    session: aiohttp.ClientSession,
    store: Store | None,
    clock: Clock,
) -> AccessTokens:
    given = settings.renku
    if given.token is not None:
        return FixedToken(Secret(given.token.get_secret_value()))
    secret, refresh = given.client_secret, given.refresh_token
    client = OAuthClient(
        token_url=given.token_url or url + REALM,
        client_id=given.client_id or "",
        client_secret=Secret(secret.get_secret_value()) if secret else None,
        refresh_token=Secret(refresh.get_secret_value()) if refresh else None,
    )
    endpoint = TokenEndpoint(session=session, client=client, clock=clock)
    if client.refresh_token is None:
        return ClientTokens(endpoint=endpoint, clock=clock)
    assert store is not None
    return SharedTokens(
        endpoint=endpoint,
        configured=client.refresh_token,
        account=f"{client.token_url} {client.client_id}",
        store=store,
        clock=clock,
    )
