"""Repositories that change names, hands and visibility, as forges' APIs tell it.

Nobody is told anything: no webhook comes, the sweep alone looks. Numbers are those of
docs/cases.md.
"""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from service.domain.evaluation.comparison import Evaluation, RefMissing, Verdict
from service.domain.evaluation.queue import EvaluationRequest
from service.domain.launcher import LauncherId
from service.domain.push import Trigger
from service.domain.repository import CommitSha, Repository
from service.domain.source import Head, Revision, Source
from service.ports.remote import NO_READS, ExpectedReads, Remote, Tree
from tests.support.forge import Forge
from tests.support.ways import MetByApi, met_by_api
from tests.support.world import DEBOUNCE, World, a_world

SIX = {"requirements.txt": "six==1.16.0\n"}
NEWER = {"requirements.txt": "six==1.17.0\n"}


class Handed:
    """Implements the port `Remote`; which one is said later."""

    remote: Remote

    async def head(
        self,
        repository: Repository,
        revision: Revision,
        *,
        expected: ExpectedReads = NO_READS,
    ) -> Head | RefMissing:
        return await self.remote.head(repository, revision, expected=expected)

    def tree(
        self,
        repository: Repository,
        commit: CommitSha,
        *,
        expected: ExpectedReads = NO_READS,
    ) -> AbstractAsyncContextManager[Tree]:
        return self.remote.tree(repository, commit, expected=expected)


@dataclass
class Course:
    """A repository at a forge, followed by the service."""

    world: World
    repo: MetByApi

    @property
    def forge(self) -> Forge:
        return self.repo.forge

    async def follow(self) -> LauncherId:
        """Follow it by its URL, as people do, and see it built."""
        launcher = await self.world.follow(Repository.from_url(self.repo.url))
        await self.world.settle()
        self.world.builder.succeed()
        await self.world.later(60)
        return launcher

    async def sweep(self) -> None:
        """Let the source be looked at, without any delivery."""
        await self.world.later(3600)
        now = self.world.clock.now()
        async with self.world.store.transaction() as tx:
            for source in await tx.sources.list():
                ask = EvaluationRequest(
                    source_id=source.id, trigger=Trigger.SWEEP, requested_at=now
                )
                await tx.evaluation_queue.enqueue(ask, debounce=DEBOUNCE)
        await self.world.settle()

    async def last(self, launcher: LauncherId) -> Evaluation:
        return (await self.world.evaluations(launcher))[0]

    async def source(self) -> Source:
        async with self.world.store.reading() as tx:
            (source,) = await tx.sources.list()
        return source


@pytest.fixture(params=["github", "gitlab"])
async def course(
    request: pytest.FixtureRequest, tmp_path: Path
) -> AsyncIterator[Course]:
    async with AsyncExitStack() as stack:
        handed = Handed()
        world = await stack.enter_async_context(a_world(tmp_path, remote=handed))
        repo = await stack.enter_async_context(
            met_by_api(
                tmp_path,
                request.param,
                clock=world.clock,
                is_reader="a_reader" in request.node.name,
            )
        )
        handed.remote = repo.remote
        repo.commit(SIX)
        yield Course(world, repo)


async def test_case_66_the_number_of_a_repository_is_learnt_from_its_forge(
    course: Course,
) -> None:
    await course.world.follow(Repository.from_url(course.repo.url))

    await course.world.settle()

    assert (await course.source()).repository.number == course.repo.hosted.number


async def test_case_66_a_rename_that_nobody_told_is_followed(course: Course) -> None:
    launcher = await course.follow()
    course.forge.rename(course.repo.hosted, "grace/renamed")
    course.repo.commit(NEWER)

    await course.sweep()

    repository = (await course.source()).repository
    assert (await course.last(launcher)).comparison.verdict is Verdict.CHANGED
    assert repository.path == "grace/renamed"
    assert repository.url == f"{course.forge.url}/grace/renamed.git"
    assert repository.number == course.repo.hosted.number
    assert course.repo.git_instead.asked == []


async def test_case_66_a_rename_before_anybody_looked_is_followed(
    course: Course,
) -> None:
    old = Repository.from_url(course.repo.url)
    course.forge.rename(course.repo.hosted, "grace/renamed")

    launcher = await course.world.follow(old)
    await course.world.settle()

    assert (await course.last(launcher)).comparison.verdict is Verdict.INITIAL
    assert (await course.source()).repository.path == "grace/renamed"


async def test_case_66_two_names_of_one_repository_do_not_fight(course: Course) -> None:
    launcher = await course.follow()
    course.forge.rename(course.repo.hosted, "grace/renamed")
    other = await course.world.follow(Repository.from_url(course.repo.hosted.url))
    await course.world.settle()
    course.repo.commit(NEWER)

    await course.sweep()

    for launcher_id in (launcher, other):
        evaluation = await course.last(launcher_id)
        assert evaluation.commit == course.repo.tip()
        assert evaluation.comparison.verdict is Verdict.CHANGED
    async with course.world.store.reading() as tx:
        sources = await tx.sources.list()
    assert {source.repository.number for source in sources} == {
        course.repo.hosted.number
    }


