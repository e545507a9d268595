"""What a provider states of itself is used while it does not answer."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from service.adapters.oidc.opening import open_oidc
from service.adapters.oidc.provider import OidcOptions
from service.adapters.oidc.sign_in import RENEWAL_DEADLINE
from service.domain.hook import Secret
from service.domain.rights.sign_in_attempt import SignInAttempt
from service.errors import TransientError
from service.ports.identity import SignInProvider
from tests.support.clock import TurnedClock
from tests.support.oidc.installation import a_client
from tests.support.oidc.process import RunningProvider, a_provider, a_provider_process

KEPT = timedelta(minutes=10)
HANGS = {"silence": 10 * RENEWAL_DEADLINE.total_seconds()}


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with a_provider_process() as url:
        yield url


@pytest.fixture
async def idp(url: str) -> AsyncIterator[RunningProvider]:
    async with a_provider(url) as running:
        yield running


@asynccontextmanager
async def a_sign_in(
    idp: RunningProvider, clock: TurnedClock
) -> AsyncIterator[SignInProvider]:
    options = OidcOptions(
        issuer=idp.issuer,
        audiences=("relaunch",),
        algorithms=("RS256",),
        skew=timedelta(seconds=30),
        admin_claim="roles",
        admin_role="admin",
        admins=frozenset(),
    )
    async with open_oidc(
        options,
        clock=clock,
        environment={},
        kept=KEPT,
        pause=timedelta(minutes=1),
        client=a_client(),
    ) as identities:
        yield identities.sign_in


async def test_a_provider_that_hangs_is_known_by_what_it_stated_before(
    idp: RunningProvider,
) -> None:
    clock = TurnedClock()
    attempt = SignInAttempt.derive(Secret("random"), redirect_uri="https://here/")
    async with a_sign_in(idp, clock) as provider:
        before = await provider.authorization_url(attempt)
        clock.advance(KEPT)
        await idp.order(faults=HANGS)

        during = await provider.authorization_url(attempt)
        clock.advance(timedelta(days=1))
        await idp.order(faults={"status": 500})

        assert during == before
        with pytest.raises(TransientError):
            await provider.authorization_url(attempt)
