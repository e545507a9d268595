"""The small part of Gitea that is served."""

import pytest

from tests.forge.conftest import Stage
from tests.support.forge import Vendor

REPO = "/repos/uni/course"


@pytest.fixture
def vendor() -> Vendor:
    return "gitea"


async def test_a_head_and_its_files_are_found(stage: Stage) -> None:
    tip = await stage.repo.push({"d/a": "1"}, branch="feature/x")

    branch = await stage.ask(f"{REPO}/branches/feature/x")
    tree = await stage.ask(f"{REPO}/git/trees/{tip}?recursive=true")
    blobs = {item["path"]: item["sha"] for item in tree.json["tree"]}
    blob = await stage.ask(f"{REPO}/git/blobs/{blobs['d/a']}")
    raw = await stage.ask(f"{REPO}/raw/d/a?ref=feature/x")
    listed = await stage.ask(f"{REPO}/contents/d?ref=feature/x")

    assert branch.json["commit"]["id"] == tip
    assert blob.json["content"] == "MQ=="
    assert raw.json == "1"
    assert [item["sha"] for item in listed.json] == [blobs["d/a"]]


async def test_deep_trees_come_in_pages(stage: Stage) -> None:
    await stage.repo.push({f"{number}": "x" for number in range(4)})

    first = await stage.ask(f"{REPO}/git/trees/main?per_page=3")
    second = await stage.ask(f"{REPO}/git/trees/main?per_page=3&page=2")

    assert [reply.json["truncated"] for reply in (first, second)] == [True, False]
    assert len(first.json["tree"] + second.json["tree"]) == 5


async def test_a_hook_is_made_called_and_taken_away(stage: Stage) -> None:
    config = {"url": stage.receiver.url, "content_type": "json", "secret": "s"}
    requested = {"type": "gitea", "active": True, "config": config, "events": ["push"]}
    made = await stage.ask(f"{REPO}/hooks", method="POST", body=requested)
    hook = f"{REPO}/hooks/{made.json['id']}"

    tested = await stage.ask(f"{hook}/tests", method="POST")
    await stage.forge.settled()
    gone = await stage.ask(hook, method="DELETE")

    assert [made.status, tested.status, gone.status] == [201, 204, 204]
    assert "secret" not in made.json["config"]
    [got] = stage.receiver.received
    assert got.headers["x-hub-signature-256"] == (
        f"sha256={got.headers['x-gitea-signature']}"
    )


async def test_a_status_is_kept(stage: Stage) -> None:
    path = f"{REPO}/statuses/{stage.repo.tip()}"
    said = {"state": "success", "context": "relaunch"}

    made = await stage.ask(path, method="POST", body=said)
    listed = await stage.ask(f"{REPO}/commits/main/statuses")

    assert made.status == 201
    assert [item["context"] for item in listed.json] == ["relaunch"]
