"""Launchers stay in Renku: a push has Renku build, and is explained to its end."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.githttp import git_forge
from tests.support.renku import (
    CLIENT,
    CLIENT_SECRET,
    Environment,
    Launcher,
    Renku,
    a_renku,
)
from tests.support.repos import Repo
from tests.support.service import Service

pytestmark = pytest.mark.xdist_group("upstream")

WAIT = 20.0
"""Seconds of a calm machine for whatever is waited for."""


@dataclass(slots=True)
class Ground:
    """Renku with one launcher, a repository, and the service beside them."""

    renku: Renku
    repo: Repo
    url: str
    launcher: Launcher
    service: Service
    hook: Any = None

    @property
    def environment(self) -> Environment:
        return self.launcher.environment

    async def start(self) -> None:
        # In threads: Renku and the forge answer on this loop.
        await asyncio.to_thread(self.service.start)

    async def api(self, method: str, path: str, body: object = None) -> Any:
        return await asyncio.to_thread(self.service.api, method, path, body)

    async def until(self, holds: Callable[[], bool], what: str) -> None:
        await asyncio.to_thread(self.service.until, holds, what, WAIT)

    async def until_builds(self, number: int) -> None:
        await self.until(
            lambda: len(self.environment.builds) == number, f"build {number} in Renku"
        )

    async def until_image(self, image: str) -> None:
        """Wait until the launcher has an image, and nothing is built for it."""

        def is_there() -> bool:
            launchers = self.service.api("GET", "/session_launchers")
            images = [one["environment"].get("container_image") for one in launchers]
            if images != [image]:
                return False
            path = f"/environments/{self.environment.id}/builds"
            newest = self.service.api("GET", path)[:1]
            return [build["status"] for build in newest] == ["succeeded"]

        await self.until(is_there, f"the image {image}")

    async def push(self, content: str) -> str:
        commit = self.repo.commit({"requirements.txt": content})
        if self.hook is None:
            body = {"repository": self.url, "paste": True, "forge": "github"}
            self.hook = await self.api("POST", "/hooks", body)
        await asyncio.to_thread(
            self.service.deliver, self.hook, "refs/heads/main", commit
        )
        return commit

    async def explained(self, what: str) -> str:
        return str(await self.api("GET", f"/explanations?of={what}"))


@asynccontextmanager
async def ground(folder: Path) -> AsyncIterator[Ground]:
    (folder / "repositories").mkdir()
    repo = Repo(folder / "repositories" / "course.git")
    repo.commit({"requirements.txt": "six==1.16.0\n"})
    async with a_renku() as renku, git_forge(folder / "repositories") as forge:
        url = f"{forge.url}/course.git"
        project = renku.add_project()
        service = Service(
            folder / "data",
            RELAUNCH_LAUNCHERS=f"renku+{renku.url}",
            RELAUNCH_RENKU_PROJECTS="ada/course",
            RELAUNCH_RENKU_CLIENT_ID=CLIENT,
            RELAUNCH_RENKU_CLIENT_SECRET=CLIENT_SECRET,
            RELAUNCH_RENKU_INTERVAL="500ms",
            RELAUNCH_RENKU_POLL_INTERVAL="200ms",
            RELAUNCH_EVALUATION_DEBOUNCE="100ms",
            RELAUNCH_BUILD_RETRY_AFTER="200ms",
        )
        launcher = renku.add_launcher(project, repo, url=url)
        try:
            yield Ground(renku, repo, url, launcher, service)
        finally:
            await asyncio.to_thread(service.kill)


@pytest.fixture
async def there(tmp_path: Path) -> AsyncIterator[Ground]:
    """A launcher that Renku built from the branch's head, and a service that knows."""
    async with ground(tmp_path) as opened:
        opened.renku.built(opened.environment)
        await opened.start()
        await opened.until_image(opened.environment.image)
        yield opened


async def test_a_push_is_built_in_renku_and_explained(there: Ground) -> None:
    first = there.environment.image
    commit = await there.push("six==1.17.0\n")
    await there.until_builds(2)
    ended = there.renku.end(there.environment, log="Successfully installed six-1.17.0")
    await there.until_image(ended.image)

    # What Renku had built of the head was not built once more.
    assert there.renku.posts() == 1
    assert ended.image != first
    (build, *_) = await there.api("GET", f"/environments/{there.environment.id}/builds")
    assert build["status"] == "succeeded"
    assert build["result"]["image"] == ended.image
    explained = await there.explained(commit)
    assert commit in explained
    assert build["id"] in explained
    log = await there.api("GET", f"/builds/{build['id']}/logs")
    assert "Successfully installed six-1.17.0" in str(log)


async def test_a_push_that_changes_nothing_asks_for_nothing(there: Ground) -> None:
    await there.push("# pinned\nsix==1.16.0\n")
    commit = await there.push("six==1.16.0\n# pinned again\n")
    await there.until(
        lambda: commit in str(there.service.api("GET", "/sources")), "the evaluation"
    )

    assert there.renku.posts() == 0


async def test_a_push_during_a_build_is_one_more_build(there: Ground) -> None:
    await there.push("six==1.17.0\n")
    await there.until_builds(2)
    await there.push("six==1.15.0\n")
    last = await there.push("six==1.14.0\n")
    await there.until(
        lambda: (
            there.environment.builds[0].run is not None
            and there.environment.builds[0].run.commit == last
        ),
        "a build of the last push",
    )
    ended = there.renku.end(there.environment)
    await there.until_image(ended.image)

    # One ran at a time: those that were overtaken were cancelled in Renku.
    states = [build.status for build in reversed(there.environment.builds)]
    assert states[0] == states[-1] == "succeeded"
    assert set(states[1:-1]) == {"cancelled"}
    assert ended.commit == last


async def test_a_restart_follows_what_runs(there: Ground) -> None:
    await there.push("six==1.17.0\n")
    await there.until_builds(2)

    await asyncio.to_thread(there.service.kill)
    ended = there.renku.end(there.environment)
    await there.start()

    await there.until_image(ended.image)
    assert there.renku.posts() == 1


@pytest.mark.parametrize("lost", ["cannot_start", "may_write"])
async def test_what_renku_refuses_is_asked_once_and_said(
    there: Ground, lost: str
) -> None:
    if lost == "cannot_start":
        there.environment.cannot_start = "Private repository builds are not enabled"
    else:
        there.renku.may_write = False
    commit = await there.push("six==1.17.0\n")

    await there.until(
        lambda: (
            "upstream_refused"
            in str(there.service.api("GET", f"/explanations?of={commit}"))
        ),
        "the refusal",
    )
    asked = there.renku.posts()
    seen = len(there.renku.seen)
    # Discovery has been there again, and so has the reconciler: nobody asked again.
    await there.until(lambda: len(there.renku.seen) > seen + 25, "several rounds")

    # Once more with another token: the first might have expired.
    most = 1 if lost == "cannot_start" else 2
    assert there.renku.posts() == asked == most
    sentence = await there.explained(commit)
    assert "Renku" in sentence


async def test_expired_tokens_are_got_again(there: Ground) -> None:
    await there.push("six==1.17.0\n")
    await there.until_builds(2)

    there.renku.accounts.valid.clear()
    ended = there.renku.end(there.environment)

    await there.until_image(ended.image)
    assert there.renku.accounts.issued == 2
