"""Webhooks over REST: what to paste where."""

import base64
from pathlib import Path
from typing import Any

import pytest

from service.domain.delivery import DeliveryId
from service.domain.hook import HookId, Secret
from service.ports.store import DeliveryRecord
from tests.support.api import Api
from tests.support.clock import NOW
from tests.support.deliveries import (
    COURSE,
    EVERY_WAY,
    Way,
    a_hook,
    a_push,
)
from tests.support.repos import Repo

GITHUB = "https://github.com/me/course"
GITLAB = "https://gitlab.com/group/sub/course"


async def add(api: Api, repository: str = GITHUB, **more: str) -> Any:
    answer = await api.call("POST", "/hooks", {"repository": repository} | more)
    assert answer.status == 201, answer
    return answer.json


async def test_a_new_github_hook_says_everything_to_paste(api: Api) -> None:
    made = await add(api)

    assert made["url"] == f"https://relaunch.example/webhooks/github/{made['id']}"
    assert len(bytes.fromhex(made["secret"])) == 32
    assert made["content_type"] == "application/json"
    assert made["events"] == ["Just the push event"]
    assert made["forge"] == "github"
    assert made["proof"] == "hmac"
    assert made["secrets"] == 1
    assert made["status"] == "waiting for first delivery"
    told = " ".join(made["instructions"])
    assert made["url"] in told
    assert "application/json" in told
    assert made["secret"] not in told


async def test_a_url_without_a_repository_is_answered_with_the_reach(api: Api) -> None:
    body = {"repository": "https://github.com/uni", "forge": "github"}

    answer = await api.call("POST", "/hooks", body)

    assert answer.status == 422
    assert '"reach": "owner"' in answer.json["error"]["message"]


async def test_a_hook_of_a_folder_says_how_its_pushes_are_sent(
    api: Api, tmp_path: Path
) -> None:
    Repo(tmp_path / "my course.git").commit({"README.md": "x"})
    folder = f"{tmp_path}/my%20course.git"
    made = await add(api, f"file://{folder}", forge="github")

    told = made["instructions"]
    assert not any("Settings" in item for item in told)
    pushed = f"relaunch push --repo '{tmp_path}/my course.git' --to {made['url']} "
    assert pushed in told[-1]


async def test_a_hook_of_a_folder_that_is_not_there_is_refused(
    api: Api, tmp_path: Path
) -> None:
    body = {"repository": f"file://{tmp_path}/gone.git", "forge": "github"}

    answer = await api.call("POST", "/hooks", body)

    assert answer.status == 422
    assert "no git repository" in answer.json["error"]["message"]
    assert not (await api.call("GET", "/hooks")).json


async def test_a_second_hook_names_the_first(api: Api) -> None:
    first = await add(api)
    other = await add(api, f"{GITHUB}-2")
    second = await add(api)

    assert "already" not in " ".join([*first["instructions"], *other["instructions"]])
    assert f"relaunch hook rotate {first['id']}" in second["instructions"][0]


async def test_deliveries_of_a_hook_that_is_not_there_are_a_404(api: Api) -> None:
    made = await add(api)

    known = await api.call("GET", f"/deliveries?hook={made['id']}")
    unknown = await api.call("GET", "/deliveries?hook=nobody")

    assert (known.status, known.json) == (200, [])
    assert unknown.status == 404
    assert "Hook" in unknown.json["error"]["message"]


async def test_a_gitlab_hook_signs_unless_asked_otherwise(api: Api) -> None:
    signing = await add(api, GITLAB)
    token = await add(api, GITLAB, proof="secret_token")

    assert signing["proof"] == "signing_token"
    prefix, key = signing["secret"][:6], signing["secret"][6:]
    assert prefix == "whsec_"
    assert len(base64.b64decode(key, validate=True)) == 32
    assert "secret_token" in " ".join(signing["instructions"])
    assert len(token["secret"]) >= 32
    assert signing["url"].startswith("https://relaunch.example/webhooks/gitlab/")
    assert signing["events"] == ["Push events", "Tag push events"]


async def test_a_secret_is_shown_once(api: Api) -> None:
    made = await add(api)

    listed = await api.call("GET", "/hooks")
    shown = await api.call("GET", f"/hooks/{made['id']}")

    assert [item["id"] for item in listed.json] == [made["id"]]
    assert shown.json == listed.json[0]
    assert made["secret"] not in listed.text + shown.text
    assert "secret" not in shown.json


async def test_no_two_hooks_have_one_secret(api: Api) -> None:
    made = [await add(api) for _ in range(3)]

    assert len({item["secret"] for item in made}) == 3


