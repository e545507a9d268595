"""Budgets, conditional requests, and refusals to order."""

import asyncio
from datetime import timedelta

import pytest

from tests.forge.conftest import Stage
from tests.support.repos import git

REPO = "/repos/uni/course"
on_gitlab = pytest.mark.parametrize("vendor", ["gitlab"])


async def test_every_answer_tells_what_is_left(stage: Stage) -> None:
    first = await stage.ask(REPO)
    second = await stage.ask(REPO)

    assert first.headers["X-RateLimit-Limit"] == "5000"
    left = [int(reply.headers["X-RateLimit-Remaining"]) for reply in (first, second)]
    assert left == [4999, 4998]


async def test_who_has_no_token_has_little(stage: Stage) -> None:
    said = await stage.ask(REPO, token="")

    assert said.headers["X-RateLimit-Limit"] == "60"


async def test_what_has_not_changed_costs_nothing_with_a_token(stage: Stage) -> None:
    for token, cost in ((stage.forge.token, 0), ("", 1)):
        before = await stage.ask(REPO, token=token)
        after = await stage.ask(REPO, token=token, If_None_Match=before.headers["ETag"])

        assert after.status == 304
        left = [
            int(reply.headers["X-RateLimit-Remaining"]) for reply in (before, after)
        ]
        assert left[0] - left[1] == cost


async def test_what_has_changed_is_told_anew(stage: Stage) -> None:
    path = f"{REPO}/commits/main"
    sha = "application/vnd.github.sha"
    before = await stage.ask(path, Accept=sha)
    after = await stage.repo.push({"a": "1"})

    said = await stage.ask(path, Accept=sha, If_None_Match=before.headers["ETag"])

    assert (said.status, said.json) == (200, after)


@pytest.mark.parametrize("status", [403, 429])
async def test_a_spent_budget_refuses_until_it_is_renewed(
    stage: Stage, status: int
) -> None:
    reset = int((stage.clock.now() + timedelta(minutes=10)).timestamp())
    stage.forge.limit(remaining=1, reset=reset, status=status)

    assert (await stage.ask(REPO)).status == 200
    refused = await stage.ask(REPO)
    assert refused.status == status
    assert refused.headers["X-RateLimit-Remaining"] == "0"
    assert refused.headers["X-RateLimit-Reset"] == str(reset)
    assert (await stage.ask("/rate_limit")).json["rate"]["remaining"] == 0

    stage.clock.advance(timedelta(minutes=10))

    assert (await stage.ask(REPO)).status == 200


async def test_a_secondary_limit_comes_with_budget_left(stage: Stage) -> None:
    stage.forge.limit_secondary(retry_after=7)

    refused = await stage.ask(REPO)

    assert refused.status == 403
    assert refused.headers["Retry-After"] == "7"
    assert "secondary rate limit" in refused.json["message"]
    assert (await stage.ask(REPO)).status == 200


@on_gitlab
async def test_gitlab_refuses_with_429_and_says_when_to_come_back(stage: Stage) -> None:
    stage.forge.limit(remaining=0)

    refused = await stage.ask(f"/projects/{stage.repo.number}")

    assert refused.status == 429
    assert refused.headers["Retry-After"] == "60"
    assert refused.headers["RateLimit-Remaining"] == "0"


async def test_refusals_to_order_concern_the_api_or_git(stage: Stage) -> None:
    stage.forge.fail_next(502, 2)
    assert [(await stage.ask(REPO)).status for _ in range(3)] == [502, 502, 200]

    stage.forge.fail_next(503, scope="git")
    async with stage.session.get(
        f"{stage.repo.url}/info/refs?service=git-upload-pack"
    ) as answer:
        assert answer.status == 503


async def test_an_answer_can_be_broken_lead_elsewhere_or_never_come(
    stage: Stage,
) -> None:
    stage.forge.fail_next(200, body=b'[{"broken')
    stage.forge.fail_next(302, headers={"Location": "http://127.0.0.1:9/"})
    stage.forge.hang_next()

    async with stage.session.get(stage.forge.api + REPO) as answer:
        assert (answer.status, await answer.read()) == (200, b'[{"broken')
    moved = await stage.ask(REPO)
    assert (moved.status, moved.headers["Location"]) == (302, "http://127.0.0.1:9/")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await stage.ask(REPO)
    assert (await stage.ask(REPO)).status == 200


async def test_git_costs_nothing_of_the_budget(stage: Stage) -> None:
    stage.forge.limit(remaining=0)

    await stage.repo.push({"a": "1"})

    assert (await stage.ask(REPO)).status == 403


async def test_requests_are_recorded_without_their_tokens(stage: Stage) -> None:
    await stage.ask(REPO)
    await stage.ask(REPO, token=stage.forge.reader_token)

    owner, reader = stage.forge.requests
    assert (owner.method, owner.path, owner.status) == ("GET", f"/api/v3{REPO}", 200)
    assert owner.authorization != reader.authorization
    assert stage.forge.token not in repr(stage.forge.requests)


def test_git_is_new_enough_for_the_forge() -> None:
    """`--diff-merges` came with 2.31."""
    version = git("version").decode().split()[2].split(".")

    assert (int(version[0]), int(version[1])) >= (2, 31)
