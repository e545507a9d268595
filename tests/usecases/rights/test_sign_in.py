"""How long people stay signed in on the page."""

from datetime import timedelta
from pathlib import Path

import pytest

from service.adapters.clock import UlidIds
from service.adapters.store import SqlStore
from service.domain.rights.caller import User, UserId
from service.domain.rights.token import digest_token
from service.ports.identity import Identity
from service.usecases.rights.sign_in import ADMIN_SESSION_LIFE, SESSION_LIFE, SignIn
from tests.support.clock import TurnedClock
from tests.support.databases import sqlite_database


@pytest.mark.parametrize(
    ("is_admin", "life"), [(True, ADMIN_SESSION_LIFE), (False, SESSION_LIFE)]
)
async def test_whom_the_provider_makes_an_administrator_signs_in_again_soon(
    tmp_path: Path, *, is_admin: bool, life: timedelta
) -> None:
    clock, user = TurnedClock(), User(id=UserId("ada-1"), username="ada")
    async with sqlite_database(tmp_path / "db") as database:
        store = SqlStore(database)
        sign_in = SignIn(store=store, clock=clock, ids=UlidIds())

        session = await sign_in.begin_for(Identity(user=user, is_admin=is_admin))

        async with store.reading() as tx:
            token = await tx.tokens.by_digest(digest_token(session))
    now = clock.now()
    assert token.is_valid(now + life - timedelta(seconds=1))
    assert not token.is_valid(now + life)
