"""The round that looks after every hook."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from consumers.health import Health
from service.adapters.forge_api.hook_routing import RoutedForgeHooks
from service.announcing import Announcer
from service.checkup import Examiner, Nurse
from service.domain.checkup import Ailment
from service.domain.delivery import DeliveryId, Forge
from service.domain.hook import Hook, HookId
from service.metrics import Metrics
from service.ports.store import DeliveryRecord
from service.wire import HookUnhealthy, data_of
from tests.support.deliveries import a_hook
from tests.support.world import World, a_world

INTERVAL = timedelta(minutes=30)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with a_world(tmp_path) as it:
        yield it


def health(world: World) -> Health:
    """Return the round of a service without any token."""
    nowhere = RoutedForgeHooks(open_api=lambda _: None)
    metrics = Metrics(registry=CollectorRegistry())
    examiner = Examiner(
        forges=nowhere, clock=world.clock, public_url="https://relaunch.example"
    )
    announcer = Announcer(clock=world.clock, ids=world.ids, metrics=metrics)
    nurse = Nurse(store=world.store, examiner=examiner, announcer=announcer)
    return Health(store=world.store, clock=world.clock, nurse=nurse, interval=INTERVAL)


async def visit(world: World) -> None:
    """Go round once."""
    going = health(world)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(going.go_round())
        while not task.done():
            world.clock.advance(INTERVAL)
            await asyncio.sleep(0.01)


async def add(world: World, *hooks: Hook) -> None:
    async with world.store.transaction() as tx:
        for hook in hooks:
            await tx.hooks.add(hook)


async def arrive(world: World, hook: Hook, name: str, **more: str) -> None:
    record = DeliveryRecord(
        id=DeliveryId(name),
        hook_id=hook.id,
        forge_delivery_id=None,
        event="push",
        status=more.get("status", "refused"),
        reason=more.get("reason", "bad_signature"),
        message="",
        repository="",
        ref="",
        before="",
        after="",
        headers={},
        received_at=world.clock.now(),
    )
    async with world.store.transaction() as tx:
        await tx.deliveries.record([record])


async def told(world: World) -> list[HookUnhealthy]:
    async with world.store.reading() as tx:
        events = [event for _, event in await tx.outbox.take(limit=100)]
    found = map(data_of, events)
    return [it for it in found if isinstance(it, HookUnhealthy)]


async def stored(world: World, hook: Hook) -> Hook:
    async with world.store.reading() as tx:
        return await tx.hooks.get(hook.id)


async def test_every_hook_is_visited_once_in_a_round(world: World) -> None:
    hooks = [a_hook(id=HookId(f"hook-{it}")) for it in range(3)]
    await add(world, *hooks)

    await visit(world)

    found = [(await stored(world, it)).checkup for it in hooks]
    assert [it.ailments for it in found if it] == [(), (), ()]
    assert await told(world) == []


async def test_case_72_without_a_token_a_wrong_secret_is_told_of_once(
    world: World,
) -> None:
    hook = a_hook()
    await add(world, hook)
    await arrive(world, hook, "d-1")

    await visit(world)
    await visit(world)
    await arrive(world, hook, "d-2", status="ignored", reason="ping")
    await visit(world)
    well = await stored(world, hook)
    await arrive(world, hook, "d-3", reason="foreign_repository")
    await visit(world)

    assert well.checkup is not None
    assert well.checkup.ailments == ()
    events = await told(world)
    assert [it.reasons for it in events] == [("wrong_secret",), ("foreign",)]
    assert events[0].hook_id == hook.id
    assert events[0].mend.startswith("Run relaunch hook rotate")


async def test_what_came_before_a_rotation_is_of_the_past(world: World) -> None:
    hook = a_hook()
    await add(world, hook)
    await arrive(world, hook, "d-1")
    await visit(world)
    ill = await stored(world, hook)
    async with world.store.transaction() as tx:
        await tx.hooks.save(replace(ill, rotated_at=world.clock.now() + INTERVAL))

    await visit(world)

    found = await stored(world, hook)
    assert ill.checkup is not None
    assert ill.checkup.ailments == (Ailment.WRONG_SECRET,)
    assert found.checkup is not None
    assert found.checkup.ailments == ()


class Untouched(RoutedForgeHooks):
    """A forge that nobody may ask anything."""

    def can_manage(self, hook: Hook) -> bool:
        return hook.forge is Forge.GITHUB


async def test_a_process_that_does_not_know_its_address_mends_no_hook(
    world: World,
) -> None:
    """Or it would have every hook deliver to nobody."""
    forges = Untouched(open_api=lambda _: None)
    here = Examiner(
        forges=forges, clock=world.clock, public_url="http://127.0.0.1:8080"
    )

    found = await here.examine(a_hook(forge_id="1"), None)

    assert "set RELAUNCH_PUBLIC_URL" in found.checkup.trouble
    assert (found.checkup.ailments, found.forge_id) == ((), "1")
