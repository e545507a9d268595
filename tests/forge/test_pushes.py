"""What a real push makes the forge tell, by each vendor's rules."""

import pytest

from service.domain.hook import Secret
from service.forges import hmac256
from tests.forge.conftest import Stage
from tests.support.forge import Vendor
from tests.support.repos import MovedFrom, Repo

ZERO = "0" * 40

on_github = pytest.mark.parametrize("vendor", ["github"])
on_gitlab = pytest.mark.parametrize("vendor", ["gitlab"])
on_gitea = pytest.mark.parametrize("vendor", ["gitea"])
on_every = pytest.mark.parametrize("vendor", ["github", "gitlab", "gitea"])


async def pushed(stage: Stage, *refs: str, force: bool = False) -> None:
    await stage.repo.push_refs(*refs, force=force)
    await stage.forge.settled()


def many_commits(repo: Repo, count: int) -> None:
    """Commit often, in one go."""
    tip = repo.tip()
    commits = (
        "commit refs/heads/main\ncommitter A <a@example.org> 1772366400 +0000\n"
        f"data 1\nx\nM 100644 inline f\ndata {len(str(number))}\n{number}\n"
        for number in range(count)
    )
    said = f"reset refs/heads/main\nfrom {tip}\n\n" + "".join(commits)
    repo.git("fast-import", "--quiet", stdin=said.encode())


@on_every
async def test_a_push_is_told_once_with_both_ends(stage: Stage, vendor: Vendor) -> None:
    before = stage.repo.tip()

    after = await stage.repo.push({"requirements.txt": "scipy\n"})
    await stage.forge.settled()

    [said] = stage.told()
    assert (said["ref"], said["before"], said["after"]) == (
        "refs/heads/main",
        before,
        after,
    )
    [commit] = said["commits"]
    assert commit["modified"] == ["requirements.txt"]
    assert stage.repo.tip() == after, vendor
    assert [delivery.status for delivery in stage.forge.deliveries] == [202]


@on_github
async def test_github_signs_the_raw_body(stage: Stage) -> None:
    await stage.repo.push({"a": "1"})
    await stage.forge.settled()

    [got] = stage.receiver.received
    expected = hmac256.signature(Secret("a secret"), got.body)
    assert got.headers["x-hub-signature-256"] == expected
    assert got.headers["x-github-event"] == "push"


@on_gitlab
async def test_gitlab_tells_its_token_in_clear(stage: Stage) -> None:
    await stage.repo.push({"a": "1"})
    await stage.forge.settled()

    [got] = stage.receiver.received
    assert got.headers["x-gitlab-token"] == "a secret"
    assert got.headers["x-gitlab-event"] == "Push Hook"
    assert "webhook-signature" not in got.headers


@on_every
async def test_a_branch_at_a_known_commit_is_told_without_commits(stage: Stage) -> None:
    stage.repo.work.point("refs/heads/feature/x", stage.repo.tip())

    await pushed(stage, "refs/heads/feature/x")

    [said] = [item for item in stage.told() if "before" in item]
    assert (said["ref"], said["before"]) == ("refs/heads/feature/x", ZERO)
    assert said["commits"] == []
    assert said.get("base_ref", "refs/heads/main") == "refs/heads/main"


@pytest.mark.parametrize("vendor", ["github", "gitlab"])
async def test_a_deleted_branch_is_told_with_zeros(stage: Stage) -> None:
    await stage.repo.push({"a": "1"}, branch="old")

    await pushed(stage, ":refs/heads/old")

    said = stage.told()[-1]
    assert said["after"] == ZERO
    assert said["commits"] == []
    assert said.get("head_commit") is None
    assert said.get("checkout_sha") is None


@on_gitea
async def test_gitea_tells_a_deletion_only_to_who_asks_for_deletions(
    stage: Stage,
) -> None:
    await stage.repo.push({"a": "1"}, branch="old")
    stage.forge.hooks[0].events = ["push", "delete"]

    await pushed(stage, ":refs/heads/old")

    assert [
        request.headers["x-gitea-event"] for request in stage.receiver.received
    ] == [
        "push",
        "delete",
    ]
    assert stage.told()[-1]["ref"] == "old"


@on_every
async def test_a_force_push_back_is_told_without_commits(stage: Stage) -> None:
    old = stage.repo.tip()
    await stage.repo.push({"a": "1"})
    stage.repo.work.point("refs/heads/main", old)

    await pushed(stage, "refs/heads/main", force=True)

    said = stage.told()[-1]
    assert (said["after"], said["commits"]) == (old, [])
    assert said.get("forced", True) is True


