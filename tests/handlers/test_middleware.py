"""Every answer to an error has one shape and tells only what is the caller's."""

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from aiohttp import ClientSession, web
from prometheus_client import CollectorRegistry

from handlers.auth import Guard
from handlers.middleware import STATUS, handle_errors
from service import errors
from service.domain.rights.decision import Permission
from service.metrics import Metrics
from tests.support.front_door import FrontDoor, front_door

OPEN = Guard(permission=Permission.OPEN)


async def answer_to(error: Exception) -> tuple[int, dict[str, str], str]:
    async def fail(_request: web.Request) -> web.Response:
        raise error

    app = web.Application()
    metrics = Metrics(registry=CollectorRegistry())
    handler = handle_errors(fail, method="GET", route="/", guard=OPEN, metrics=metrics)
    app.router.add_get("/", handler)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
        async with ClientSession() as session, session.get(url) as response:
            return response.status, dict(response.headers), await response.text()
    finally:
        await runner.cleanup()


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (errors.MalformedDeliveryError("m"), 400),
        (errors.ForeignRepositoryError("m"), 403),
        (errors.OversizedDeliveryError("m"), 413),
        (errors.UnsupportedMediaError("m"), 415),
        (errors.NotFoundError("m"), 404),
        (errors.ConflictError("m"), 409),
        (errors.InvalidRequestError("m"), 422),
        (errors.UnauthenticatedError("m"), 401),
        (errors.RemoteRefusedError("m"), 422),
        (errors.TransientError("m"), 503),
    ],
)
async def test_every_error_has_its_status_and_its_message(
    error: Exception, status: int
) -> None:
    seen, _, body = await answer_to(error)

    assert seen == status
    assert json.loads(body) == {"error": {"code": 1000 + status, "message": "m"}}


async def test_why_a_delivery_is_not_believed_is_not_told() -> None:
    first = await answer_to(errors.BadSignatureError("the clock"))
    second = await answer_to(errors.BadSignatureError("no such hook"))

    assert first[0] == second[0] == 401
    assert first[2] == second[2]
    assert "clock" not in first[2]


@pytest.mark.parametrize(
    "error", [RuntimeError("at db-host"), errors.PermanentError("at db-host")]
)
async def test_a_defect_is_a_500_with_a_trace_and_without_detail(
    error: Exception,
) -> None:
    status, _, body = await answer_to(error)

    assert status == 500
    assert "db-host" not in body
    assert len(json.loads(body)["error"]["trace_id"]) == 16


async def test_what_may_pass_says_when_to_try_again() -> None:
    asked = errors.TransientError("busy", retry_after=timedelta(seconds=42))

    assert (await answer_to(asked))[1]["Retry-After"] == "42"
    assert (await answer_to(errors.TransientError("busy")))[1]["Retry-After"] == "10"


async def test_a_message_with_half_a_character_can_be_sent() -> None:
    status, _, _ = await answer_to(errors.InvalidRequestError("\ud800"))

    assert status == 422


def test_every_kind_of_error_has_a_status_or_is_our_fault() -> None:
    ours = {errors.ServiceError, errors.PermanentError}
    named = [getattr(errors, text) for text in errors.__all__]
    kinds = {item for item in named if issubclass(item, Exception)} - ours

    for kind in kinds:
        assert any(item in STATUS for item in kind.__mro__), kind


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[FrontDoor]:
    async with front_door(tmp_path) as opened:
        yield opened


async def test_a_path_that_is_not_there_is_a_404_in_our_shape(door: FrontDoor) -> None:
    answer = await door.request("GET", "/no/such/path")

    assert (answer.status, answer.json["error"]["code"]) == (404, 1404)


async def test_requests_are_counted_by_route_and_never_by_path(door: FrontDoor) -> None:
    for number in range(3):
        await door.request("POST", f"/webhooks/github/{number}", data=b"{}")
        await door.request("GET", f"/secret-{number}")

    seen = (await door.request("GET", "/metrics")).body.decode()
    route = "/webhooks/github/{hook_id}"
    labels = {"method": "POST", "route": route, "status": "401"}
    assert door.count("relaunch_request_seconds_count", **labels) == 3
    assert "secret-1" not in seen


async def test_the_process_is_alive_whatever_its_parts_do(door: FrontDoor) -> None:
    door.bus.is_broken = door.store.is_read_broken = True

    answer = await door.request("GET", "/healthz")

    assert (answer.status, answer.json) == (200, {"status": "ok"})


async def test_readiness_names_the_part_that_does_not_answer(door: FrontDoor) -> None:
    ready = await door.request("GET", "/readyz")
    door.bus.is_broken = True
    broken = await door.request("GET", "/readyz")
    door.bus.is_broken, door.bus.is_silent = False, True
    silent = await door.request("GET", "/readyz")

    assert (ready.status, ready.json["parts"]) == (200, {"bus": "ok", "store": "ok"})
    assert broken.status == silent.status == 503
    assert broken.json["parts"] == {"bus": "unavailable", "store": "ok"}
    assert "secret-host" not in broken.body.decode()
    assert silent.json["parts"]["bus"] == "no answer in 2 s"
