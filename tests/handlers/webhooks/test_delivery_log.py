"""What is recorded of deliveries, and what is not."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from consumers.evaluation.claims import EvaluationClaims
from consumers.evaluation.enqueue import EvaluationEnqueuer
from consumers.loops.wakeup import Wakeup
from service.domain.hook import Proof
from service.ports.store import DeliveryRecord
from tests.support.deliveries import (
    EVERY_WAY,
    OLDER,
    SECRETS,
    Way,
    a_hook,
    a_post,
    a_push,
)
from tests.support.front_door import FrontDoor, front_door
from tests.support.world import DEBOUNCE


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[FrontDoor]:
    async with front_door(tmp_path) as opened:
        yield opened


def enqueuer(door: FrontDoor) -> EvaluationEnqueuer:
    """Return who handles the events of accepted deliveries."""
    return EvaluationEnqueuer(
        store=door.store,
        debounce=DEBOUNCE,
        claims=EvaluationClaims(
            store=door.store, clock=door.clock, wakeup=Wakeup(clock=door.clock)
        ),
    )


async def records(door: FrontDoor) -> list[DeliveryRecord]:
    """Stop the log as a shutdown does, and read what it wrote."""
    async with asyncio.TaskGroup() as group:
        running = group.create_task(door.log.run())
        await asyncio.sleep(0)
        running.cancel()
    async with door.store.reading() as tx:
        return list(await tx.deliveries.list())


async def test_what_was_not_accepted_is_written_down_without_secrets(
    door: FrontDoor,
) -> None:
    hook = await door.add_hook(a_hook(Proof.SECRET_TOKEN))
    post = a_push(hook, delivery_id="key-1").but(x_custom_password="hunter2")

    answer = await door.post(hook, post)
    (record,) = await records(door)

    assert record.id == answer.json["delivery"]
    assert (record.status, record.reason) == ("ignored", "not_tracked")
    assert (record.repository, record.ref) == ("uni/course", "refs/heads/main")
    assert (record.event, record.forge_delivery_id) == ("Push Hook", "key-1")
    assert record.headers["x-gitlab-token"] == "…"
    assert record.headers["x-custom-password"] == "…"
    assert record.headers["x-gitlab-event"] == "Push Hook"


async def test_a_refused_delivery_of_a_known_hook_is_written_down(
    door: FrontDoor,
) -> None:
    hook = await door.add_hook(a_hook())

    await door.post(hook, a_post(hook, b"{"))
    await door.post(hook, a_push(replace(hook, secrets=(OLDER[Proof.HMAC],))))
    found = await records(door)

    assert {(delivery.status, delivery.reason) for delivery in found} == {
        ("refused", "malformed"),
        ("refused", "bad_signature"),
    }


async def test_who_knocks_without_proof_fills_no_log(door: FrontDoor) -> None:
    hook = await door.add_hook(a_hook())
    stranger = replace(hook, secrets=(OLDER[Proof.HMAC],))

    for _ in range(5):
        await door.post(hook, a_push(stranger).but(x_mine="a secret"))
    await door.post("nobody", a_push(stranger))
    (record,) = await records(door)

    assert (record.hook_id, record.count) == (hook.id, 1)
    assert (record.repository, record.event) == ("", "")
    assert record.headers["x-mine"] == "…"


async def test_an_accepted_delivery_keeps_its_headers_and_counts_once(
    door: FrontDoor,
) -> None:
    """The log has its headers; whoever handles its event writes the rest again."""
    hook = await door.add_hook(a_hook())
    await door.track("main")

    await door.post(hook, a_push(hook))
    (event,) = door.bus.events
    (push,) = door.pushes
    await enqueuer(door).handle(event, push)
    (record,) = await records(door)
    await enqueuer(door).handle(event, push)

    (again,) = await records(door)
    assert (record.status, record.count) == ("accepted", 1)
    assert record.headers["x-github-event"] == "push"
    assert (again.headers, again.count) == (record.headers, 1)


@EVERY_WAY
async def test_case_79_a_delivery_by_the_older_secret_is_on_record_as_such(
    door: FrontDoor, way: Way
) -> None:
    hook = await door.add_hook(
        a_hook(way, secrets=(SECRETS[way.proof], OLDER[way.proof]))
    )
    await door.track("main")

    await door.post(hook, a_push(replace(hook, secrets=(OLDER[way.proof],))))
    (by_old,) = await records(door)

    assert (by_old.status, by_old.is_by_old_secret) == ("accepted", True)
    assert door.pushes[0].is_by_old_secret


async def test_records_that_cannot_be_written_are_counted(door: FrontDoor) -> None:
    hook = await door.add_hook(a_hook())
    await door.post(hook, a_push(hook))
    door.store.is_write_broken = True

    await records(door)

    assert door.count("relaunch_delivery_records_lost_total") == 1


async def test_records_are_gathered_and_written_while_the_log_runs(
    door: FrontDoor,
) -> None:
    hook = await door.add_hook(a_hook())
    async with asyncio.TaskGroup() as group:
        running = group.create_task(door.log.run())
        for _ in range(3):
            await door.post(hook, a_push(hook))
        async with asyncio.timeout(5):
            while True:
                door.clock.advance(timedelta(seconds=1))
                async with door.store.reading() as tx:
                    if len(await tx.deliveries.list(hook=hook.id)) == 3:
                        break
        running.cancel()
