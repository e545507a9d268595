"""Finding a hook when many deliveries come at once, and when one hook is ill."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from handlers.webhooks.authenticate import HookAuthenticator
from service.adapters.clock import SystemClock
from service.adapters.store import SqlStore, open_database
from service.domain.hook import Hook, HookId, Secret
from service.errors import BadSignatureError, PermanentError, TransientError
from service.ports.store import Store
from tests.support.databases import TEST_KEY, a_key, sqlite_database
from tests.support.deliveries import (
    EVERY_WAY,
    Way,
    a_hook,
    a_push,
)
from tests.support.memory import SlowStore


def a_doorkeeper(store: Store, *, seconds: float = 15) -> HookAuthenticator:
    budget = timedelta(seconds=seconds)
    return HookAuthenticator(store=store, clock=SystemClock(), budget=budget)


async def add(store: Store, hook: Hook) -> None:
    async with store.transaction() as tx:
        await tx.hooks.add(hook)


async def test_a_crowd_costs_two_readings_and_a_new_hook_works_at_once(
    tmp_path: Path,
) -> None:
    hooks = [a_hook(id=HookId(f"hook-{number}")) for number in range(9)]
    async with sqlite_database(tmp_path / "db") as database:
        store = SlowStore(SqlStore(database))
        authenticator = a_doorkeeper(store)
        await add(store, hooks[0])

        async with asyncio.TaskGroup() as group:

            def deliver(hook: Hook) -> asyncio.Task[tuple[Hook, object]]:
                now = SystemClock().now()
                delivery = a_push(hook).arrived(now)
                return group.create_task(
                    authenticator.admit(hook.forge, hook.id, delivery)
                )

            first = deliver(hooks[0])
            await asyncio.sleep(0.05)
            for hook in hooks[1:]:  # after the first reading saw the table
                await add(store, hook)
            crowd = [deliver(hook) for hook in hooks for _ in range(5)]
            await asyncio.sleep(0.05)
            store.may_end.set()

        assert [task.result()[0] for task in (first, *crowd)] == [
            hooks[0],
            *(hook for hook in hooks for _ in range(5)),
        ]
        assert store.readings == 2


async def test_a_hook_whose_secrets_cannot_be_read_bars_nobody_else(
    tmp_path: Path,
) -> None:
    ill, well = a_hook(id=HookId("ill")), a_hook(id=HookId("well"))
    url, old = f"sqlite:///{tmp_path / 'db'}", a_key()
    async with open_database(url, keys=[old]) as database:
        await add(SqlStore(database), ill)
    async with open_database(url, keys=[Secret(TEST_KEY)]) as database:
        store = SqlStore(database)
        await add(store, well)
        authenticator = a_doorkeeper(store)

        answers = await asyncio.gather(  # noqa: TID251 - every outcome is wanted
            *(
                authenticator.admit(hook.forge, hook.id, a_push(hook).arrived())
                for hook in (well, ill, well, a_hook(id=HookId("nobody")))
            ),
            return_exceptions=True,
        )

        kinds = [
            pair if isinstance(pair, BaseException) else pair[0].id for pair in answers
        ]
        assert kinds[0] == kinds[2] == "well"
        assert isinstance(kinds[1], PermanentError)
        assert isinstance(kinds[3], BadSignatureError)


@EVERY_WAY
async def test_a_reading_that_hangs_is_given_up(tmp_path: Path, way: Way) -> None:
    async with sqlite_database(tmp_path / "db") as database:
        hook = a_hook(way)
        authenticator = a_doorkeeper(SlowStore(SqlStore(database)), seconds=0.2)

        with pytest.raises(TransientError, match="did not answer in time"):
            await authenticator.admit(hook.forge, hook.id, a_push(hook).arrived())
