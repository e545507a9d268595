"""What a push says that it changed is asked for with the head, and decides nothing."""

from pathlib import Path

from consumers.evaluation.opening import ObservationOpener
from service.adapters.git.remote import GitRemote
from service.domain.evaluation.comparison import RefMissing, Verdict
from service.domain.repository import Repository
from service.domain.source import Head, Revision
from service.events.envelope import Event
from service.events.models import PushReceived, RepositoryData
from service.ports.remote import NO_READS, ExpectedReads
from tests.consumers.steps import built, verdict
from tests.support.repos import Repo
from tests.support.world import DEBOUNCE, World, a_world


class ExpectingRemote(GitRemote):
    """Real git; notes what was expected of each head."""

    def __init__(self) -> None:
        super().__init__(environment={}, allow_files=True)
        self.expected: list[ExpectedReads] = []

    async def head(
        self,
        repository: Repository,
        revision: Revision,
        *,
        expected: ExpectedReads = NO_READS,
    ) -> Head | RefMissing:
        self.expected.append(expected)
        return await super().head(repository, revision, expected=expected)


def a_push(world: World, repository: Repository, *paths: str) -> PushReceived:
    return PushReceived(
        repository=RepositoryData.of(repository),
        ref="refs/heads/main",
        default_branch="main",
        changed_paths=paths,
        trigger="push",
        delivery_id=f"d-{world.ids.new()}",
        hook_id="hook-1",
        received_at=world.clock.now(),
    )


async def tell(world: World, repository: Repository, *paths: str) -> None:
    await world.publish(a_push(world, repository, *paths))


async def told(world: World, repository: Repository, *paths: str) -> None:
    """Tell the enqueuer of a push, without a bus between."""
    data = a_push(world, repository, *paths)
    event = Event.of(data, id=world.ids.new(), time=world.clock.now())
    await world.enqueuer.handle(event, data)


async def calm(world: World) -> None:
    """Let the looks at a new source be over."""
    for _ in range(2):
        await world.later(10)


async def test_what_pushes_name_is_expected_the_newest_first(
    tmp_path: Path, repo: Repo
) -> None:
    remote = ExpectingRemote()
    async with a_world(tmp_path, remote=remote) as world:
        launcher = await world.follow(repo.repository)
        await built(world)
        await calm(world)
        repo.commit({"requirements.txt": "-r more/a.txt\n", "more/a.txt": "six\n"})
        await tell(world, repo.repository, "more/a.txt")
        await tell(world, repo.repository, "more/b.txt", "requirements.txt")

        await world.settle()

        files = remote.expected[-1].files
        assert files[:3] == ("requirements.txt", "more/b.txt", "more/a.txt")
        assert "more" in remote.expected[-1].directories
        assert await verdict(world, launcher) is Verdict.CHANGED


async def test_a_push_that_names_other_files_is_compared_all_the_same(
    tmp_path: Path, repo: Repo
) -> None:
    async with a_world(tmp_path) as world:
        launcher = await world.follow(repo.repository)
        await built(world)
        await calm(world)
        repo.commit({"requirements.txt": "six==1.17.0\n"})

        await tell(world, repo.repository, "elsewhere/uv.lock", "gone.txt")
        await world.settle()

        assert await verdict(world, launcher) is Verdict.CHANGED


async def test_of_a_storm_of_pushes_what_the_newest_name_is_looked_through(
    world: World, repo: Repo
) -> None:
    launcher = await world.follow(repo.repository)
    await built(world)
    await calm(world)
    source = (await world.launcher(launcher)).tracked_source
    for number in range(30):
        await told(world, repo.repository, *(f"x{number}/{n}.txt" for n in range(20)))
    opener = ObservationOpener(store=world.store, clock=world.clock, debounce=DEBOUNCE)

    observation = await opener.open(source)

    assert observation is not None
    assert len(observation.requests) == 30
    assert observation.changed_paths[0] == "x29/0.txt"
    assert observation.changed_paths[-1] == "x25/19.txt"
