"""An installation whose people are a provider's."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

from service.adapters.clock import SystemClock
from service.adapters.oidc.opening import open_oidc
from service.adapters.oidc.provider import OidcOptions
from service.adapters.oidc.sign_in import OidcClient
from service.domain.hook import Secret
from service.ports.time import Clock
from tests.support.api import Api, a_table_bus, serving
from tests.support.oidc.process import (
    AUDIENCE,
    CLIENT_ID,
    CLIENT_SECRET,
    RunningProvider,
)
from tests.support.world import a_world

CLOCK = SystemClock()


def a_client(*, secret: str | None = CLIENT_SECRET) -> OidcClient:
    """Return the installation as the provider has it registered."""
    return OidcClient(
        id=CLIENT_ID,
        secret=None if secret is None else Secret(secret),
        scopes=("openid", "profile"),
        name="the university",
    )


@asynccontextmanager
async def an_installation(
    idp: RunningProvider,
    folder: Path,
    *,
    client: OidcClient | None = None,
    pause: timedelta = timedelta(milliseconds=1),
    clock: Clock = CLOCK,
) -> AsyncIterator[Api]:
    """Serve a world whose people are the provider's."""
    given = OidcOptions(
        issuer=idp.issuer,
        audiences=(AUDIENCE,),
        algorithms=("RS256", "ES256"),
        skew=timedelta(seconds=30),
        admin_claim="realm_access.roles",
        admin_role="renku-admin",
        admins=frozenset(),
    )
    async with (
        open_oidc(
            given,
            clock=SystemClock(),
            environment={},
            kept=timedelta(minutes=10),
            pause=pause,
            client=client,
        ) as identities,
        a_world(folder) as world,
        a_table_bus(folder) as bus,
        serving(
            world,
            bus,
            provider=identities.tokens,
            sign_in=identities.sign_in,
            allows_anonymous=True,
            is_reachable=True,
            clock=clock,
        ) as api,
    ):
        yield api
