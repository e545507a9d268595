"""The round that looks after every hook."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from consumers.hook_health import Health
from service.adapters.forge_api.hook_routing import RoutedForgeHooks
from service.domain.delivery import DeliveryId, Forge
from service.domain.hook import Hook, HookId
from service.domain.hook_health import HookProblem
from service.events.envelope import data_of
from service.events.models import HookUnhealthy
from service.metrics import Metrics
from service.ports.store import DeliveryRecord
from service.usecases.hook_maintenance import HookInspector, HookMaintainer
from service.usecases.publish_events import EventRecorder
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
    inspector = HookInspector(
        forges=nowhere, clock=world.clock, public_url="https://relaunch.example"
    )
    recorder = EventRecorder(
        clock=world.clock, ids=world.ids, metrics=metrics, builder=world.builder
    )
    maintainer = HookMaintainer(
        store=world.store, inspector=inspector, recorder=recorder
    )
    return Health(
        store=world.store, clock=world.clock, maintainer=maintainer, interval=INTERVAL
    )


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
        events = [event for _, event in await tx.outbox.peek(limit=100)]
    found = map(data_of, events)
    return [
        hook_health for hook_health in found if isinstance(hook_health, HookUnhealthy)
    ]


async def stored(world: World, hook: Hook) -> Hook:
    async with world.store.reading() as tx:
        return await tx.hooks.get(hook.id)


async def test_every_hook_is_visited_once_in_a_round(world: World) -> None:
    hooks = [a_hook(id=HookId(f"hook-{number}")) for number in range(3)]
    await add(world, *hooks)

    await visit(world)

    found = [(await stored(world, hook)).health for hook in hooks]
    assert [hook_health.problems for hook_health in found if hook_health] == [
        (),
        (),
        (),
    ]
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

    assert well.health is not None
    assert well.health.problems == ()
    events = await told(world)
    assert [event.reasons for event in events] == [("wrong_secret",), ("foreign",)]
    assert events[0].hook_id == hook.id
    assert events[0].remedy.startswith("Run relaunch hook rotate")


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
    assert ill.health is not None
    assert ill.health.problems == (HookProblem.WRONG_SECRET,)
    assert found.health is not None
    assert found.health.problems == ()


class Untouched(RoutedForgeHooks):
    """A forge that nobody may ask anything."""

    def can_manage(self, hook: Hook) -> bool:
        return hook.forge is Forge.GITHUB


async def test_a_process_that_does_not_know_its_address_mends_no_hook(
    world: World,
) -> None:
    """Or it would have every hook deliver to nobody."""
    forges = Untouched(open_api=lambda _: None)
    here = HookInspector(
        forges=forges, clock=world.clock, public_url="http://127.0.0.1:8080"
    )

    found = await here.examine(a_hook(forge_id="1"), None)

    assert "set RELAUNCH_PUBLIC_URL" in found.health.trouble
    assert (found.health.problems, found.forge_id) == ((), "1")