async def test_case_67_who_takes_an_old_name_is_not_followed(course: Course) -> None:
    launcher = await course.follow()
    course.forge.rename(course.repo.hosted, "grace/renamed")
    course.forge.create("ada/course", files={"requirements.txt": "evil==1\n"})

    await course.sweep()

    last = await course.last(launcher)
    assert last.comparison.verdict is Verdict.UNCHANGED
    assert last.commit == course.repo.tip()
    assert course.world.builder.running == []


async def test_case_67_nor_while_the_api_does_not_answer(course: Course) -> None:
    launcher = await course.follow()
    course.forge.rename(course.repo.hosted, "grace/renamed")
    await course.sweep()
    course.forge.create("ada/course", files={"requirements.txt": "evil==1\n"})
    course.forge.fail_next(502, count=100)
    course.repo.commit(NEWER)

    await course.sweep()

    last = await course.last(launcher)
    assert last.comparison.verdict is Verdict.CHANGED
    assert last.commit == course.repo.tip()
    assert "head" in course.repo.git_instead.asked


async def test_case_69_what_a_reader_is_not_shown_any_more_is_unknown_until_it_opens(
    course: Course,
) -> None:
    launcher = await course.follow()
    image = (await course.world.launcher(launcher)).image
    course.forge.set_visibility(course.repo.hosted, "private")
    await course.sweep()
    closed = (await course.last(launcher)).comparison
    kept = (await course.world.launcher(launcher)).image
    course.forge.set_visibility(course.repo.hosted, "public")

    await course.sweep()

    assert (closed.verdict, closed.reason) == (Verdict.UNKNOWN, "remote_refused")
    assert kept == image
    assert (await course.last(launcher)).comparison.verdict is Verdict.UNCHANGED


async def test_case_69_what_becomes_private_is_still_read_by_who_may(
    course: Course,
) -> None:
    launcher = await course.follow()
    course.forge.set_visibility(course.repo.hosted, "private")
    course.repo.commit(NEWER)

    await course.sweep()

    assert (await course.last(launcher)).comparison.verdict is Verdict.CHANGED


async def test_case_70_what_was_deleted_is_unknown_and_keeps_its_image(
    course: Course,
) -> None:
    launcher = await course.follow()
    image = (await course.world.launcher(launcher)).image
    course.forge.delete(course.repo.hosted)

    await course.sweep()

    last = (await course.last(launcher)).comparison
    assert (last.verdict, last.reason) == (Verdict.UNKNOWN, "remote_refused")
    assert (await course.world.launcher(launcher)).image == image


async def test_case_70_a_revoked_token_does_not_hide_what_is_public(
    course: Course,
) -> None:
    launcher = await course.follow()
    course.forge.tokens.revoke(course.forge.token)
    course.repo.commit(NEWER)

    await course.sweep()

    assert (await course.last(launcher)).comparison.verdict is Verdict.CHANGED


async def test_case_70_a_revoked_token_is_said_to_be_why_nothing_is_seen(
    course: Course,
) -> None:
    launcher = await course.follow()
    course.forge.set_visibility(course.repo.hosted, "private")
    course.forge.tokens.revoke(course.forge.token)

    await course.sweep()

    last = (await course.last(launcher)).comparison
    assert (last.verdict, last.reason) == (Verdict.UNKNOWN, "remote_forbidden")
    assert "401" in last.message


async def test_case_71_who_was_made_again_under_the_name_is_somebody_else(
    course: Course,
) -> None:
    launcher = await course.follow()
    image = (await course.world.launcher(launcher)).image
    course.forge.delete(course.repo.hosted)
    course.forge.create("ada/course", files=NEWER)

    await course.sweep()

    last = (await course.last(launcher)).comparison
    assert (last.verdict, last.reason) == (Verdict.UNKNOWN, "remote_replaced")
    assert (await course.world.launcher(launcher)).image == image
    assert course.world.builder.running == []


async def test_case_49_no_forge_is_asked_to_compare(course: Course) -> None:
    launcher = await course.follow()
    course.repo.commit(NEWER)

    await course.sweep()

    assert (await course.last(launcher)).comparison.verdict is Verdict.CHANGED
    assert not [
        request for request in course.forge.requests if "compare" in request.path
    ]


async def test_case_62_an_api_that_fails_is_replaced_by_git(course: Course) -> None:
    launcher = await course.follow()
    course.repo.commit(NEWER)
    course.forge.fail_next(503, count=100)

    await course.sweep()

    assert (await course.last(launcher)).comparison.verdict is Verdict.CHANGED


async def test_case_62_a_forge_that_limits_us_everywhere_is_left_alone_as_it_asks(
    course: Course,
) -> None:
    launcher = await course.follow()
    course.repo.commit(NEWER)
    # All of them: GitLab limits who shows no token apart from who shows one.
    course.forge.fail_next(429, 100, {"Retry-After": "600"}, scope="api")
    course.forge.fail_next(429, 100, {"Retry-After": "600"}, scope="git")

    await course.sweep()
    limited = (await course.last(launcher)).comparison
    asked = _api_requests(course)
    await course.world.later(60)
    meanwhile = _api_requests(course) - asked
    course.forge.refusals.waiting.clear()
    await course.world.later(1200)

    assert limited.verdict is Verdict.UNKNOWN
    assert meanwhile == 0
    assert (await course.last(launcher)).comparison.verdict is Verdict.CHANGED


def _api_requests(course: Course) -> int:
    return len([request for request in course.forge.requests if request.is_api])
