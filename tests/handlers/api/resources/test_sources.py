"""Sources, deliveries and dead letters over REST."""

import asyncio

import pytest

from consumers.subscriptions import ROLLOUT
from service.domain.delivery import DeliveryId
from service.domain.hook import HookId
from service.events.envelope import Event, data_of
from service.events.models import BuildFinished, EvaluationRequested
from service.ports.store import DeliveryRecord
from tests.support.api import Api
from tests.support.clock import NOW
from tests.support.repos import Repo

ULID = "01ARZ3NDEKTSV4RRFFQ69G5FAV"


async def test_sources_say_what_was_seen_and_who_follows(api: Api, repo: Repo) -> None:
    one = await api.add_built_launcher(repo.url)
    other = await api.add_launcher(repo.url)

    (found,) = await api.get("/sources")

    assert found["id"] == one["source_id"]
    assert found["repository"] == repo.url
    assert set(found["launchers"]) == {one["id"], other["id"]}
    assert found["launchers_total"] == 2
    assert found["seen"]["commit"] == repo.tip()
    assert found["seen"]["kind"] == "pip"
    assert found["generation"] == 1
    assert "revision" not in found


async def test_a_source_that_nobody_follows_is_not_listed(api: Api, repo: Repo) -> None:
    made = await api.add_launcher(repo.url)
    await api.call("DELETE", f"/session_launchers/{made['id']}")

    assert await api.get("/sources") == []


async def test_evaluations_have_their_reasons_and_files(api: Api, repo: Repo) -> None:
    made = await api.add_built_launcher(repo.url)
    repo.commit({"README.md": "Another course\n"})
    await api.world.push(repo.repository)
    await api.world.later(60)

    newest, first = await api.get(f"/sources/{made['source_id']}/evaluations")
    limited = await api.get(f"/sources/{made['source_id']}/evaluations?limit=1")

    assert (newest["verdict"], first["verdict"]) == ("unchanged", "initial")
    assert newest["reason"] == "same_fingerprint"
    assert {item["path"] for item in first["items"]} >= {"requirements.txt"}
    assert limited == [newest]


async def test_a_person_may_have_a_source_looked_at(api: Api, repo: Repo) -> None:
    made = await api.add_built_launcher(repo.url)
    repo.commit({"requirements.txt": "six==1.17.0\n"})

    answer = await api.call("POST", f"/sources/{made['source_id']}/evaluations")

    assert answer.status == 202
    assert answer.json == {"status": "queued", "source_id": made["source_id"]}
    (event,) = await api.spooled()
    data = data_of(event)
    assert isinstance(data, EvaluationRequested)
    assert data.source_ids == (made["source_id"],)
    await api.world.settle()
    assert len(api.world.builder.running) == 1


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "evaluations"), ("POST", "evaluations")]
)
async def test_an_unknown_source_is_not_found(api: Api, method: str, path: str) -> None:
    answer = await api.call(method, f"/sources/{ULID}/{path}")

    assert answer.status == 404


def a_record(name: str, hook: str = "hook-1") -> DeliveryRecord:
    return DeliveryRecord(
        id=DeliveryId(name),
        hook_id=HookId(hook),
        forge_delivery_id=f"forge-{name}",
        event="push",
        status="ignored",
        reason="not_tracked",
        message="Nobody follows it.",
        repository="me/course",
        ref="refs/heads/main",
        before="1" * 40,
        after="2" * 40,
        headers={"x-github-event": "push", "authorization": "…"},
        received_at=NOW,
    )


async def test_deliveries_are_listed_by_hook_and_shown(api: Api) -> None:
    async with api.world.store.transaction() as tx:
        await tx.deliveries.record([a_record("d-1"), a_record("d-2", "hook-2")])

    everyone = await api.get("/deliveries")
    of_hook = await api.get("/deliveries?hook=hook-2&limit=5")
    shown = await api.get("/deliveries/d-2")

    assert {item["id"] for item in everyone} == {"d-1", "d-2"}
    assert of_hook == [shown]
    assert shown["headers"]["authorization"] == "…"
    assert shown["forge_delivery_id"] == "forge-d-2"
    assert (await api.call("GET", "/deliveries/d-3")).status == 404


async def test_a_dead_letter_is_listed_requeued_and_dropped(live: Api) -> None:
    event = Event.of(
        BuildFinished(build_key="k", outcome="failed", rebuild_id="r"),
        id="poison",
        time=NOW,
    )
    await live.bus.publish([event])

    async def bury() -> None:
        messages = live.bus.messages(ROLLOUT, prefetch=1)
        message = await anext(messages)
        await message.dead_letter(error="nobody understands it")

    await asyncio.wait_for(bury(), 10)
    (letter,) = await live.get("/dead_letters")
    of_role = await live.get("/dead_letters?role=build")
    requeued = await live.call("POST", f"/dead_letters/{letter['id']}/requeue")
    after = await live.get("/dead_letters")
    await asyncio.wait_for(bury(), 10)
    (again,) = await live.get("/dead_letters?role=rollout")
    dropped = await live.call("DELETE", f"/dead_letters/{again['id']}")

    assert letter["error"] == "nobody understands it"
    assert (letter["role"], letter["attempts"]) == ("rollout", 1)
    assert Event.from_bytes(letter["event"]).id == "poison"
    assert (of_role, after) == ([], [])
    assert (requeued.status, requeued.text) == (204, "")
    assert (dropped.status, dropped.text) == (204, "")
    assert await live.get("/dead_letters") == []


@pytest.mark.parametrize("letter", ["nothing", "1", "9" * 40, "%00", "a%20b"])
async def test_an_unknown_dead_letter_is_not_found(live: Api, letter: str) -> None:
    for method, path in (("DELETE", ""), ("POST", "/requeue")):
        answer = await live.call(method, f"/dead_letters/{letter}{path}")

        assert (answer.status, answer.json["error"]["code"]) == (404, 1404)
