"""Access tokens are got again before they end, and once when they are refused."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta

import aiohttp
import pytest

from service.adapters.renku.access_tokens import OAuthClient, RenewedTokens
from service.adapters.renku.client import RenkuClient
from service.adapters.renku.errors import UpstreamRefusedError
from service.domain.hook import Secret
from service.errors import TransientError
from tests.support.clock import TurnedClock
from tests.support.renku import CLIENT, CLIENT_SECRET, TOKEN_PATH, Renku, a_renku


@dataclass(slots=True)
class Signing:
    renku: Renku
    session: aiohttp.ClientSession
    clock: TurnedClock

    def client(
        self, *, refresh: str | None = None, secret: str | None = None
    ) -> RenkuClient:
        account = OAuthClient(
            token_url=self.renku.url + TOKEN_PATH,
            client_id=CLIENT,
            client_secret=Secret(secret) if secret else None,
            refresh_token=Secret(refresh) if refresh else None,
        )
        tokens = RenewedTokens(session=self.session, client=account, clock=self.clock)
        return RenkuClient(session=self.session, url=self.renku.url, tokens=tokens)


@pytest.fixture
async def signing() -> AsyncIterator[Signing]:
    async with a_renku() as renku, aiohttp.ClientSession() as session:
        yield Signing(renku, session, TurnedClock())


async def test_a_refresh_token_gets_an_access_token_that_is_kept(
    signing: Signing,
) -> None:
    client = signing.client(refresh=signing.renku.accounts.new_refresh())

    await client.get("user")
    await client.get("user")

    assert signing.renku.accounts.issued == 1


async def test_a_client_gets_a_token_for_itself(signing: Signing) -> None:
    client = signing.client(secret=CLIENT_SECRET)

    assert (await client.get("user"))["username"] == "ada"


async def test_a_token_is_got_again_before_it_ends(signing: Signing) -> None:
    client = signing.client(refresh=signing.renku.accounts.new_refresh())
    await client.get("user")

    signing.clock.advance(timedelta(seconds=269))
    await client.get("user")
    before = signing.renku.accounts.issued
    signing.clock.advance(timedelta(seconds=2))
    await client.get("user")

    # The second refresh token, as the first one works once.
    assert (before, signing.renku.accounts.issued) == (1, 2)


async def test_a_token_that_is_refused_is_got_again_at_once(signing: Signing) -> None:
    client = signing.client(refresh=signing.renku.accounts.new_refresh())
    await client.get("user")

    signing.renku.accounts.valid.clear()

    assert (await client.get("user"))["username"] == "ada"


async def test_a_private_project_that_vanished_may_be_an_expired_token(
    signing: Signing,
) -> None:
    project = signing.renku.add_project()
    client = signing.client(refresh=signing.renku.accounts.new_refresh())
    await client.get("user")

    signing.renku.accounts.valid.clear()

    assert (await client.get("projects", project.id))["slug"] == "course"


async def test_what_is_not_there_is_asked_for_twice_at_most(signing: Signing) -> None:
    client = signing.client(refresh=signing.renku.accounts.new_refresh())
    await client.get("user")

    with pytest.raises(UpstreamRefusedError, match="404"):
        await client.get("projects", "01JZZZZZZZZZZZZZZZZZZZZZZZ")

    assert signing.renku.accounts.issued == 2


@pytest.mark.parametrize(
    ("given", "setting"),
    [
        ({"refresh": "spent-token"}, "RELAUNCH_RENKU_REFRESH_TOKEN"),
        ({"secret": "wrong-secret"}, "RELAUNCH_RENKU_CLIENT_SECRET"),
    ],
)
async def test_a_credential_that_is_refused_is_named(
    signing: Signing, given: dict[str, str], setting: str
) -> None:
    with pytest.raises(UpstreamRefusedError, match=setting) as refused:
        await signing.client(**given).get("user")

    assert not any(secret in str(refused.value) for secret in given.values())


async def test_a_provider_that_does_not_answer_passes(signing: Signing) -> None:
    account = OAuthClient(
        token_url="http://127.0.0.1:1/token",
        client_id=CLIENT,
        client_secret=Secret(CLIENT_SECRET),
        refresh_token=None,
    )
    tokens = RenewedTokens(session=signing.session, client=account, clock=signing.clock)

    with pytest.raises(TransientError, match=r"127\.0\.0\.1:1/token"):
        await tokens.current()
