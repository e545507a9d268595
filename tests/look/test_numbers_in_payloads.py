"""What a payload says of a repository's number is never believed: a look finds out.

Whoever has a hook's secret may sign any number. Over the wire: a real forge stand-in
with its API and git, the real HTTP side, real deliveries; the consumers of a world.
"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import pytest

from service.domain.evaluation.comparison import Evaluation, Verdict
from service.domain.hook import Hook, HookId, Proof
from service.domain.launcher import LauncherId
from service.domain.repository import Repository
from service.domain.source import Access, Source
from service.ports.remote import Remote
from tests.support.api import Api, serving
from tests.support.apis import WatchedGit, a_routed
from tests.support.deliveries import Post, a_push, some_facts
from tests.support.forge import Forge, HostedRepo, a_forge
from tests.support.memory import MemoryBus
from tests.support.world import World, a_world

SIX = {"requirements.txt": "six==1.16.0\n"}
NEWER = {"requirements.txt": "six==1.17.0\n"}
NEWEST = {"requirements.txt": "six==1.17.1\n"}
Way = Literal["github", "gitlab", "git"]


@dataclass(kw_only=True)
class Course:
    """A repository at a forge, a hook there for it, and a launcher that follows it."""

    forge: Forge
    api: Api
    bus: MemoryBus
    repo: HostedRepo
    hook: Hook
    launcher: LauncherId
    is_told: bool
    """Whether an API tells numbers."""

    @property
    def world(self) -> World:
        return self.api.world

    @property
    def vendor(self) -> str:
        return self.hook.forge.value

    async def handle(self) -> None:
        """Let deliveries arrive and whatever they ask for be done."""
        await self.forge.settled()
        events, self.bus.events = self.bus.events, []
        await self.world.deliver(events)
        await self.world.later(60)

    async def post(self, post: Post) -> Any:
        path = f"/webhooks/{self.vendor}/{self.hook.id}"
        answer = await self.api.bare("POST", path, data=post.body, headers=post.headers)
        await self.handle()
        return answer

    async def forge_push(self, **claimed: Any) -> Any:
        """Send a push that is signed and says something else of the repository."""
        known = replace(self.repo.repository, **claimed)
        facts = some_facts(repository=known, ref="refs/heads/main")
        now = self.world.clock.now()
        return await self.post(a_push(self.hook, facts, now=now))

    async def push(self, files: dict[str, str] = NEWER) -> str:
        """Push honestly; the forge delivers."""
        commit = await self.repo.push(files)
        await self.handle()
        return commit

    def point(self, repo: HostedRepo) -> None:
        """Paste the hook's URL and secret at the forge, as its owner does."""
        secret = self.hook.secrets[0].reveal()
        is_signing = self.hook.proof is Proof.SIGNING_TOKEN
        self.forge.hooks.add(
            f"{self.api.url}/webhooks/{self.vendor}/{self.hook.id}",
            repository=repo.number,
            secret="" if is_signing else secret,
            signing_token=secret if is_signing else "",
        )

    async def last(self) -> Evaluation:
        return (await self.world.evaluations(self.launcher))[0]

    async def source(self) -> Source:
        launcher = await self.world.launcher(self.launcher)
        async with self.world.store.reading() as tx:
            return await tx.sources.get(launcher.tracked_source)

    async def known_hook(self) -> Hook:
        async with self.world.store.reading() as tx:
            return await tx.hooks.get(self.hook.id)

    async def explained(self) -> str:
        name = (await self.world.launcher(self.launcher)).name
        return "\n".join((await self.api.get(f"/explanations?of={name}"))["lines"])


async def a_course(stack: AsyncExitStack, folder: Path, way: Way) -> Course:
    git, vendor = WatchedGit(), "github" if way == "git" else way
    remote: Remote = git
    world = await stack.enter_async_context(a_world(folder))
    forge = await stack.enter_async_context(
        a_forge(folder / "forge", vendor=vendor, clock=world.clock)
    )
    if way != "git":
        remote = await stack.enter_async_context(
            a_routed(forge, git=git, clock=world.clock)
        )
    world.evaluator._remotes[Access.CREDENTIAL] = remote
    bus = MemoryBus()
    api = await stack.enter_async_context(serving(world, bus))
    repo = forge.create("ada/course", files=SIX)
    body = {"repository": repo.url, "forge": vendor, "paste": True}
    made = (await api.call("POST", "/hooks", body)).json
    async with world.store.reading() as tx:
        hook = await tx.hooks.get(HookId(made["id"]))
    course = Course(
        forge=forge,
        api=api,
        bus=bus,
        repo=repo,
        hook=hook,
        launcher=LauncherId(""),
        is_told=way != "git",
    )
    course.point(repo)
    return course


@pytest.fixture(params=["github", "gitlab", "git"])
async def course(
    request: pytest.FixtureRequest, tmp_path: Path
) -> AsyncIterator[Course]:
    async with AsyncExitStack() as stack:
        yield await a_course(stack, tmp_path, request.param)


@pytest.fixture(params=["github", "gitlab"])
async def numbered(
    request: pytest.FixtureRequest, tmp_path: Path
) -> AsyncIterator[Course]:
    """Make a course at a forge that tells numbers; plain git goes by names alone."""
    async with AsyncExitStack() as stack:
        yield await a_course(stack, tmp_path, request.param)


async def follow(course: Course) -> None:
    url = Repository.from_url(course.repo.url)
    course.launcher = await course.world.follow(url, name="course")
    await course.world.settle()
    course.world.builder.succeed()
    await course.world.later(60)


