"""Notification channels over the REST API."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from handlers.routes import ROUTES
from service.adapters.egress import EgressPolicy
from service.adapters.notifications.notifier import open_notifier
from service.domain.repository import Repository
from tests.support.api import Api, a_table_bus, serving
from tests.support.rights import Populated, populate
from tests.support.world import a_world

HOOK = {"kind": "webhook", "target": "https://chat.example/hook"}
REPOSITORY = Repository.from_url("https://github.com/uni/course")


@pytest.fixture
async def made(tmp_path: Path) -> AsyncIterator[tuple[Api, Populated]]:
    async with (
        a_world(tmp_path) as world,
        a_table_bus(tmp_path) as bus,
        open_notifier(
            gate=EgressPolicy(()), environment={}, clock=world.clock, mail=None
        ) as notifier,
        serving(world, bus, notifier=notifier) as api,
    ):
        yield api, await populate(world, REPOSITORY)


def path_of(made: Populated) -> str:
    return f"/api/relaunch/projects/{made.project.id}/notification_channels"


async def test_a_channel_is_added_listed_changed_and_removed(
    made: tuple[Api, Populated],
) -> None:
    api, project = made
    path = path_of(project)
    added = await api.call("POST", path, HOOK)
    listed = await api.call("GET", path)
    one = f"{path}/{added.json['id']}"
    changed = await api.call(
        "PATCH", one, {"topics": ["hook.unhealthy"], "enabled": False}
    )
    shown = await api.get(one)
    removed = await api.call("DELETE", one)
    again = await api.call("DELETE", one)
    gone = await api.call("GET", one)

    assert added.status == 201
    assert added.json["secret"].startswith("whsec_")
    assert added.json["topics"] == [
        "build.finished",
        "hook.unhealthy",
        "launcher.updated",
    ]
    assert added.json["id"] in {channel["id"] for channel in listed.json}
    assert "secret" not in listed.text
    assert changed.json["enabled"] is False
    assert "disabled_at" in changed.json
    assert shown == changed.json
    assert (removed.status, again.status, gone.status) == (204, 204, 404)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (HOOK | {"target": "chat.example"}, "expected https://host/path"),
        (HOOK | {"target": "file:///etc/passwd"}, "expected https://host/path"),
        (
            HOOK | {"target": "https://chat.example:99999/"},
            "expected https://host/path",
        ),
        (HOOK | {"target": "https://ada:pw@chat.example/"}, "user name or password"),
        (HOOK | {"topics": ["push.received"]}, "topics"),
        (HOOK | {"topics": []}, "topics"),
        (HOOK | {"kind": "fax"}, "kind"),
        (HOOK | {"url": "https://chat.example"}, "url"),
        ({"kind": "mail", "target": "ada@uni.example"}, "RELAUNCH_MAIL_HOST"),
    ],
)
async def test_what_is_no_channel_is_refused(
    made: tuple[Api, Populated], body: object, words: str
) -> None:
    api, project = made
    answer = await api.call("POST", path_of(project), body)

    assert answer.status == 422
    assert words in answer.text
    assert "pw" not in answer.text


async def test_a_test_says_why_nothing_arrived(made: tuple[Api, Populated]) -> None:
    api, project = made
    added = await api.call("POST", path_of(project), HOOK)
    answer = await api.call("POST", f"{path_of(project)}/{added.json['id']}/test")

    assert answer.status == 200
    assert answer.json["delivered"] is False
    assert "chat.example" in answer.json["error"]


async def test_another_projects_channel_is_not_there(
    made: tuple[Api, Populated],
) -> None:
    api, project = made
    added = await api.call("POST", path_of(project), HOOK)
    other = await api.call("POST", "/projects", {"name": "x", "namespace": "ada"})
    path = f"/api/relaunch/projects/{other.json['id']}/notification_channels"
    one = f"{path}/{added.json['id']}"

    assert (await api.call("GET", one)).status == 404
    assert (await api.call("PATCH", one, {"enabled": False})).status == 404
    assert (await api.call("POST", f"{one}/test")).status == 404
    assert (await api.call("DELETE", one)).status == 204
    assert (await api.get(f"{path_of(project)}/{added.json['id']}"))["enabled"]


async def test_a_project_goes_with_its_channels(made: tuple[Api, Populated]) -> None:
    api, project = made
    added = await api.call("POST", path_of(project), HOOK)
    removed = await api.call("DELETE", f"/projects/{project.project.id}")

    assert removed.status == 204
    async with api.world.store.reading() as tx:
        found = await tx.notifications.channels(project.project.id)
    assert added.status == 201
    assert list(found) == []


async def test_no_secret_is_kept_for_a_key(made: tuple[Api, Populated]) -> None:
    api, project = made
    key = {"Idempotency-Key": "one"}
    added = await api.call("POST", path_of(project), HOOK, headers=key)
    link = await api.call("POST", "/api/relaunch/sign_in_links", headers=key)

    assert (added.status, link.status) == (422, 422)
    assert "leave the header out" in added.text


def test_every_route_whose_answer_has_a_secret_says_so() -> None:
    showing = {
        route.path
        for route in ROUTES
        if isinstance(route.answer, type)
        and {"secret", "token"} & route.answer.model_fields.keys()
    }

    assert len(showing) == 4
    assert showing < {route.path for route in ROUTES if route.shows_secret}
