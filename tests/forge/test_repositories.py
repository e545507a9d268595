"""Names that move, numbers that stay, and what may not be seen."""

import asyncio
from asyncio.subprocess import PIPE

import pytest

from tests.forge.conftest import Stage
from tests.support.forge import Vendor
from tests.support.repos import ENVIRONMENT

on_github = pytest.mark.parametrize("vendor", ["github"])
on_gitlab = pytest.mark.parametrize("vendor", ["gitlab"])
on_every = pytest.mark.parametrize("vendor", ["github", "gitlab", "gitea"])


def named(vendor: Vendor, path: str) -> str:
    encoded = path.replace("/", "%2F")
    return f"/projects/{encoded}" if vendor == "gitlab" else f"/repos/{path}"


async def heads(url: str) -> str | None:
    """Ask git what is there; nothing when it refuses."""
    process = await asyncio.create_subprocess_exec(
        *("git", "ls-remote", url, "refs/heads/main"),
        env=ENVIRONMENT | {"GIT_TERMINAL_PROMPT": "0"},
        stdout=PIPE,
        stderr=PIPE,
    )
    said, _ = await process.communicate()
    return said.decode().partition("\t")[0] or None


@on_every
async def test_an_old_name_leads_to_the_number(stage: Stage, vendor: Vendor) -> None:
    stage.forge.rename(stage.repo, "other/renamed")

    said = await stage.ask(named(vendor, "uni/course"))

    assert said.status == 301
    async with stage.session.get(
        said.headers["Location"],
        headers={"Authorization": f"Bearer {stage.forge.token}"},
    ) as answer:
        assert (await answer.json())["id"] == stage.repo.number
    assert await heads(f"{stage.forge.url}/uni/course.git") == stage.repo.tip()


@on_github
async def test_only_reading_is_redirected_as_moved_for_good(stage: Stage) -> None:
    stage.forge.rename(stage.repo, "uni/renamed")
    path = f"/repos/uni/course/statuses/{stage.repo.tip()}"

    said = await stage.ask(path, method="POST", body={"state": "success"})

    assert said.status == 307
    assert said.headers["Location"].endswith(
        f"/repositories/{stage.repo.number}/statuses/{stage.repo.tip()}"
    )


@on_gitlab
async def test_gitlab_takes_only_gets_under_an_old_name(stage: Stage) -> None:
    stage.forge.rename(stage.repo, "uni/renamed")

    said = await stage.ask("/projects/uni%2Fcourse/hooks", method="POST", body={})

    assert said.status == 405


@on_every
async def test_a_new_repository_under_an_old_name_is_another_one(
    stage: Stage, vendor: Vendor
) -> None:
    stage.forge.rename(stage.repo, "uni/renamed")
    taken = stage.forge.create("uni/course", files={"a": "1"})

    said = await stage.ask(named(vendor, "uni/course"))

    assert (said.status, said.json["id"]) == (200, taken.number)
    assert taken.number != stage.repo.number
    assert await heads(f"{stage.forge.url}/uni/course.git") == taken.tip()


@on_every
async def test_a_private_repository_seems_not_to_be_there(
    stage: Stage, vendor: Vendor
) -> None:
    stage.forge.set_visibility(stage.repo, "private")
    path = named(vendor, "uni/course")

    reader = stage.forge.reader_token
    assert (await stage.ask(path, token="")).status == 404
    assert (await stage.ask(path, token=reader)).status == 404
    assert (await stage.ask(path, token="nonsense")).status == 401
    assert (await stage.ask(path)).status == 200
    assert await heads(stage.repo.url) is None
    own = stage.repo.url.replace("://", f"://x:{stage.forge.token}@")
    assert await heads(own) == stage.repo.tip()


@on_every
async def test_a_deleted_repository_is_not_there(stage: Stage, vendor: Vendor) -> None:
    stage.forge.delete(stage.repo)

    assert (await stage.ask(named(vendor, "uni/course"))).status == 404
    assert await heads(stage.repo.url) is None
    assert len(stage.forge.hooks) == 0


