"""Access tokens are got again before they end, and once when they are refused."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    asynccontextmanager,
)
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import aiohttp
import pytest

from service.adapters.renku.access_tokens import AccessTokens, ClientTokens
from service.adapters.renku.client import RenkuClient
from service.adapters.renku.errors import UpstreamRefusedError
from service.adapters.renku.shared_tokens import LEASE, SharedTokens
from service.adapters.renku.token_endpoint import OAuthClient, TokenEndpoint
from service.adapters.store import SqlStore, open_database
from service.domain.hook import Secret
from service.errors import TransientError
from service.ports.store import Store, Transaction, UpstreamToken
from tests.support.clock import TurnedClock
from tests.support.databases import KEYS, a_key, migrated_schema, sqlite_database
from tests.support.renku import CLIENT, CLIENT_SECRET, TOKEN_PATH, Renku, a_renku


@dataclass(slots=True)
class Signing:
    renku: Renku
    session: aiohttp.ClientSession
    clock: TurnedClock
    store: Store

    def client(
        self, *, refresh: str | None = None, secret: str | None = None
    ) -> RenkuClient:
        account = OAuthClient(
            token_url=self.renku.url + TOKEN_PATH,
            client_id=CLIENT,
            client_secret=Secret(secret) if secret else None,
            refresh_token=Secret(refresh) if refresh else None,
        )
        return RenkuClient(
            session=self.session, url=self.renku.url, tokens=self.tokens(account)
        )

    def tokens(self, account: OAuthClient) -> AccessTokens:
        """Return what gets tokens; each is like that of another process."""
        endpoint = TokenEndpoint(session=self.session, client=account, clock=self.clock)
        if account.refresh_token is None:
            return ClientTokens(endpoint=endpoint, clock=self.clock)
        return SharedTokens(
            endpoint=endpoint,
            configured=account.refresh_token,
            account=account.client_id,
            store=self.store,
            clock=self.clock,
        )


@pytest.fixture(
    params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)]
)
async def signing(
    request: pytest.FixtureRequest, tmp_path: Path
) -> AsyncIterator[Signing]:
    async with AsyncExitStack() as stack:
        url = f"sqlite:///{tmp_path}/relaunch.db"
        if request.param == "postgresql":
            url = await stack.enter_async_context(migrated_schema())
        database = await stack.enter_async_context(open_database(url, keys=KEYS))
        renku = await stack.enter_async_context(a_renku())
        session = await stack.enter_async_context(aiohttp.ClientSession())
        yield Signing(renku, session, TurnedClock(), SqlStore(database))


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

    with pytest.raises(TransientError, match=r"127\.0\.0\.1:1/token"):
        await signing.tokens(account).current()


async def test_a_restart_goes_on_with_the_refresh_token_of_before(
    signing: Signing,
) -> None:
    configured = signing.renku.accounts.new_refresh()
    await signing.client(refresh=configured).get("user")
    signing.clock.advance(timedelta(minutes=10))

    # Used once, it is refused from then on.
    await signing.client(refresh=configured).get("user")

    assert configured not in signing.renku.accounts.refresh
    assert signing.renku.accounts.issued == 2


async def test_another_refresh_token_of_the_settings_begins_anew(
    signing: Signing,
) -> None:
    await signing.client(refresh=signing.renku.accounts.new_refresh()).get("user")
    signing.renku.accounts.refresh.clear()  # the session was ended
    signing.renku.accounts.valid.clear()
    configured = signing.renku.accounts.new_refresh()

    assert (await signing.client(refresh=configured).get("user"))["username"] == "ada"


async def test_a_database_of_before_falls_back_to_the_setting(
    signing: Signing,
) -> None:
    configured = signing.renku.accounts.new_refresh()
    await signing.client(refresh=configured).get("user")
    signing.renku.accounts.refresh = {configured}
    signing.renku.accounts.valid.clear()

    assert (await signing.client(refresh=configured).get("user"))["username"] == "ada"


async def test_of_many_processes_one_gets_the_token_for_all(signing: Signing) -> None:
    configured = signing.renku.accounts.new_refresh()
    clients = [signing.client(refresh=configured) for _ in range(5)]

    async def use_all() -> None:
        async with asyncio.TaskGroup() as group:
            used = [group.create_task(client.get("user")) for client in clients]
            # They sleep by the clock while one of them asks.
            ticking = group.create_task(_tick(signing.clock))
            await asyncio.wait(used)
            ticking.cancel()

    await use_all()
    first = signing.renku.accounts.issued
    signing.renku.accounts.valid.clear()
    await use_all()

    assert (first, signing.renku.accounts.issued) == (1, 2)


async def _tick(clock: TurnedClock) -> None:
    while True:
        await asyncio.sleep(0.01)
        clock.advance(timedelta(milliseconds=20))


async def test_who_is_stopped_while_it_renews_writes_the_token_down(
    signing: Signing,
) -> None:
    configured = signing.renku.accounts.new_refresh()
    signing.renku.accounts.answers.clear()
    async with asyncio.TaskGroup() as group:
        using = group.create_task(signing.client(refresh=configured).get("user"))
        await signing.renku.accounts.given.wait()
        using.cancel()
        await asyncio.sleep(0)
        signing.renku.accounts.answers.set()

    assert using.cancelled()
    assert (await signing.client(refresh=configured).get("user"))["username"] == "ada"


async def test_one_that_is_stopped_before_it_began_keeps_nobody_waiting(
    signing: Signing,
) -> None:
    client = signing.client(refresh=signing.renku.accounts.new_refresh())
    async with asyncio.TaskGroup() as group:
        using = group.create_task(client.get("user"))
        while not (begun := renewals()):  # noqa: ASYNC110 - before its first step
            await asyncio.sleep(0)

        # As at the end of a process: all tasks end, the new one before it ran.
        for task in {using, *begun}:
            task.cancel()
        done, _ = await asyncio.wait({using}, timeout=20)
        using.cancel()

    assert done == {using}


def renewals() -> Sequence[asyncio.Task[object]]:
    return [
        task
        for task in asyncio.all_tasks()
        if "renew" in getattr(task.get_coro(), "__qualname__", "")
    ]


@dataclass
class LateStore:
    """A database whose every answer takes a while."""

    store: Store
    clock: TurnedClock

    @asynccontextmanager
    async def transaction(self, *locks: str) -> AsyncIterator[Transaction]:
        async with self.store.transaction(*locks) as tx:
            yield tx
        self.clock.advance(timedelta(seconds=11))

    @asynccontextmanager
    async def reading(self, *, is_single: bool = False) -> AsyncIterator[Transaction]:
        async with self.store.reading(is_single=is_single) as tx:
            yield tx
        self.clock.advance(timedelta(seconds=11))

    async def ping(self) -> None:
        await self.store.ping()


async def test_no_refresh_token_is_used_when_the_lease_may_end_meanwhile(
    signing: Signing,
) -> None:
    configured = signing.renku.accounts.new_refresh()
    late = replace(signing, store=LateStore(signing.store, signing.clock))

    with pytest.raises(TransientError, match="takes too long"):
        await late.client(refresh=configured).get("user")

    assert configured in signing.renku.accounts.refresh
    assert (await signing.client(refresh=configured).get("user"))["username"] == "ada"


@dataclass
class HangingStore:
    """A database that answers to no write once a token was given."""

    store: Store
    given: asyncio.Event
    is_reached: asyncio.Event

    @asynccontextmanager
    async def transaction(self, *locks: str) -> AsyncIterator[Transaction]:
        if self.given.is_set():
            self.is_reached.set()
            await asyncio.Event().wait()
        async with self.store.transaction(*locks) as tx:
            yield tx

    def reading(
        self, *, is_single: bool = False
    ) -> AbstractAsyncContextManager[Transaction]:
        return self.store.reading(is_single=is_single)

    async def ping(self) -> None:
        await self.store.ping()


async def test_a_database_that_hangs_keeps_a_token_no_longer_than_its_lease(
    signing: Signing,
) -> None:
    configured = signing.renku.accounts.new_refresh()
    given, is_reached = signing.renku.accounts.given, asyncio.Event()
    hanging = replace(signing, store=HangingStore(signing.store, given, is_reached))

    async with asyncio.TaskGroup() as group:
        client = hanging.client(refresh=configured)
        using = group.create_task(client.get("user"))
        await is_reached.wait()
        signing.clock.advance(LEASE)

        # It is used all the same: there is no other.
        assert (await using)["username"] == "ada"


async def test_a_token_that_is_written_late_does_not_replace_a_later_one(
    signing: Signing,
) -> None:
    token = UpstreamToken(
        id="1",
        refresh_token=Secret("late"),
        access_token=Secret("late"),
        expires_at=signing.clock.now(),
        renewals=1,
        renewed_at=signing.clock.now(),
    )
    later = replace(token, refresh_token=Secret("later"), renewals=2)
    for written in (token, later, token):
        async with signing.store.transaction() as tx:
            await tx.upstream_tokens.put(written)

    async with signing.store.reading() as tx:
        assert await tx.upstream_tokens.find("1") == later


async def test_another_key_is_a_sentence_that_names_it(tmp_path: Path) -> None:
    async with a_renku() as renku, aiohttp.ClientSession() as session:
        configured = renku.accounts.new_refresh()

        async def use(key: Secret) -> None:
            path = tmp_path / "relaunch.db"
            async with sqlite_database(path, keys=[key]) as database:
                store = SqlStore(database)
                signing = Signing(renku, session, TurnedClock(), store)
                await signing.client(refresh=configured).get("user")

        await use(a_key())

        with pytest.raises(UpstreamRefusedError, match="RELAUNCH_SECRET_KEY"):
            await use(a_key())
