"""The fake cannot drift: it answers and delivers as GitHub describes."""

import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession

from tests.forge.descriptions import delivered_as, github_api, github_webhooks
from tests.forge.receiving import a_receiver
from tests.support.forge import (
    Delivery,
    Forge,
    HostedRepo,
    a_forge,
    github_api as served,
)
from tests.support.repos import Content, Link, Submodule

pytestmark = pytest.mark.npm

FILES: dict[str, Content] = {
    "requirements.txt": "numpy\n",
    "binder/environment.yml": "dependencies: []\n",
    "link": Link("requirements.txt"),
    "dangling": Link("nowhere"),
    "module": Submodule("1" * 40),
}
ASKED = {
    "GET /repos/{owner}/{repo}": ["", ""],
    "GET /repos/{owner}/{repo}/git/ref/{ref}": ["/git/ref/heads/main"],
    "GET /repos/{owner}/{repo}/git/matching-refs/{ref}": ["/git/matching-refs/tags"],
    "GET /repos/{owner}/{repo}/git/trees/{tree_sha}": [
        "/git/trees/main",
        "/git/trees/main?recursive=0",
    ],
    "GET /repos/{owner}/{repo}/git/blobs/{file_sha}": ["/git/blobs/{blob}"],
    "GET /repos/{owner}/{repo}/git/tags/{tag_sha}": ["/git/tags/{tag}"],
    "GET /repos/{owner}/{repo}/branches": ["/branches?per_page=1"],
    "GET /repos/{owner}/{repo}/branches/{branch}": ["/branches/feature/x"],
    "GET /repos/{owner}/{repo}/tags": ["/tags"],
    "GET /repos/{owner}/{repo}/commits": ["/commits", "/commits?sha=feature/x"],
    "GET /repos/{owner}/{repo}/commits/{ref}": ["/commits/feature/x"],
    "GET /repos/{owner}/{repo}/git/commits/{commit_sha}": ["/git/commits/{commit}"],
    "GET /repos/{owner}/{repo}/compare/{basehead}": [
        "/compare/main...feature/x",
        "/compare/feature/x...main",
        "/compare/main...main",
    ],
    "GET /repos/{owner}/{repo}/contents/{path}": [
        "/contents",
        "/contents/binder",
        "/contents/requirements.txt?ref=feature/x",
        "/contents/link",
        "/contents/dangling",
        "/contents/module",
    ],
    "POST /repos/{owner}/{repo}/statuses/{sha}": ["/statuses/{commit}"],
    "GET /repos/{owner}/{repo}/commits/{ref}/statuses": ["/commits/main/statuses"],
    "GET /repos/{owner}/{repo}/commits/{ref}/status": ["/commits/main/status"],
    "POST /repos/{owner}/{repo}/hooks": ["/hooks"],
    "GET /repos/{owner}/{repo}/hooks": ["/hooks"],
    "GET /repos/{owner}/{repo}/hooks/{hook_id}": ["/hooks/{hook}"],
    "PATCH /repos/{owner}/{repo}/hooks/{hook_id}": ["/hooks/{hook}"],
    "GET /repos/{owner}/{repo}/hooks/{hook_id}/config": ["/hooks/{hook}/config"],
    "PATCH /repos/{owner}/{repo}/hooks/{hook_id}/config": ["/hooks/{hook}/config"],
    "POST /repos/{owner}/{repo}/hooks/{hook_id}/pings": ["/hooks/{hook}/pings"],
    "POST /repos/{owner}/{repo}/hooks/{hook_id}/tests": ["/hooks/{hook}/tests"],
    "GET /repos/{owner}/{repo}/hooks/{hook_id}/deliveries": [
        "/hooks/{hook}/deliveries",
        "/hooks/{hook}/deliveries?per_page=1&status=success",
    ],
    "GET /repos/{owner}/{repo}/hooks/{hook_id}/deliveries/{delivery_id}": [
        "/hooks/{hook}/deliveries/1"
    ],
    "POST /repos/{owner}/{repo}/hooks/{hook_id}/deliveries/{delivery_id}/attempts": [
        "/hooks/{hook}/deliveries/1/attempts"
    ],
    "DELETE /repos/{owner}/{repo}/hooks/{hook_id}": ["/hooks/{hook}"],
}
"""Every resource of a repository, and what is asked of it, in this order."""
BODIES = {
    "POST /repos/{owner}/{repo}/statuses/{sha}": {"state": "success"},
    "PATCH /repos/{owner}/{repo}/hooks/{hook_id}": {"add_events": ["create"]},
    "PATCH /repos/{owner}/{repo}/hooks/{hook_id}/config": {"secret": "another"},
}


@dataclass
class Asking:
    """Asks, and holds every answer against the description."""

    forge: Forge
    repo: HostedRepo
    session: ClientSession
    names: dict[str, str] = field(default_factory=dict)

    async def ask(
        self, operation: str, path: str, *, body: object = None, **headers: str
    ) -> tuple[int, Any]:
        method, template = operation.split(" ")
        headers = {"Authorization": f"token {self.forge.token}"} | headers
        url = self.forge.api + path.format_map(self.names)
        async with self.session.request(
            method, url, json=body, headers=headers, allow_redirects=False
        ) as answer:
            raw = await answer.read()
            said = json.loads(raw) if "json" in answer.content_type and raw else None
            schema = github_api().answer(method, template, answer.status)
            if schema is not None and raw:
                found = github_api().complaints(schema, said)
                assert not found, (method, path, answer.status, found, said)
            return answer.status, said


