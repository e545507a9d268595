"""GitLab's resources as GitLab's own Python client meets them."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any, TypeVar

import gitlab
import pytest
from gitlab.exceptions import GitlabCreateError, GitlabGetError

from tests.forge.conftest import Stage
from tests.support.forge import Vendor

T = TypeVar("T")
SIGNING = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="


@pytest.fixture
def vendor() -> Vendor:
    return "gitlab"


@pytest.fixture
async def project(stage: Stage) -> AsyncIterator[Any]:
    """The repository, through python-gitlab."""
    url, token = stage.forge.url, stage.forge.token
    with gitlab.Gitlab(
        url, private_token=token, timeout=10, retry_transient_errors=False
    ) as client:
        yield await asyncio.to_thread(client.projects.get, "uni/course")


async def off_loop(work: Callable[[], T]) -> T:
    return await asyncio.to_thread(work)


async def test_heads_and_tags_are_found_by_name(stage: Stage, project: Any) -> None:
    tip = await stage.repo.push({"a": "1"}, branch="feature/x")
    tag = stage.repo.work.tag("v1", tip, message="one")
    await stage.repo.push_refs("refs/tags/v1")

    branch = await off_loop(lambda: project.branches.get("feature/x"))
    found = await off_loop(lambda: project.tags.get("v1"))
    commit = await off_loop(lambda: project.commits.get("feature/x"))

    assert branch.commit["id"] == commit.id == tip
    assert (found.target, found.commit["id"], found.message) == (tag, tip, "one")
    with pytest.raises(GitlabGetError, match="404"):
        await off_loop(lambda: project.branches.get("x"))


@pytest.mark.parametrize("pages", [{}, {"pagination": "keyset"}])
async def test_a_tree_is_read_page_by_page(
    stage: Stage, project: Any, pages: dict[str, str]
) -> None:
    await stage.repo.push({f"d/{number:02}": f"{number}" for number in range(30)})

    first = await off_loop(lambda: project.repository_tree(path="d", get_all=False))
    found = await off_loop(
        lambda: list(project.repository_tree(path="d", iterator=True, **pages))
    )

    assert len(first) == 20
    assert [item["path"] for item in found] == [f"d/{item:02}" for item in range(30)]
    with pytest.raises(GitlabGetError, match="404"):
        await off_loop(lambda: project.repository_tree(path="nothing"))


async def test_a_file_is_known_by_its_headers(stage: Stage, project: Any) -> None:
    await stage.repo.push({"d/näme x": "one\n"})
    blob = stage.repo.bare.git("rev-parse", "main:d/näme x").decode().strip()

    head = await off_loop(lambda: project.files.head("d/näme x", ref="main"))
    raw = await off_loop(lambda: project.files.raw("d/näme x", ref="main"))
    by_sha = await off_loop(lambda: project.repository_raw_blob(blob))

    assert head["X-Gitlab-Blob-Id"] == blob
    assert head["X-Gitlab-Commit-Id"] == stage.repo.tip()
    assert raw == by_sha == b"one\n"


async def test_a_comparison_starts_at_the_merge_base_unless_straight(
    stage: Stage, project: Any
) -> None:
    old = stage.repo.tip()
    new = await stage.repo.push({"a": "1"})

    back = await off_loop(lambda: project.repository_compare(new, old))
    straight = await off_loop(
        lambda: project.repository_compare(new, old, straight=True)
    )
    stage.forge.compare_cap = 0
    cut = await off_loop(lambda: project.repository_compare(old, new))

    assert back["diffs"] == []
    assert [diff["deleted_file"] for diff in straight["diffs"]] == [True]
    assert (cut["diffs"], cut["compare_timeout"]) == ([], True)


async def test_a_status_moves_forward_only(stage: Stage, project: Any) -> None:
    commit = await off_loop(lambda: project.commits.get(stage.repo.tip()))

    def say(state: str) -> Any:
        return commit.statuses.create({"state": state, "name": "relaunch"})

    await off_loop(lambda: say("pending"))
    with pytest.raises(GitlabCreateError, match="Cannot transition status"):
        await off_loop(lambda: say("pending"))
    await off_loop(lambda: say("running"))
    done = await off_loop(lambda: say("success"))
    again = await off_loop(lambda: say("pending"))

    assert again.id != done.id
    shown = await off_loop(lambda: commit.statuses.list(get_all=True))
    assert [item.status for item in shown] == ["pending"]


async def test_a_hook_hides_its_secrets_and_loses_them_with_its_url(
    stage: Stage, project: Any
) -> None:
    requested = {"url": stage.receiver.url, "token": "t", "signing_token": SIGNING}
    hook = await off_loop(lambda: project.hooks.create(requested))
    said = hook.asdict()
    assert (said["token_present"], said["signing_token_present"]) == (True, True)
    assert SIGNING not in json.dumps(said)

    hook.url = stage.receiver.url + "/elsewhere"
    await off_loop(hook.save)

    moved = (await off_loop(lambda: project.hooks.get(hook.id))).asdict()
    assert (moved["token_present"], moved["signing_token_present"]) == (False, False)


async def test_an_older_gitlab_takes_no_notice_of_signing_tokens(
    stage: Stage, project: Any
) -> None:
    stage.forge.version = "18.11.0"
    requested = {"url": stage.receiver.url, "signing_token": SIGNING}

    hook = await off_loop(lambda: project.hooks.create(requested))

    assert not hook.asdict()["signing_token_present"]


async def test_a_test_delivery_tells_of_the_last_commits_newest_first(
    stage: Stage, project: Any
) -> None:
    for number in range(4):
        await stage.repo.push({"a": f"{number}"})
    await stage.forge.settled()
    hook = await off_loop(lambda: project.hooks.list(get_all=True)[0])

    await off_loop(lambda: hook.test("push_events"))

    said = stage.told()[-1]
    assert len(said["commits"]) == 3
    assert said["commits"][0]["id"] == said["after"] == stage.repo.tip()
    assert said["commits"][-1]["id"] == said["before"]


async def test_who_may_not_manage_a_project_sees_no_hooks(stage: Stage) -> None:
    path = f"/projects/{stage.repo.number}/hooks"

    assert (await stage.ask(path, token=stage.forge.reader_token)).status == 403
    assert (await stage.ask(path, token="")).status == 401