@pytest.mark.parametrize("when", ["before the first look", "after it"])
async def test_a_signed_number_makes_nobody_deaf(course: Course, when: str) -> None:
    """The first push names another number; honest ones are heard ever after."""
    if when == "after it":
        await follow(course)
    forged = await course.forge_push(number=666)
    if when != "after it":
        await follow(course)

    commit = await course.push()

    number = course.repo.number if course.is_told else None
    assert forged.status == 202
    assert (await course.last()).commit == commit
    assert (await course.last()).comparison.verdict is Verdict.CHANGED
    assert (await course.source()).repository.number == number
    assert (await course.known_hook()).repository.number == number


async def test_a_signed_number_reaches_no_other_repository(course: Course) -> None:
    """Our token reads a private repository; a hook of another one is no way to it."""
    private = course.forge.create(
        "grace/secret", files={"requirements.txt": "hush==1\n"}, visibility="private"
    )
    await course.forge_push(number=private.number)
    await follow(course)

    by_number = await course.forge_push(number=private.number)
    by_name = await course.forge_push(path="grace/secret", number=private.number)
    commit = await course.push()

    places = {f"/{private.number}", "grace/secret", "grace%2Fsecret"}
    asked = [request.path for request in course.forge.requests]
    assert (by_number.status, by_name.status) == (202, 403)
    assert not [path for path in asked if any(place in path for place in places)]
    assert (await course.last()).commit == commit
    assert (await course.source()).repository.path == "ada/course"


async def test_a_signed_number_wakes_nobody_who_follows_another_repository(
    course: Course,
) -> None:
    other = course.forge.create("grace/other", files=SIX)
    await follow(course)
    victim = await course.world.follow(Repository.from_url(other.url), name="other")
    await course.world.settle()

    await course.forge_push(number=other.number)
    await course.forge_push(path="grace/other", number=course.repo.number)
    await course.forge_push(path="grace/other", number=other.number)

    evaluations = await course.world.evaluations(victim)
    assert [
        evaluation.delivery_ids for evaluation in evaluations if evaluation.delivery_ids
    ] == []


async def test_a_repository_that_was_made_anew_is_heard_again(course: Course) -> None:
    """Deleted, made under its name, the same hook pasted: the next push counts."""
    await follow(course)
    old = course.repo
    course.forge.delete(old)
    course.repo = course.forge.create("ada/course", files=SIX)
    course.point(course.repo)

    commit = await course.push()

    assert (await course.last()).commit == commit
    assert (await course.last()).comparison.verdict is Verdict.CHANGED
    if course.is_told:
        made_anew = f"was {old.number} and is {course.repo.number}"
        assert (await course.source()).repository.number == course.repo.number
        assert (await course.known_hook()).repository.number == course.repo.number
        assert made_anew in await course.explained()
    assert (await course.push(NEWEST)) == (await course.last()).commit


async def test_a_new_hook_for_a_repository_made_anew_does_as_well(
    course: Course,
) -> None:
    await follow(course)
    course.forge.delete(course.repo)
    course.repo = course.forge.create("ada/course", files=SIX)
    body = {"repository": course.repo.url, "forge": course.vendor, "paste": True}
    made = (await course.api.call("POST", "/hooks", body)).json
    async with course.world.store.reading() as tx:
        course.hook = await tx.hooks.get(HookId(made["id"]))
    course.point(course.repo)

    commit = await course.push()

    assert (await course.last()).commit == commit


async def test_who_takes_the_name_of_what_was_deleted_is_not_followed(
    numbered: Course,
) -> None:
    """Without the hook's secret nobody says that it is the same repository."""
    await follow(numbered)
    numbered.forge.delete(numbered.repo)
    taken = numbered.forge.create("ada/course", files=NEWER)
    stranger = replace(
        numbered.hook, secrets=(type(numbered.hook.secrets[0])("guess"),)
    )
    facts = some_facts(repository=taken.repository)

    refused = await numbered.post(a_push(stranger, facts))
    await numbered.forge_push(number=taken.number + 1)

    last = (await numbered.last()).comparison
    assert refused.status == 401
    assert (last.verdict, last.reason) == (Verdict.UNKNOWN, "remote_replaced")
    assert numbered.world.builder.running == []


async def test_a_signed_number_does_not_bring_back_a_name_that_was_given_away(
    numbered: Course,
) -> None:
    """Ada gave her repository away, and knows its hook's secret: the name is hers."""
    await follow(numbered)
    numbered.forge.rename(numbered.repo, "uni/course")
    hers = numbered.forge.create("ada/course", files={"requirements.txt": "evil==1\n"})
    await numbered.forge.settled()

    await numbered.forge_push(path="ada/course", number=hers.number)

    source = await numbered.source()
    assert (await numbered.last()).commit == numbered.repo.tip()
    assert source.repository.number == numbered.repo.number
    assert source.repository.path == "uni/course"


async def test_a_renamed_repository_is_heard_by_the_number_that_a_look_found(
    numbered: Course,
) -> None:
    await follow(numbered)
    numbered.forge.rename(numbered.repo, "ada/lecture")
    await numbered.handle()

    commit = await numbered.push()

    (told, *_) = await numbered.api.get("/deliveries?limit=1")
    assert (await numbered.last()).commit == commit
    assert (await numbered.source()).repository.path == "ada/lecture"
    assert "calls it ada/lecture" in told["message"]


async def test_a_hook_that_is_added_later_knows_the_number_that_was_found(
    course: Course,
) -> None:
    await follow(course)
    body = {"repository": course.repo.url, "forge": course.vendor, "paste": True}
    made = (await course.api.call("POST", "/hooks", body)).json

    async with course.world.store.reading() as tx:
        hook = await tx.hooks.get(HookId(made["id"]))

    number = course.repo.number if course.is_told else None
    assert hook.repository.number == number
