"""Steps that the journeys of a push have in common."""

from service.domain.evaluation.comparison import Verdict
from service.domain.launcher import LauncherId
from tests.support.repos import Repo
from tests.support.world import World


async def built(world: World) -> str:
    """Let the first build succeed; return its image."""
    await world.settle()
    image = world.builder.succeed()
    await world.settle()
    return image


async def pushed(world: World, repo: Repo, **files: str | None) -> None:
    """Push a commit and let everything happen that happens at once."""
    await world.later(10)  # a new source is looked at once more
    await world.later(10)
    repo.commit({name.replace("_", "."): text for name, text in files.items()})
    await world.push(repo.repository)
    await world.settle()


async def verdict(world: World, launcher: LauncherId) -> Verdict:
    return (await world.evaluations(launcher))[0].comparison.verdict
