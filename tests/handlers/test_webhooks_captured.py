"""Captured deliveries, signed and sent through the front door."""

import json
import os
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from service.domain.hook import HookId, Proof
from tests.support.deliveries import COURSE, a_hook, a_post
from tests.support.front_door import FrontDoor, front_door

BESIDE = Path(__file__).parents[3] / "shared" / "payloads"
FOLDER = Path(os.environ.get("RELAUNCH_PAYLOADS", BESIDE))  # noqa: TID251 - no settings tree in tests

KNOWN_AFTER = timedelta(seconds=3)
"""Several files are about one repository, and what was read of it is remembered."""

pytestmark = pytest.mark.skipif(
    not FOLDER.is_dir(), reason="no captured payloads: set RELAUNCH_PAYLOADS"
)


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[FrontDoor]:
    async with front_door(tmp_path) as opened:
        yield opened


def captured(forge: str) -> list[Path]:
    return sorted((FOLDER / forge).glob("*.json"))


EVENTS = ("push", "ping", "create", "delete", "public", "repository")


def event_of(file: Path) -> str:
    """Read GitHub's name of the event off the name of the file."""
    name = file.stem.partition("-")[2]
    return next((event for event in EVENTS if name.startswith(event)), "installation")


async def test_every_captured_delivery_of_github_is_read(door: FrontDoor) -> None:
    for file in captured("github"):
        body = file.read_bytes()
        about = json.loads(body).get("repository", {"id": 1, "full_name": "o/r"})
        repository = replace(COURSE, path=about["full_name"], number=about["id"])
        id_ = HookId(file.stem.replace("_", "-").replace(".", "-")[:64])
        hook = await door.add_hook(a_hook(id=id_, repository=repository))
        await door.track(None, repository)
        door.clock.advance(KNOWN_AFTER)

        answer = await door.post(hook, a_post(hook, body, event=event_of(file)))

        is_push = event_of(file) == "push" and "tag" not in file.stem
        assert answer.status == 202, (file, answer.body)
        if is_push and "branch" not in file.stem:
            assert answer.json["status"] == "accepted", (file, answer.body)


@pytest.mark.parametrize("proof", [Proof.SECRET_TOKEN, Proof.SIGNING_TOKEN])
async def test_every_captured_delivery_of_gitlab_is_read(
    door: FrontDoor, proof: Proof
) -> None:
    for file in captured("gitlab"):
        body = file.read_bytes()
        payload = json.loads(body)
        path = payload["project"]["path_with_namespace"]
        repository = replace(COURSE, path=path, number=payload["project_id"])
        hook = await door.add_hook(
            a_hook(proof, id=HookId(file.stem), repository=repository)
        )
        await door.track(payload["ref"], repository)
        door.clock.advance(KNOWN_AFTER)

        answer = await door.post(hook, a_post(hook, body, event="Push Hook"))

        assert (answer.status, answer.json["status"]) == (202, "accepted"), file


async def test_a_captured_form_body_is_read_with_its_own_headers(
    door: FrontDoor,
) -> None:
    body = (FOLDER / "raw" / "gidgethub-ping_urlencoded.body").read_bytes()
    theirs = replace(COURSE, path="brettcannon/gidgethub", number=None)
    hook = await door.add_hook(a_hook(repository=theirs))
    form = "application/x-www-form-urlencoded"

    answer = await door.post(hook, a_post(hook, body, event="ping", content_type=form))

    assert (answer.status, answer.json["reason"]) == (202, "ping")


@pytest.mark.parametrize("forge", ["gitea", "gogs", "bitbucket-cloud", "bitbucket-dc"])
async def test_deliveries_of_other_forges_are_refused_politely(
    door: FrontDoor, forge: str
) -> None:
    hook = await door.add_hook(a_hook())
    for file in captured(forge):
        answer = await door.post(hook, a_post(hook, file.read_bytes()))

        assert answer.status in {202, 400, 403}, file