async def test_the_forge_is_asked_for_where_the_host_does_not_say(api: Api) -> None:
    unclear = await api.call(
        "POST", "/hooks", {"repository": "https://git.example/x/y"}
    )
    said = await add(api, "https://git.example/x/y", forge="gitlab")
    guessed = await add(api, "https://gitlab.example.org/x/y")

    assert unclear.status == 422
    assert "git.example" in unclear.json["error"]["message"]
    assert (said["forge"], guessed["forge"]) == ("gitlab", "gitlab")


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({}, id="nothing"),
        pytest.param({"repository": "no url"}, id="no url"),
        pytest.param({"repository": "https://me:pw@github.com/a/b"}, id="password"),
        pytest.param({"repository": GITHUB, "forge": "svn"}, id="forge"),
        pytest.param({"repository": GITHUB, "proof": "signing_token"}, id="proof"),
        pytest.param({"repository": GITLAB, "proof": "hmac"}, id="other proof"),
        pytest.param({"repository": GITHUB, "secret": "mine"}, id="own secret"),
    ],
)
async def test_a_wrong_hook_is_refused(api: Api, body: dict[str, str]) -> None:
    answer = await api.call("POST", "/hooks", body)

    assert (answer.status, answer.json["error"]["code"]) == (422, 1422)
    assert "pw" not in answer.text


async def test_a_rotated_secret_lives_beside_the_older_until_that_is_retired(
    api: Api,
) -> None:
    made = await add(api)

    rotated = await api.call("POST", f"/hooks/{made['id']}/rotate")
    again = await api.call("POST", f"/hooks/{made['id']}/rotate")
    live = await _secrets(api, made["id"])
    retired = await api.call("POST", f"/hooks/{made['id']}/retire")
    once_more = await api.call("POST", f"/hooks/{made['id']}/retire")

    assert rotated.status == 200
    assert rotated.json["secret"] != made["secret"]
    assert rotated.json["secrets"] == 2
    assert rotated.json["rotated_at"] == "2026-03-01T12:00:00Z"
    assert rotated.json["url"] == made["url"]
    assert "Replace" in " ".join(rotated.json["instructions"])
    assert live == [rotated.json["secret"], made["secret"]]
    assert (again.status, once_more.status) == (409, 409)
    assert (retired.status, retired.json["secrets"]) == (200, 1)
    assert await _secrets(api, made["id"]) == [rotated.json["secret"]]


async def _secrets(api: Api, hook: str) -> list[str]:
    async with api.world.store.reading() as tx:
        return [
            secret.reveal() for secret in (await tx.hooks.get(HookId(hook))).secrets
        ]


async def test_a_removed_hook_takes_nothing_any_more(api: Api) -> None:
    made = await add(api)

    removed = await api.call("DELETE", f"/hooks/{made['id']}")

    assert (removed.status, removed.text) == (204, "")
    assert await api.get("/hooks") == []
    for method, path in (("GET", ""), ("DELETE", ""), ("POST", "/rotate")):
        answer = await api.call(method, f"/hooks/{made['id']}{path}")
        assert answer.status == 404


@EVERY_WAY
async def test_what_a_hook_says_of_itself_works(api: Api, way: Way) -> None:
    """Paste URL and secret at a forge: its first delivery is taken."""
    made = await add(api, COURSE.url, forge=way.forge.value, proof=way.proof.value)
    pasted = a_hook(way, id=HookId(made["id"]), secrets=(Secret(made["secret"]),))
    post = a_push(pasted)

    answer = await api.bare(
        "POST",
        made["url"].removeprefix("https://relaunch.example"),
        data=post.body,
        headers=dict(post.headers),
    )

    assert (answer.status, answer.json["reason"]) == (202, "not_tracked")


@pytest.mark.parametrize(
    ("status", "told"),
    [
        ("accepted", "connected"),
        ("ignored", "connected"),
        ("refused", "refusing deliveries"),
    ],
)
async def test_a_hook_tells_of_its_last_delivery(
    api: Api, status: str, told: str
) -> None:
    made = await add(api)
    record = DeliveryRecord(
        id=DeliveryId("d-1"),
        hook_id=HookId(made["id"]),
        forge_delivery_id=None,
        event="ping",
        status=status,
        reason="a_reason",
        message="A sentence.",
        repository="me/course",
        ref="",
        before="",
        after="",
        headers={},
        received_at=NOW,
    )
    async with api.world.store.transaction() as tx:
        await tx.deliveries.record([record])

    found = await api.get(f"/hooks/{made['id']}")

    assert found["status"] == told
    assert found["last_delivery"] == {
        "id": "d-1",
        "received_at": "2026-03-01T12:00:00Z",
        "status": status,
        "reason": "a_reason",
        "event": "ping",
        "is_by_old_secret": False,
    }
