"""Simulations: what a delivery would lead to, and nothing done."""

import hashlib
import hmac
import json
from typing import Any

import pytest

from service.domain.delivery import Forge
from tests.support.api import Api
from tests.support.repos import Repo


def payload(repo: Repo, ref: str = "refs/heads/main", **more: Any) -> str:
    content = {
        "ref": ref,
        "before": "1" * 40,
        "after": "2" * 40,
        "commits": [],
        "repository": {
            "id": 7,
            "full_name": repo.repository.path,
            "clone_url": repo.url,
            "default_branch": "main",
        },
    }
    return json.dumps(content | more)


async def simulate(api: Api, body: str, **more: Any) -> Any:
    answer = await api.call(
        "POST", "/simulations", {"forge": "github", "body": body} | more
    )
    assert answer.status == 200, answer
    return answer.json


async def test_a_change_would_be_built(api: Api, repo: Repo) -> None:
    made = await api.add_built_launcher(repo.url)
    waiting = await api.add_built_launcher(
        repo.url, name="patient", update_policy="manual"
    )
    repo.commit({"requirements.txt": "six==1.17.0\n"})
    before = await _everything(api)

    found = await simulate(api, payload(repo))

    assert (found["verified"], found["status"]) == (False, "accepted")
    (source,) = found["sources"]
    assert (source["verdict"], source["reason"]) == ("changed", "definition_changed")
    assert source["commit"] == repo.tip()
    outlooks = {
        launcher["launcher_id"]: launcher["action"] for launcher in source["launchers"]
    }
    assert outlooks == {made["id"]: "build", waiting["id"]: "nothing"}
    told = "\n".join(found["lines"])
    assert "requirements.txt (definition) changed" in told
    assert "Launcher course: A build would be asked for." in told
    assert await _everything(api) == before


async def _everything(api: Api) -> object:
    """Return all that a simulation could have touched."""
    paths = ("session_launchers", "builds", "sources", "deliveries", "hooks")
    return [await api.get(f"/{path}") for path in paths], await api.spooled()


async def test_a_revert_would_reuse_the_earlier_image(api: Api, repo: Repo) -> None:
    made = await api.add_built_launcher(repo.url)
    repo.commit({"requirements.txt": "six==1.17.0\n"})
    await api.world.push(repo.repository)
    await api.world.later(60)
    api.world.builder.succeed()
    await api.world.settle()
    repo.commit({"requirements.txt": "six==1.16.0\n"})

    found = await simulate(api, payload(repo))

    (outlook,) = found["sources"][0]["launchers"]
    assert outlook["action"] == "reuse"
    assert outlook["image"] == made["environment"]["container_image"]


async def test_a_readme_would_change_nothing(api: Api, repo: Repo) -> None:
    await api.add_built_launcher(repo.url)
    repo.commit({"README.md": "Another\n"})

    (source,) = (await simulate(api, payload(repo)))["sources"]

    assert source["verdict"] == "unchanged"
    assert [launcher["action"] for launcher in source["launchers"]] == ["nothing"]


async def test_a_ref_that_nobody_follows_is_said(api: Api, repo: Repo) -> None:
    await api.add_launcher(repo.url)

    found = await simulate(api, payload(repo, "refs/heads/other"))

    assert (found["status"], found["reason"]) == ("ignored", "not_tracked")
    assert found["sources"] == []


async def test_a_hooks_word_is_checked_when_it_is_named(api: Api, repo: Repo) -> None:
    made = await api.call("POST", "/hooks", {"repository": repo.url, "forge": "github"})
    hook = made.json["id"]

    unsigned = await simulate(api, payload(repo), hook_id=hook)
    other = await api.call(
        "POST",
        "/simulations",
        {"forge": "gitlab", "body": payload(repo), "hook_id": hook},
    )
    unknown = await api.call(
        "POST",
        "/simulations",
        {"forge": "github", "body": payload(repo), "hook_id": "nothing"},
    )

    assert (unsigned["status"], unsigned["reason"]) == ("refused", "bad_signature")
    assert unsigned["verified"] is False
    assert made.json["secret"] not in json.dumps(unsigned)
    assert (other.status, unknown.status) == (422, 404)


async def test_a_signed_delivery_is_verified(api: Api, repo: Repo) -> None:
    made = await api.call("POST", "/hooks", {"repository": repo.url, "forge": "github"})
    body = payload(repo)
    digest = hmac.new(made.json["secret"].encode(), body.encode(), hashlib.sha256)
    headers = {
        "Content-Type": "application/json",
        "X-GitHub-Event": "push",
        "X-Hub-Signature-256": f"sha256={digest.hexdigest()}",
    }

    found = await simulate(api, body, hook_id=made.json["id"], headers=headers)

    assert found["verified"] is True


@pytest.mark.parametrize(
    "body",
    [
        "",
        "{",
        "[]",
        "null",
        "1",
        "\u20ac",
        '{"ref": "refs/heads/main"}',
        '{"a":1,"a":2}',
        '{"repository": {"clone_url": "git@x:y"}}',
        '{"repository": []}',
    ],
)
async def test_what_is_no_payload_would_be_refused(api: Api, body: str) -> None:
    for forge in Forge:
        found = await simulate(api, body, forge=forge.value)

        assert found["status"] in {"refused", "ignored"}, found
        assert found["lines"]


async def test_a_ping_would_be_ignored(api: Api, repo: Repo) -> None:
    found = await simulate(api, payload(repo), headers={"X-GitHub-Event": "ping"})

    assert (found["status"], found["reason"]) == ("ignored", "ping")


async def test_a_repository_that_is_gone_is_unknown_and_not_unchanged(
    api: Api, repo: Repo
) -> None:
    await api.add_built_launcher(repo.url)
    repo.path.rename(repo.path.with_name("gone.git"))

    (source,) = (await simulate(api, payload(repo)))["sources"]

    assert source["verdict"] == "unknown"
    assert source["reason"] in {"remote_refused", "remote_unavailable"}