@pytest.fixture
async def asking(tmp_path: Path) -> AsyncIterator[Asking]:
    async with (
        a_forge(tmp_path, vendor="github") as forge,
        ClientSession() as session,
    ):
        repo = forge.create("uni/course", files=FILES)
        commit = await repo.push({"binder/environment.yml": None}, branch="feature/x")
        tag = repo.work.tag("v1", repo.tip(), message="one")
        await repo.push_refs("refs/tags/v1")
        blob = repo.bare.git("rev-parse", "main:requirements.txt").decode().strip()
        names = {"commit": commit, "tag": tag, "blob": blob}
        yield Asking(forge, repo, session, names)


async def test_every_resource_answers_as_github_describes_it(asking: Asking) -> None:
    async with a_receiver() as receiver:
        hook = {"url": receiver.url, "content_type": "json", "secret": "secret"}
        for operation, paths in ASKED.items():
            for path in paths:
                body = BODIES.get(operation)
                if operation.startswith("POST") and path == "/hooks":
                    body = {"config": hook}
                status, said = await asking.ask(
                    operation, "/repos/uni/course" + path, body=body
                )

                assert 200 <= status < 300, (path, said)
                if operation.startswith("POST") and path == "/hooks":
                    asking.names["hook"] = str(said["id"])
                await asking.forge.settled()


def test_every_resource_that_is_served_is_asked_for() -> None:
    asked = {re.sub(r"\{[a-z_]+\}", "{}", text) for text in ASKED}
    forge: Any = None

    offered = {
        f"{method} /repos/{{}}/{{}}{re.sub(r'{[^}]+}', '{}', path)}"
        for part in served._PARTS
        for method, path, _ in part.routes(forge)
    }
    assert offered - {"GET /repos/{}/{}/contents"} == asked


async def test_what_is_asked_of_no_repository_is_described_too(asking: Asking) -> None:
    assert (await asking.ask("GET /rate_limit", "/rate_limit"))[0] == 200
    assert (await asking.ask("GET /user", "/user"))[0] == 200


async def test_refusals_are_worded_as_github_describes_them(asking: Asking) -> None:
    forge, repo = asking.forge, asking.repo
    one = "GET /repos/{owner}/{repo}"
    commit = "GET /repos/{owner}/{repo}/commits/{ref}"
    nobody = {"Authorization": f"token {forge.reader_token}"}
    forge.create("uni/empty")
    forge.rename(repo, "uni/renamed")

    assert (await asking.ask(one, "/repos/uni/nothing"))[0] == 404
    assert (await asking.ask(one, "/repos/uni/course"))[0] == 301
    assert (await asking.ask(commit, "/repos/uni/renamed/commits/none"))[0] == 422
    assert (await asking.ask(commit, "/repos/uni/empty/commits/main"))[0] == 409
    hooks = "POST /repos/{owner}/{repo}/hooks"
    assert (await asking.ask(hooks, "/repos/uni/renamed/hooks", body={}))[0] == 422
    no_right = await asking.ask(hooks, "/repos/uni/renamed/hooks", body={}, **nobody)
    assert no_right[0] == 404
    forge.set_visibility(repo, "private")
    assert (await asking.ask(one, "/repos/uni/renamed", **nobody))[0] == 404
    forge.limit_secondary()
    assert (await asking.ask(one, "/repos/uni/renamed"))[0] == 403
    forge.limit(remaining=0)
    assert (await asking.ask(one, "/repos/uni/renamed"))[0] == 403


async def test_every_delivery_is_as_github_describes_it(asking: Asking) -> None:
    forge, repo = asking.forge, asking.repo
    async with a_receiver() as receiver:
        hook = forge.hooks.add(
            receiver.url, repository=repo.number, secret="secret", events=["*"]
        )
        pings = "POST /repos/{owner}/{repo}/hooks/{hook_id}/pings"
        await asking.ask(pings, f"/repos/uni/course/hooks/{hook.id}/pings")
        await push_in_every_way(repo)
        forge.make_default(repo, "feature/x")
        forge.set_visibility(repo, "private")
        forge.set_visibility(repo, "public")
        forge.archive(repo)
        forge.rename(repo, "uni/renamed")
        forge.rename(repo, "other/renamed")
        await forge.settled()

    names = {check(delivery) for delivery in forge.deliveries}

    assert names == {
        *("push", "create", "delete", "ping", "repository-edited"),
        *("repository-privatized", "repository-publicized", "repository-archived"),
        *("repository-renamed", "repository-transferred"),
    }


async def push_in_every_way(repo: HostedRepo) -> None:
    old = repo.work.tip()
    await repo.push({"requirements.txt": "scipy\n"})
    repo.work.point("refs/heads/main", old)
    await repo.push_refs("refs/heads/main", force=True)
    repo.work.point("refs/heads/other", old)
    await repo.push_refs("refs/heads/other")
    await repo.push_refs(":refs/heads/other")
    repo.work.tag("light", old)
    repo.work.tag("heavy", old, message="two")
    await repo.push_refs("refs/tags/light", "refs/tags/heavy")
    await repo.push_refs(":refs/tags/light")


def check(delivery: Delivery) -> str:
    """Hold a delivery against its description; return the event's name."""
    payload = json.loads(delivery.body)
    name = delivered_as(delivery.event, payload)
    schema, headers = github_webhooks().event(name)
    found = github_webhooks().complaints(schema, payload)

    assert not found, (name, found)
    assert headers <= {header.lower() for header in delivery.headers}, name
    return name
