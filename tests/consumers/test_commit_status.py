"""Statuses on commits, at a forge of each kind that really takes them."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from pydantic import SecretStr
from structlog.testing import capture_logs

from consumers.commit_status import CommitStatusNotifier
from consumers.subscriptions import COMMIT_STATUS
from service.adapters.forge_api.commit_status_routing import RoutedCommitStatuses
from service.adapters.forge_api.errors import BudgetSpentError
from service.app.forges import open_forges
from service.domain.building.failure import FailureClass
from service.domain.commit_status import CONTEXT
from service.domain.evaluation.queue import EvaluationRequest
from service.domain.push import Trigger
from service.errors import TransientError
from service.events.envelope import Event, data_of
from service.settings import ForgeSettings, Settings
from tests.support.forge import Forge, HostedRepo, Vendor, a_forge
from tests.support.world import DEBOUNCE, World, a_world

PUBLIC = "https://relaunch.example"
SKIPPED = {"github": "success", "gitlab": "skipped", "gitea": "success"}
FAILED = {"github": "failure", "gitlab": "failed", "gitea": "failure"}


@dataclass
class Scene:
    """The bus side with a repository at a forge, and what is said on its commits."""

    world: World
    forge: Forge
    repo: HostedRepo
    notifier: CommitStatusNotifier
    heard: int = field(default=0, kw_only=True)

    async def later(self, seconds: float = 60) -> None:
        """Let time pass and tell the notifier what came of it."""
        await self.world.later(seconds)
        fresh = self.world.events[self.heard :]
        self.heard = len(self.world.events)
        await self.hear(fresh)

    async def hear(self, events: Sequence[Event]) -> None:
        for event in (item for item in events if item.name in COMMIT_STATUS.events):
            data = data_of(event)
            assert data is not None
            await self.notifier.handle(event, data)

    async def push(self, requirements: str) -> str:
        commit = await self.repo.push({"requirements.txt": requirements})
        await self.world.push(self.repo.repository)
        await self.later()
        return commit

    async def sweep(self) -> None:
        now, repository = self.world.clock.now(), self.repo.repository
        async with self.world.store.transaction() as tx:
            for source in await tx.sources.of_repository(repository):
                request = EvaluationRequest(
                    source_id=source.id, trigger=Trigger.SWEEP, requested_at=now
                )
                await tx.evaluation_queue.enqueue(request, debounce=DEBOUNCE)
        await self.later()

    def said(self, commit: str | None = None) -> list[str]:
        """Return the states a commit had, oldest first; as one row where it is one."""
        rows = [
            status for status in self.repo.statuses if commit in {None, status["sha"]}
        ]
        return [row.get("state") or row["status"] for row in rows]

    def posts(self) -> int:
        asked = self.forge.requests
        return sum(
            request.method == "POST" and "/statuses/" in request.path
            for request in asked
        )

    @property
    def latest(self) -> dict[str, str]:
        return dict(self.repo.statuses[-1])


@asynccontextmanager
async def a_scene(
    folder: Path,
    vendor: Vendor,
    *,
    is_wanted: bool = True,
    is_reader: bool = False,
    public_url: str = PUBLIC,
) -> AsyncIterator[Scene]:
    async with (
        a_world(folder) as world,
        a_forge(folder, vendor=vendor, clock=world.clock) as forge,
    ):
        token = forge.reader_token if is_reader else forge.token
        settings = ForgeSettings(
            tokens=SecretStr(f"{forge.host}={token}"),
            kinds={forge.host: vendor},
            commit_status=is_wanted,
        )
        async with open_forges(Settings(forge=settings), clock=world.clock) as forges:
            yield Scene(
                world,
                forge,
                forge.create("uni/course", files={"requirements.txt": "six==1.16.0\n"}),
                CommitStatusNotifier(
                    store=world.store,
                    notices=RoutedCommitStatuses(open_api=forges.notices),
                    public_url=public_url,
                ),
            )


VENDORS: tuple[Vendor, ...] = ("github", "gitlab", "gitea")


@pytest.fixture(params=VENDORS)
async def scene(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Scene]:
    async with a_scene(tmp_path, request.param) as scene:
        yield scene


@pytest.fixture
async def github(tmp_path: Path) -> AsyncIterator[Scene]:
    async with a_scene(tmp_path, "github") as scene:
        yield scene


async def test_a_commit_is_pending_while_it_is_built_and_then_well(
    scene: Scene,
) -> None:
    await scene.world.follow(scene.repo.repository)
    await scene.later()
    first = scene.said()
    scene.world.builder.succeed()
    await scene.later()

    assert first == ["pending"]
    assert scene.said()[-1] == "success"
    assert scene.posts() == 2
    assert scene.latest["sha"] == scene.repo.tip()
    assert (scene.latest.get("context") or scene.latest["name"]) == CONTEXT
    assert scene.latest["description"].startswith("Built.")


async def test_a_failure_says_its_class_and_where_the_story_is(scene: Scene) -> None:
    launcher = await scene.world.follow(scene.repo.repository)
    await scene.later()
    scene.world.builder.fail(FailureClass.NO_SUCH_PACKAGE)
    await scene.later()

    assert scene.said()[-1] == FAILED[scene.forge.vendor]
    told = scene.latest["description"]
    assert told == "no_such_package: It failed as the test said."
    (look,) = {evaluation.id for evaluation in await scene.world.evaluations(launcher)}
    assert scene.latest["target_url"] == f"{PUBLIC}/api/relaunch/explanations?of={look}"


async def test_a_push_that_changes_nothing_is_in_order_and_says_why(
    scene: Scene,
) -> None:
    await scene.world.follow(scene.repo.repository)
    await scene.later()
    scene.world.builder.succeed()
    await scene.later()
    commit = await scene.repo.push({"README.md": "Welcome\n"})
    await scene.world.push(scene.repo.repository)
    await scene.later()

    assert scene.said(commit) == [SKIPPED[scene.forge.vendor]]
    assert scene.latest["description"].startswith("Not rebuilt: unchanged.")


async def test_the_same_events_again_in_any_order_change_nothing(scene: Scene) -> None:
    await scene.world.follow(scene.repo.repository)
    await scene.later()
    scene.world.builder.succeed()
    await scene.later()
    commit = await scene.push("six==1.17.0\n")
    scene.world.builder.succeed()
    await scene.later()
    before = list(scene.repo.statuses)

    await scene.hear(scene.world.events[::-1])
    await scene.hear(scene.world.events)

    assert scene.repo.statuses == before
    assert scene.said(commit)[-1] == "success"


async def test_a_process_that_remembers_nothing_says_what_holds_now(
    scene: Scene,
) -> None:
    await scene.world.follow(scene.repo.repository)
    await scene.later()
    events = list(scene.world.events)
    scene.world.builder.succeed()
    await scene.world.later(60)

    await scene.hear(events)  # of the time when it was pending

    assert scene.said()[-1] == "success"


async def test_a_sweep_that_finds_nothing_says_nothing(github: Scene) -> None:
    await github.world.follow(github.repo.repository)
    await github.later()
    github.world.builder.succeed()
    await github.later()
    posts = github.posts()
    await github.sweep()
    commit = await github.repo.push({"README.md": "Welcome\n"})
    await github.sweep()

    assert github.said(commit) == []
    assert github.posts() == posts


async def test_what_a_sweep_finds_is_told_of(github: Scene) -> None:
    await github.world.follow(github.repo.repository)
    await github.later()
    github.world.builder.succeed()
    await github.later()
    commit = await github.repo.push({"requirements.txt": "six==1.17.0\n"})
    await github.sweep()

    assert github.said(commit) == ["pending"]


async def test_a_person_who_rebuilds_a_commit_sees_it_there(github: Scene) -> None:
    launcher = await github.world.follow(github.repo.repository)
    await github.later()
    github.world.builder.fail(FailureClass.CONFLICT)
    await github.later()
    await github.world.request_rebuild(launcher, Trigger.MANUAL)
    await github.later()
    github.world.builder.succeed()
    await github.later()

    assert github.said() == ["pending", "failure", "pending", "success"]


async def test_a_commit_that_a_newer_one_overtook_does_not_stay_pending(
    github: Scene,
) -> None:
    await github.world.follow(github.repo.repository)
    await github.later()
    first = github.repo.tip()
    second = await github.push("six==1.17.0\n")
    github.world.builder.succeed(github.world.builder.running[-1])
    await github.later()

    assert github.said(first) == ["pending", "success"]
    (told,) = (status for status in github.repo.statuses[1:] if status["sha"] == first)
    assert told["description"] == "Not built: a newer commit took its place."
    assert github.said(second)[-1] == "success"


async def test_every_source_of_a_repository_has_its_own_context(
    github: Scene,
) -> None:
    await github.repo.push({"app/requirements.txt": "six\n"})
    for folder in ("", "app"):
        await github.world.follow(github.repo.repository, context_dir=folder)
    await github.later()

    contexts = {status["context"] for status in github.repo.statuses}
    assert contexts == {CONTEXT, f"{CONTEXT}/app"}


async def test_long_words_and_credentials_do_not_get_out(github: Scene) -> None:
    launcher = await github.world.follow(github.repo.repository)
    await github.later()
    async with github.world.store.transaction() as tx:
        (look,) = await tx.evaluations.of_commit(github.repo.tip())
        (rebuild,) = await tx.rebuilds.of_evaluation(look.id)
    assert rebuild.launcher_id == launcher
    long = "no index at https://me:hunter2@index.example/simple\n" + "x " * 200
    github.world.builder.fail(FailureClass.CONFLICT)
    await _reworded(github, long)

    told = github.latest["description"]
    assert "hunter2" not in told
    assert "index.example/simple x x" in told
    assert len(told) == 140
    assert told.endswith("…")


async def _reworded(scene: Scene, message: str) -> None:
    """Let a build end, and have the ledger hold another message of its failure."""
    await scene.world.later(60)
    async with scene.world.store.transaction() as tx:
        (look,) = await tx.evaluations.of_commit(scene.repo.tip())
        (rebuild,) = await tx.rebuilds.of_evaluation(look.id)
        assert rebuild.failure is not None
        failure = replace(rebuild.failure, message=message)
        await tx.rebuilds.save(replace(rebuild, failure=failure))
    await scene.hear(scene.world.events[scene.heard :])


@pytest.mark.parametrize("vendor", VENDORS)
async def test_a_token_that_may_not_is_told_of_once_and_nothing_waits(
    tmp_path: Path, vendor: Vendor
) -> None:
    async with a_scene(tmp_path, vendor, is_reader=True) as scene:
        await scene.world.follow(scene.repo.repository)
        with capture_logs() as logs:
            await scene.later()
            scene.world.builder.succeed()
            await scene.later()

        refused = [log for log in logs if log["event"] == "status refused"]
        assert scene.said() == []
        assert [entry["repository"] for entry in refused] == [scene.repo.url]
        assert scene.forge.reader_token not in str(logs)


@pytest.mark.parametrize("status", [404, 422])
async def test_a_commit_that_is_not_there_is_dropped(
    github: Scene, status: int
) -> None:
    await github.world.follow(github.repo.repository)
    github.forge.fail_next(status)
    await github.later()
    github.world.builder.succeed()
    await github.later()

    assert github.said() == ["success"]


async def test_trouble_is_left_to_whoever_tries_again(scene: Scene) -> None:
    await scene.world.follow(scene.repo.repository)
    scene.forge.fail_next(503)
    with pytest.raises(TransientError):
        await scene.later()

    await scene.hear(scene.world.events)

    assert scene.said() == ["pending"]


async def test_a_limit_is_obeyed_and_says_how_long(github: Scene) -> None:
    await github.world.follow(github.repo.repository)
    github.forge.limit_secondary(retry_after=60)
    with pytest.raises(BudgetSpentError) as caught:
        await github.later()
    posts = github.posts()
    with pytest.raises(BudgetSpentError):
        await github.hear(github.world.events)

    assert caught.value.retry_after is not None
    assert caught.value.retry_after.total_seconds() == 60
    assert github.posts() == posts


async def test_nothing_is_said_where_nobody_asked_for_it(tmp_path: Path) -> None:
    async with a_scene(tmp_path, "github", is_wanted=False) as scene:
        await scene.world.follow(scene.repo.repository)
        await scene.later()

        assert scene.posts() == 0


async def test_a_link_that_nobody_could_follow_is_left_out(tmp_path: Path) -> None:
    async with a_scene(tmp_path, "github", public_url="") as scene:
        await scene.world.follow(scene.repo.repository)
        await scene.later()

        assert scene.latest["target_url"] is None


async def test_an_old_gitlab_that_cannot_skip_is_told_of_a_success(
    tmp_path: Path,
) -> None:
    async with a_scene(tmp_path, "gitlab") as scene:
        await scene.world.follow(scene.repo.repository)
        await scene.later()
        scene.world.builder.succeed()
        await scene.later()
        commit = await scene.repo.push({"README.md": "Welcome\n"})
        await scene.world.push(scene.repo.repository)
        body = b'{"error":"state does not have a valid value"}'
        scene.forge.fail_next(400, body=body)
        await scene.later()

        assert scene.said(commit) == ["success"]