@on_gitlab
async def test_gitlab_hides_the_old_name_of_a_rename(stage: Stage) -> None:
    await stage.repo.push({"old.txt": MovedFrom("requirements.txt")})
    await stage.forge.settled()

    [commit] = stage.told()[0]["commits"]
    assert (commit["added"], commit["removed"]) == (["old.txt"], [])


@on_github
async def test_github_tells_both_names_of_a_rename(stage: Stage) -> None:
    await stage.repo.push({"old.txt": MovedFrom("requirements.txt")})
    await stage.forge.settled()

    [commit] = stage.told()[0]["commits"]
    assert (commit["added"], commit["removed"]) == (["old.txt"], ["requirements.txt"])


@pytest.mark.parametrize(
    ("vendor", "cap", "count", "number"),
    [
        pytest.param("github", 2048, 2100, None, id="github"),
        pytest.param("gitlab", 20, 30, "total_commits_count", id="gitlab"),
        pytest.param("gitea", 5, 30, "total_commits", id="gitea"),
    ],
)
async def test_long_pushes_are_cut(
    stage: Stage, cap: int, count: int, number: str | None
) -> None:
    many_commits(stage.repo.work, count)

    await pushed(stage, "refs/heads/main")

    [said] = stage.told()
    assert len(said["commits"]) == cap
    assert said[number] == count if number else "total" not in said


@on_gitlab
async def test_gitlab_tells_the_newest_oldest_first(stage: Stage) -> None:
    many_commits(stage.repo.work, 25)

    await pushed(stage, "refs/heads/main")

    commits = stage.told()[0]["commits"]
    assert commits[-1]["id"] == stage.repo.tip()


@pytest.mark.parametrize(
    ("vendor", "kind", "told"),
    [
        ("github", "tags", 0),
        ("github", "heads", 4),
        ("gitlab", "tags", 0),
        ("gitlab", "heads", 0),
        ("gitea", "tags", 4),
    ],
)
async def test_more_than_three_refs_in_one_push(
    stage: Stage, kind: str, told: int
) -> None:
    names = [f"refs/{kind}/r{number}" for number in range(4)]
    for name in names:
        stage.repo.work.point(name, stage.repo.tip())

    await pushed(stage, *names)

    assert len(stage.told()) == told


@pytest.mark.parametrize("vendor", ["github", "gitlab"])
async def test_three_tags_in_one_push_are_told(stage: Stage) -> None:
    names = [f"refs/tags/r{number}" for number in range(3)]
    for name in names:
        stage.repo.work.point(name, stage.repo.tip())

    await pushed(stage, *names)

    assert sorted(item["ref"] for item in stage.told()) == names


@pytest.mark.parametrize("vendor", ["github", "gitlab"])
async def test_an_annotated_tag_is_told_as_a_tag_object(stage: Stage) -> None:
    tag = stage.repo.work.tag("v1", stage.repo.tip(), message="one")

    await pushed(stage, "refs/tags/v1")

    [said] = stage.told()
    peeled = said.get("checkout_sha") or said["head_commit"]["id"]
    assert (said["after"], peeled) == (tag, stage.repo.tip())


@on_github
async def test_an_event_that_is_too_large_is_told_to_nobody(stage: Stage) -> None:
    stage.forge.courier.payload_cap = 1000

    await stage.repo.push({"a": "1"})
    await stage.forge.settled()

    assert stage.told() == []
    assert stage.forge.deliveries == []


@on_gitlab
async def test_a_branch_filter_keeps_other_branches_back(stage: Stage) -> None:
    stage.forge.hooks[0].branch_filter = "release-*"

    await stage.repo.push({"a": "1"})
    await stage.repo.push({"a": "2"}, branch="release-1")
    await stage.forge.settled()

    assert [item["ref"] for item in stage.told()] == ["refs/heads/release-1"]


@on_github
async def test_one_push_has_one_guid_for_all_hooks(stage: Stage) -> None:
    stage.forge.hooks.add(stage.receiver.url, owner="uni")

    await stage.repo.push({"a": "1"})
    await stage.forge.settled()

    assert len({delivery.guid for delivery in stage.forge.deliveries}) == 1
    kinds = [
        request.headers["x-github-hook-installation-target-type"]
        for request in stage.receiver.received
    ]
    assert kinds == ["repository", "organization"]