@on_every
async def test_an_empty_repository_has_no_head(stage: Stage, vendor: Vendor) -> None:
    stage.forge.create("uni/empty")
    tail = {
        "github": "/commits/main",
        "gitlab": "/repository/commits/main",
        "gitea": "/git/commits/main",
    }[vendor]

    said = await stage.ask(named(vendor, "uni/empty") + tail)

    assert said.status == (409 if vendor == "github" else 404)


@on_every
async def test_the_first_push_makes_its_branch_the_default(
    stage: Stage, vendor: Vendor
) -> None:
    repo = stage.forge.create("uni/empty")

    await repo.push({"a": "1"}, branch="trunk")

    said = await stage.ask(named(vendor, "uni/empty"))
    assert said.json["default_branch"] == "trunk"


@on_every
async def test_an_api_that_lags_shows_what_was_there(
    stage: Stage, vendor: Vendor
) -> None:
    base = named(vendor, "uni/course")
    base += "/repository" if vendor == "gitlab" else ""
    old = stage.repo.tip()
    stage.forge.freeze(stage.repo)
    new = await stage.repo.push({"a": "1"})
    commit = f"{base}/{'git/' if vendor == 'gitea' else ''}commits/{new}"

    late = await stage.ask(f"{base}/branches/main")
    missing = await stage.ask(commit)
    stage.forge.thaw(stage.repo)
    fresh = await stage.ask(f"{base}/branches/main")

    assert old in str(late.json["commit"])
    assert missing.status in {404, 422}
    assert new in str(fresh.json["commit"])
    assert (await stage.ask(commit)).status == 200


@on_every
async def test_repositories_may_be_of_sha_256(stage: Stage, vendor: Vendor) -> None:
    repo = stage.forge.create("uni/long", files={"a": "1"}, hashing="sha256")
    stage.forge.hooks.add(stage.receiver.url, repository=repo.number)
    commit = await repo.push({"a": "2"})
    repo.work.point("refs/heads/new", commit)
    await repo.push_refs("refs/heads/new")
    await stage.forge.settled()
    base = named(vendor, "uni/long") + ("/repository" if vendor == "gitlab" else "")

    said = await stage.ask(f"{base}/branches/main")

    assert len(commit) == 64
    assert commit in str(said.json["commit"])
    told = [item for item in stage.told() if "before" in item]
    assert [len(item["before"]) for item in told] == [64, 64]


async def test_a_deep_tree_is_truncated_at_the_cap(stage: Stage) -> None:
    await stage.repo.push({f"d/{number}": "x" for number in range(5)})
    stage.forge.tree_cap = 3

    deep = await stage.ask("/repos/uni/course/git/trees/main?recursive=0")
    flat = await stage.ask("/repos/uni/course/git/trees/main")

    assert (len(deep.json["tree"]), deep.json["truncated"]) == (3, True)
    assert [item["path"] for item in flat.json["tree"]] == ["d", "requirements.txt"]
    assert flat.json["truncated"] is False


async def test_a_comparison_has_three_hundred_files_at_most(stage: Stage) -> None:
    old = stage.repo.tip()
    new = await stage.repo.push({f"f{number}": "x" for number in range(301)})

    ahead = await stage.ask(f"/repos/uni/course/compare/{old}...{new}")
    behind = await stage.ask(f"/repos/uni/course/compare/{new}...{old}")

    assert (ahead.json["status"], len(ahead.json["files"])) == ("ahead", 300)
    assert (behind.json["status"], behind.json["files"]) == ("behind", [])


async def test_large_files_come_raw_or_without_content(stage: Stage) -> None:
    await stage.repo.push({"big": "x" * (1024 * 1024 + 1)})
    path = "/repos/uni/course/contents/big"

    said = await stage.ask(path)
    raw = await stage.ask(path, Accept="application/vnd.github.raw+json")
    stage.forge.blob_cap = 1024 * 1024
    beyond = await stage.ask(path)

    assert (said.json["encoding"], said.json["content"]) == ("none", "")
    assert len(raw.json) == 1024 * 1024 + 1
    assert beyond.status == 403
