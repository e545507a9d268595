"""Deliveries on record: told of at once, and played again."""

from typing import Any

from service.domain.evaluation.queue import CACHE_STALENESS
from service.domain.hook import HookId
from service.events.envelope import data_of
from service.events.models import PushReceived
from tests.support.api import Api
from tests.support.clock import NOW
from tests.support.deliveries import a_hook, a_post, a_push, some_facts
from tests.support.memory import MemoryBus
from tests.support.repos import Repo


async def deliver(api: Api, repo: Repo, **more: Any) -> tuple[Any, Any]:
    """Push through a hook of the repository; return hook and receipt."""
    body = {"repository": repo.url, "forge": "github"}
    made = (await api.call("POST", "/hooks", body)).json
    async with api.world.store.reading() as tx:
        hook = await tx.hooks.get(HookId(made["id"]))
    facts = some_facts(repository=hook.repository, after=repo.tip(), **more)
    return hook, await post(api, hook, a_push(hook, facts))


async def post(api: Api, hook: Any, sent: Any) -> Any:
    path = f"/webhooks/github/{hook.id}"
    return await api.bare("POST", path, data=sent.body, headers=dict(sent.headers))


def pushes(api: Api) -> list[PushReceived]:
    assert isinstance(api.bus, MemoryBus)
    found = map(data_of, api.bus.events)
    return [event_data for event_data in found if isinstance(event_data, PushReceived)]


async def test_an_accepted_delivery_is_explained_before_anybody_handles_it(
    api: Api, repo: Repo
) -> None:
    await api.add_launcher(repo.url)
    _, answer = await deliver(api, repo)
    name = answer.json["delivery"]

    at_once = await api.get(f"/explanations?of={name}")
    shown = await api.get(f"/deliveries/{name}")
    await api.write_log()
    written = await api.get(f"/explanations?of={name}")

    assert answer.json["status"] == "accepted"
    for explanation in (at_once, written):
        assert explanation["deliveries"][0]["status"] == "accepted"
        assert explanation["lines"][-1] == "The evaluation has not happened yet."
    assert shown["headers"]["x-github-event"] == "push"
    assert (await api.call("GET", "/explanations?of=d-unknown")).status == 404


async def test_a_delivery_played_again_goes_the_same_road_and_says_so(
    api: Api, repo: Repo
) -> None:
    await api.add_launcher(repo.url)
    await api.world.settle()
    hook, answer = await deliver(api, repo)
    await api.write_log()
    name = answer.json["delivery"]

    played = await api.call("POST", f"/deliveries/{name}/replay")
    first, again = pushes(api)
    assert isinstance(api.bus, MemoryBus)
    await api.world.enqueuer.handle(api.bus.events[-1], again)
    await api.world.later(60)
    explanation = await api.get(f"/explanations?of={name}")

    assert (played.status, played.json["reason"]) == (202, "replay")
    assert (first.trigger, again.trigger) == ("push", "replay")
    assert (again.delivery_id, again.hook_id) == (name, hook.id)
    assert (again.ref, again.after) == (first.ref, first.after)
    assert explanation["deliveries"][0]["count"] == 1
    assert explanation["evaluations"][0]["evaluation"]["trigger"] == "replay"
    assert any("played again" in line for line in explanation["lines"])


async def test_a_delivery_that_nobody_followed_is_looked_at_when_somebody_does(
    api: Api, repo: Repo
) -> None:
    _, answer = await deliver(api, repo)
    await api.write_log()
    path = f"/deliveries/{answer.json['delivery']}/replay"

    before = await api.call("POST", path)
    await api.add_launcher(repo.url)
    api.world.clock.advance(CACHE_STALENESS)
    after = await api.call("POST", path)

    assert answer.json["reason"] == "not_tracked"
    assert (before.json["status"], after.json["status"]) == ("ignored", "accepted")
    assert len(pushes(api)) == 1


async def test_what_told_of_no_ref_cannot_be_played_again(api: Api, repo: Repo) -> None:
    hook, _ = await deliver(api, repo)
    ping = await post(api, hook, a_post(hook, {"zen": "x"}, event="ping"))
    await post(api, hook, a_push(a_hook(id=hook.id), now=NOW))
    await api.write_log()
    records = {
        delivery["reason"]: delivery["id"] for delivery in await api.get("/deliveries")
    }

    asked = [
        await api.call("POST", f"/deliveries/{value}/replay")
        for value in (ping.json["delivery"], records["bad_signature"])
    ]
    unknown = await api.call("POST", "/deliveries/d-unknown/replay")

    assert [answer.status for answer in asked] == [409, 409]
    assert unknown.status == 404


async def test_without_its_hook_nothing_is_played_again(api: Api, repo: Repo) -> None:
    hook, answer = await deliver(api, repo)
    await api.write_log()
    await api.call("DELETE", f"/hooks/{hook.id}")

    asked = await api.call("POST", f"/deliveries/{answer.json['delivery']}/replay")

    assert asked.status == 409
