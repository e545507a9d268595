"""Deliveries on their way: lost, doubled, turned round, sent again, given up."""

from datetime import timedelta

import pytest

from tests.forge.conftest import Stage

SIGNING = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="

on_github = pytest.mark.parametrize("vendor", ["github"])
on_gitlab = pytest.mark.parametrize("vendor", ["gitlab"])


async def test_a_dropped_delivery_reaches_nobody_and_no_log(stage: Stage) -> None:
    stage.forge.faults.drop = True
    await stage.repo.push({"a": "1"})
    stage.forge.faults.drop = False
    second = await stage.repo.push({"a": "2"})
    await stage.forge.settled()

    assert [item["after"] for item in stage.told()] == [second]
    hook = stage.forge.hooks[0]
    log = await stage.ask(f"/repos/uni/course/hooks/{hook.id}/deliveries")
    assert len(log.json) == 1
    assert [delivery.is_lost for delivery in stage.forge.deliveries] == [True, False]


async def test_a_doubled_delivery_has_the_same_guid(stage: Stage) -> None:
    stage.forge.faults.copies = 2

    await stage.repo.push({"a": "1"})
    await stage.forge.settled()

    first, second = (request.headers for request in stage.receiver.received)
    assert first["x-github-delivery"] == second["x-github-delivery"]


async def test_held_deliveries_can_arrive_in_the_wrong_order(stage: Stage) -> None:
    stage.forge.faults.hold = True
    first = await stage.repo.push({"a": "1"})
    second = await stage.repo.push({"a": "2"})
    await stage.forge.settled()
    assert stage.told() == []

    stage.forge.courier.release(reverse=True)
    await stage.forge.settled()

    assert [item["after"] for item in stage.told()] == [second, first]


@on_github
async def test_a_failed_delivery_is_found_and_sent_again(stage: Stage) -> None:
    stage.receiver.status = 500
    await stage.repo.push({"a": "1"})
    await stage.forge.settled()
    stage.receiver.status = 202
    hooks = f"/repos/uni/course/hooks/{stage.forge.hooks[0].id}"

    failed = await stage.ask(f"{hooks}/deliveries?status=failure")
    number = failed.json[0]["id"]
    again = await stage.ask(f"{hooks}/deliveries/{number}/attempts", method="POST")
    await stage.forge.settled()

    assert again.status == 202
    log = (await stage.ask(f"{hooks}/deliveries")).json
    assert [(item["status_code"], item["redelivery"]) for item in log] == [
        (202, True),
        (500, False),
    ]
    assert len({item["guid"] for item in log}) == 1


@on_github
async def test_the_log_goes_back_three_days_in_pages(stage: Stage) -> None:
    await stage.repo.push({"a": "0"})
    stage.clock.advance(timedelta(days=3, minutes=1))
    for number in range(3):
        await stage.repo.push({"a": f"{number + 1}"})
    await stage.forge.settled()
    path = f"/repos/uni/course/hooks/{stage.forge.hooks[0].id}/deliveries"

    first = await stage.ask(f"{path}?per_page=2")
    cursor = first.headers["Link"].partition("cursor=")[2].partition("&")[0]
    cursor = cursor.partition(">")[0]
    second = await stage.ask(f"{path}?per_page=2&cursor={cursor}")

    assert [item["id"] for item in first.json + second.json] == [4, 3, 2]
    assert "Link" not in second.headers


@on_gitlab
async def test_a_signing_token_signs_id_time_and_body(stage: Stage) -> None:
    stage.forge.hooks[0].signing_token = SIGNING

    await stage.repo.push({"a": "1"})
    await stage.forge.settled()

    [got] = stage.receiver.received
    assert got.headers["webhook-id"] == got.headers["idempotency-key"]
    assert got.headers["webhook-timestamp"] == str(int(stage.clock.now().timestamp()))
    assert got.headers["webhook-signature"].startswith("v1,")


@on_gitlab
async def test_gitlab_stops_calling_a_hook_that_fails(stage: Stage) -> None:
    hook = stage.forge.hooks[0]
    path = f"/projects/{stage.repo.number}/hooks/{hook.id}"
    stage.receiver.status = 500
    for number in range(5):
        await stage.repo.push({"a": f"{number}"})
        await stage.forge.settled()

    assert len(stage.told()) == 4
    assert (await stage.ask(path)).json["alert_status"] == "temporarily_disabled"

    stage.clock.advance(timedelta(minutes=1))
    stage.receiver.status = 200
    await stage.repo.push({"a": "again"})
    await stage.forge.settled()

    assert len(stage.told()) == 5
    assert (await stage.ask(path)).json["alert_status"] == "executable"


@on_gitlab
async def test_a_hook_that_failed_forty_times_is_off_until_it_is_tested(
    stage: Stage,
) -> None:
    hook = stage.forge.hooks[0]
    path = f"/projects/{stage.repo.number}/hooks/{hook.id}"
    for _ in range(40):
        hook.fail(stage.clock.now())
    stage.clock.advance(timedelta(days=2))
    await stage.repo.push({"a": "1"})
    await stage.forge.settled()

    assert stage.told() == []
    assert (await stage.ask(path)).json["alert_status"] == "disabled"

    tested = await stage.ask(f"{path}/test/push_events", method="POST")

    assert tested.status == 201
    assert (await stage.ask(path)).json["alert_status"] == "executable"


@on_gitlab
async def test_gitlab_sends_again_by_the_same_key_five_times_a_minute(
    stage: Stage,
) -> None:
    await stage.repo.push({"a": "1"})
    await stage.forge.settled()
    path = f"/projects/{stage.repo.number}/hooks/{stage.forge.hooks[0].id}/events"
    [event] = (await stage.ask(path)).json

    again = [
        await stage.ask(f"{path}/{event['id']}/resend", method="POST") for _ in range(6)
    ]

    assert [reply.status for reply in again] == [201] * 5 + [429]
    keys = {request.headers["idempotency-key"] for request in stage.receiver.received}
    assert len(keys) == 1
    assert event["request_headers"]["X-Gitlab-Token"] == "[REDACTED]"
