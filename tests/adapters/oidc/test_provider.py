"""Tokens of a real OpenID provider, which runs in a process of its own."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from service.adapters.oidc.documents import MOST_BYTES
from service.adapters.oidc.keys import LONGEST_STALE
from service.adapters.oidc.opening import open_oidc
from service.adapters.oidc.provider import OidcOptions
from service.domain.hook import Secret
from service.errors import TransientError, UnauthenticatedError
from service.ports.identity import IdentityProvider
from tests.support.clock import TurnedClock
from tests.support.oidc.process import (
    AUDIENCE,
    RunningProvider,
    a_provider,
    a_provider_process,
)
from tests.support.oidc.server import DISCOVERY, KEYS

KEPT, PAUSE = timedelta(minutes=10), timedelta(seconds=10)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with a_provider_process() as url:
        yield url


@pytest.fixture
async def idp(url: str) -> AsyncIterator[RunningProvider]:
    async with a_provider(url) as running:
        yield running


@asynccontextmanager
async def verifying(
    idp: RunningProvider, clock: TurnedClock | None = None, **changes: Any
) -> AsyncIterator[IdentityProvider]:
    options: dict[str, Any] = {
        "issuer": idp.issuer,
        "audiences": (AUDIENCE, "renku"),
        "algorithms": ("RS256", "ES256", "EdDSA"),
        "skew": timedelta(seconds=30),
        "admin_claim": "realm_access.roles",
        "admin_role": "renku-admin",
        "admins": frozenset({"root-1"}),
    }
    async with open_oidc(
        OidcOptions(**(options | changes)),
        clock=clock or TurnedClock(),
        environment={},
        kept=KEPT,
        pause=PAUSE,
    ) as identities:
        yield identities.tokens


async def refusal(provider: IdentityProvider, token: str) -> str:
    with pytest.raises(UnauthenticatedError) as caught:
        await provider.verify(Secret(token))
    assert token not in str(caught.value)
    return str(caught.value)


async def test_a_token_states_its_user(idp: RunningProvider) -> None:
    async with verifying(idp) as provider:
        found = await provider.verify(Secret(await idp.token()))

    assert (found.user.id, found.user.username) == ("ada-1", "ada")
    assert (found.user.first_name, found.user.last_name) == ("Ada", "Lovelace")
    assert not found.is_admin


@pytest.mark.parametrize(
    ("claims", "is_admin"),
    [
        ({"realm_access": {"roles": ["x", "renku-admin"]}}, True),
        ({"realm_access": {"roles": "renku-admin"}}, False),
        ({"realm_access": "renku-admin"}, False),
        ({"roles": ["renku-admin"]}, False),
        ({"sub": "root-1"}, True),
    ],
)
async def test_a_role_of_the_claim_makes_an_administrator(
    idp: RunningProvider, claims: dict[str, Any], *, is_admin: bool
) -> None:
    async with verifying(idp) as provider:
        found = await provider.verify(Secret(await idp.token(**claims)))

    assert found.is_admin is is_admin


@pytest.mark.parametrize("algorithm", ["ES256", "EdDSA"])
async def test_keys_of_every_allowed_algorithm_verify(
    idp: RunningProvider, algorithm: str
) -> None:
    await idp.order(add_key=[algorithm, "second"])
    async with verifying(idp) as provider:
        found = await provider.verify(Secret(await idp.token()))

    assert found.user.id == "ada-1"


@pytest.mark.parametrize(
    ("claims", "said"),
    [
        ({"exp": 1}, "expired"),
        ({"exp": None}, "lacks the claim 'exp'"),
        ({"sub": None}, "lacks the claim 'sub'"),
        ({"aud": None}, "lacks the claim 'aud'"),
        ({"iss": None}, "lacks the claim 'iss'"),
        ({"aud": "another"}, "another audience"),
        ({"aud": ["another", 1]}, "another audience"),
        ({"iss": "https://another"}, "another issuer"),
        ({"nbf": 33_000_000_000}, "not valid yet"),
        ({"exp": "soon"}, "does not verify"),
        ({"sub": "installation"}, "this service's own"),
        ({"sub": "a\nb"}, "no plain text"),
        ({"sub": "x" * 256}, "at most 255"),
        ({"sub": ""}, "no plain text"),
    ],
)
async def test_a_claim_that_does_not_hold_is_refused_by_name(
    idp: RunningProvider, claims: dict[str, Any], said: str
) -> None:
    async with verifying(idp) as provider:
        assert said in await refusal(provider, await idp.token(**claims))


async def test_clocks_may_differ_by_the_skew_and_no_more(idp: RunningProvider) -> None:
    now = int(time.time())
    async with verifying(idp) as provider:
        late = await provider.verify(Secret(await idp.token(exp=now - 15)))
        early = await provider.verify(Secret(await idp.token(nbf=now + 15)))
        over = await refusal(provider, await idp.token(exp=now - 60))

    assert late.user == early.user
    assert "expired" in over


async def test_unsigned_and_symmetric_tokens_are_refused_before_a_key_is_sought(
    idp: RunningProvider,
) -> None:
    pem = (await idp.order())["pem"]
    forged = [
        await idp.token(order={"algorithm": "none"}),
        # The public key as the secret of an HMAC:
        # https://www.rfc-editor.org/rfc/rfc8725#section-2.1
        _hmac(idp.claims(), pem),
        await idp.token(order={"algorithm": "RS384"}),
    ]
    async with verifying(idp) as provider:
        for token in forged:
            assert "algorithm" in await refusal(provider, token)

    assert await idp.asked() == {}


async def test_a_key_verifies_its_own_algorithm_only(idp: RunningProvider) -> None:
    await idp.order(add_key=["ES256", "curve"])
    async with verifying(idp) as provider:
        token = await idp.token(order={"key": "first", "headers": {"kid": "curve"}})

        assert "no key" in await refusal(provider, token)


async def test_keys_for_encryption_and_symmetric_keys_verify_nothing(
    idp: RunningProvider,
) -> None:
    oct_key = {"kty": "oct", "kid": "shared", "k": "c2VjcmV0", "alg": "RS256"}
    await idp.order(faults={"keys": [oct_key]})
    async with verifying(idp) as provider:
        for key_id in ("encryption", "shared"):
            token = await idp.token(order={"headers": {"kid": key_id}})
            assert "no key" in await refusal(provider, token)


async def test_another_key_of_the_same_name_is_refused(idp: RunningProvider) -> None:
    await idp.order(add_key=["RS256", "other"])
    async with verifying(idp) as provider:
        token = await idp.token(order={"key": "other", "headers": {"kid": "first"}})

        assert "signature" in await refusal(provider, token)


async def test_a_rotated_key_is_fetched_when_a_token_names_it(
    idp: RunningProvider,
) -> None:
    clock = TurnedClock()
    async with verifying(idp, clock) as provider:
        old = await idp.token()
        await provider.verify(Secret(old))
        await idp.order(add_key=["RS256", "second"])
        await idp.order(withdraw="first")
        clock.advance(PAUSE)
        new = await provider.verify(Secret(await idp.token()))
        withdrawn = await refusal(provider, old)

    assert new.user.id == "ada-1"
    assert "no key" in withdrawn
    assert (await idp.asked())[KEYS] == 2


async def test_names_that_strangers_make_up_are_no_load_at_the_provider(
    idp: RunningProvider,
) -> None:
    clock = TurnedClock()
    async with verifying(idp, clock) as provider:
        for number in range(20):
            headers = {"kid": f"made-up-{number}"}
            token = await idp.token(order={"headers": headers})
            assert "no key" in await refusal(provider, token)

        assert (await idp.asked())[KEYS] == 1
        clock.advance(PAUSE)
        await refusal(provider, await idp.token(order={"headers": {"kid": "new"}}))

    assert (await idp.asked())[KEYS] == 2


async def test_keys_are_fetched_again_after_a_while(idp: RunningProvider) -> None:
    clock = TurnedClock()
    async with verifying(idp, clock) as provider:
        token = Secret(await idp.token())
        for _ in range(3):
            await provider.verify(token)
        clock.advance(KEPT)
        await provider.verify(token)

    assert await idp.asked() == {DISCOVERY: 2, KEYS: 2}


async def test_an_outage_of_the_provider_leaves_known_keys_for_a_day(
    idp: RunningProvider,
) -> None:
    clock = TurnedClock()
    async with verifying(idp, clock) as provider:
        token = Secret(await idp.token())
        await provider.verify(token)
        await idp.order(faults={"status": 503})
        clock.advance(KEPT)
        during = await provider.verify(token)
        clock.advance(LONGEST_STALE)
        with pytest.raises(TransientError, match="does not answer"):
            await provider.verify(token)
        await idp.order(faults={})
        clock.advance(PAUSE)
        after = await provider.verify(token)

    assert during == after


@pytest.mark.parametrize(
    ("faults", "said"),
    [
        ({"status": 500}, "answers 500"),
        ({"issuer": "https://another"}, "states the issuer"),
        ({"jwks_uri": "file:///etc/passwd"}, "jwks_uri"),
        ({"jwks_uri": "ftp://x/keys"}, "jwks_uri"),
        ({"body": "x" * (MOST_BYTES + 1)}, "more than"),
        ({"body": "[]"}, "no JSON object"),
        ({"body": "{"}, "realms/tests"),
        ({"body": "[" * 100_000}, "nested too deeply"),
        ({"keys": [{}] * 100}, "at most"),
    ],
)
async def test_a_provider_that_answers_wrongly_is_an_outage_and_no_refusal(
    idp: RunningProvider, faults: dict[str, Any], said: str
) -> None:
    await idp.order(faults=faults)
    async with verifying(idp) as provider:
        with pytest.raises(TransientError, match=said):
            await provider.verify(Secret(await idp.token()))


async def test_whatever_is_no_token_is_refused(idp: RunningProvider) -> None:
    async with verifying(idp) as provider:
        for text in ("", "x", "a.b", "a.b.c", "..", "e30.e30.", "\ud800.x.y", "é" * 9):
            await refusal_or_empty(provider, text)

    assert await idp.asked() == {}


async def refusal_or_empty(provider: IdentityProvider, text: str) -> None:
    with pytest.raises(UnauthenticatedError):
        await provider.verify(Secret(text))


@settings(max_examples=200, deadline=None)
@given(parts=st.lists(st.binary(max_size=40), min_size=0, max_size=4))
async def test_no_text_is_a_server_error(parts: list[bytes]) -> None:
    text = ".".join(base64.urlsafe_b64encode(part).decode() for part in parts)
    options = OidcOptions(
        issuer="https://nobody.invalid",
        audiences=(AUDIENCE,),
        algorithms=("RS256",),
        skew=timedelta(0),
        admin_claim="",
        admin_role="",
        admins=frozenset(),
    )
    async with open_oidc(
        options, clock=TurnedClock(), environment={}, kept=KEPT, pause=PAUSE
    ) as identities:
        await refusal_or_empty(identities.tokens, text)


def _hmac(claims: dict[str, Any], secret: str) -> str:
    """Sign by hand: libraries refuse to use a public key so."""

    def part(value: bytes) -> str:
        return base64.urlsafe_b64encode(value).rstrip(b"=").decode()

    header = {"alg": "HS256", "typ": "JWT", "kid": "first"}
    signed = f"{part(json.dumps(header).encode())}.{part(json.dumps(claims).encode())}"
    mac = hmac.digest(secret.encode(), signed.encode(), hashlib.sha256)
    return f"{signed}.{part(mac)}"
