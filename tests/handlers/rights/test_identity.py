"""Users of a real OpenID provider, its process and its keys, at the REST API."""

import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from service.domain.rights.caller import MemberRole, UserId
from service.domain.rights.project import DEFAULT_PROJECT
from tests.support.api import TOKEN, Answer, Api
from tests.support.oidc.installation import an_installation
from tests.support.oidc.process import (
    RunningProvider,
    a_provider,
    a_provider_process,
)
from tests.support.oidc.server import KEYS

PROJECT = f"/api/data/projects/{DEFAULT_PROJECT}"
USER = "/api/data/user"


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with a_provider_process() as url:
        yield url


@pytest.fixture
async def idp(url: str) -> AsyncIterator[RunningProvider]:
    async with a_provider(url) as running:
        yield running


@pytest.fixture
async def api(idp: RunningProvider, tmp_path: Path) -> AsyncIterator[Api]:
    async with an_installation(idp, tmp_path) as api:
        yield api


async def ask(api: Api, token: str, path: str = USER) -> Answer:
    return await api.bare("GET", path, headers={"Authorization": f"Bearer {token}"})


async def test_a_user_of_the_provider_has_the_roles_of_their_subject(
    api: Api, idp: RunningProvider
) -> None:
    token = await idp.token()
    async with api.world.store.transaction() as tx:
        await tx.projects.set_role(DEFAULT_PROJECT, UserId("ada-1"), MemberRole.VIEWER)

    me = await ask(api, token)

    assert (me.status, me.json["username"]) == (200, "ada")
    assert (await ask(api, token, PROJECT)).status == 200
    # Another subject under the same name is another user.
    other = await idp.token(sub="ada-2")
    assert (await ask(api, other, PROJECT)).status == 404
    admin = await idp.token(sub="root", realm_access={"roles": ["renku-admin"]})
    assert (await ask(api, admin, PROJECT)).status == 200


async def test_wrong_tokens_open_nothing_not_even_what_is_public(
    api: Api, idp: RunningProvider
) -> None:
    good = await idp.token()
    header, claims, signature = good.split(".")
    pem = (await idp.order())["pem"]
    wrong = {
        "audience": await idp.token(aud="another"),
        "no audience": await idp.token(aud=None),
        "issuer": await idp.token(iss="https://elsewhere.example"),
        "expired": await idp.token(exp=idp.claims()["iat"] - 31),
        "not yet": await idp.token(nbf=idp.claims()["iat"] + 120),
        "for ever": await idp.token(exp=None),
        "no subject": await idp.token(sub=None),
        "unsigned": f"{_encoded({'alg': 'none'})}.{claims}.",
        "None": f"{_encoded({'alg': 'None'})}.{claims}.",
        "symmetric": await _signed_with_the_public_key(idp, pem),
        "changed": f"{header}.{_encoded(idp.claims(sub='root'))}.{signature}",
        "truncated": f"{header}.{claims}.{signature[:-4]}",
        "installation": await idp.token(sub="installation"),
        "no token": "a.b.c",
    }

    shown = {name: (await ask(api, token)).status for name, token in wrong.items()}
    public = await ask(api, wrong["expired"], "/api/data/projects")

    assert shown == dict.fromkeys(wrong, 401)
    assert public.status == 401
    assert (await ask(api, good)).status == 200
    # Within the skew the same token is good.
    late = await idp.token(exp=idp.claims()["iat"] - 10)
    assert (await ask(api, late)).status == 200


def _encoded(part: Any) -> str:
    raw = base64.urlsafe_b64encode(json.dumps(part).encode())
    return raw.decode().rstrip("=")


async def _signed_with_the_public_key(idp: RunningProvider, pem: str) -> str:
    """Sign with HMAC, and the published key as its secret."""
    signed = f"{_encoded({'alg': 'HS256', 'kid': 'first'})}.{_encoded(idp.claims())}"
    mac = hmac.new(pem.encode(), signed.encode(), hashlib.sha256).digest()
    return f"{signed}.{base64.urlsafe_b64encode(mac).decode().rstrip('=')}"


async def test_a_rotated_key_is_taken_and_a_withdrawn_one_is_not(
    api: Api, idp: RunningProvider, tmp_path: Path
) -> None:
    before = await idp.token()
    assert (await ask(api, before)).status == 200

    await idp.order(add_key=["ES256", "second"])
    after = await idp.token(order={"key": "second"})
    assert (await ask(api, after)).status == 200
    assert (await ask(api, before)).status == 200

    await idp.order(withdraw="first")
    folder = tmp_path / "later"
    folder.mkdir()
    async with an_installation(idp, folder) as later:
        assert (await ask(later, before)).status == 401
        assert (await ask(later, after)).status == 200


async def test_made_up_key_names_are_no_load_at_the_provider(
    idp: RunningProvider, tmp_path: Path
) -> None:
    folder = tmp_path / "paused"
    folder.mkdir()
    async with an_installation(idp, folder, pause=timedelta(seconds=30)) as api:
        assert (await ask(api, await idp.token())).status == 200
        for number in range(20):
            token = await idp.token(order={"headers": {"kid": f"made-up-{number}"}})
            assert (await ask(api, token)).status == 401

    assert (await idp.asked())[KEYS] == 1


async def test_an_outage_of_the_provider_is_503_and_the_operator_gets_in(
    api: Api, idp: RunningProvider
) -> None:
    token = await idp.token()
    await idp.order(faults={"status": 500})

    assert (await ask(api, token)).status == 503
    assert (await ask(api, TOKEN)).status == 200
    assert (await api.bare("GET", "/api/data/projects")).status == 200
