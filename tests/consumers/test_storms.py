"""Somebody pushes and pushes; the others do not wait for it to end."""

from pathlib import Path

from service.domain.building.schedule import ConcurrencyLimits
from service.domain.evaluation.comparison import Verdict
from service.settings.building import BuildSettings
from tests.support.repos import Repo
from tests.support.world import World, a_world

BUILD_TAKES = 5
"""Seconds."""


def a_repo(folder: Path, name: str, version: int) -> Repo:
    repo = Repo(folder / f"{name}.git")
    repo.commit({"requirements.txt": f"six==1.{version}\n"})
    return repo


async def a_second(world: World, ages: dict[str, int]) -> None:
    """Let a second pass; builds that ran long enough end well."""
    for build in world.builder.running:
        ages[build] = ages.get(build, 0) + 1
        if ages[build] >= BUILD_TAKES:
            world.builder.succeed(build)
    await world.later(1)


async def test_a_bot_that_pushes_for_ever_starves_nobody(tmp_path: Path) -> None:
    """One slot for all; the bot changes its environment every second."""
    async with a_world(
        tmp_path, caps=ConcurrencyLimits(in_all=1, per_project=1)
    ) as world:
        bot, course = a_repo(tmp_path, "bot", 1000), a_repo(tmp_path, "course", 2000)
        bots = await world.follow(bot.repository, project="bots")
        launcher = await world.follow(course.repository, project="courses")
        ages: dict[str, int] = {}
        for _ in range(15):
            await a_second(world, ages)
        before = {
            launcher_id: (await world.launcher(launcher_id)).image
            for launcher_id in (bots, launcher)
        }
        moved_after = None

        for second in range(70):
            bot.commit({"requirements.txt": f"six==1.{second}\n"})
            await world.push(bot.repository)
            if second == 30:
                course.commit({"requirements.txt": "six==1.2001\n"})
                await world.push(course.repository)
            await a_second(world, ages)
            is_moved = (await world.launcher(launcher)).image != before[launcher]
            if is_moved and moved_after is None:
                moved_after = second - 30

        looks = await world.evaluations(launcher)
        assert all(before.values())
        assert looks[0].comparison.verdict is Verdict.CHANGED
        # Its own build, one that ran already, and a moment to look and to start.
        assert moved_after is not None
        assert moved_after <= 2 * BUILD_TAKES + 5
        assert (await world.launcher(bots)).image != before[bots]


async def test_a_project_with_builds_that_do_not_end_leaves_a_slot(
    tmp_path: Path,
) -> None:
    settings = BuildSettings()
    caps = ConcurrencyLimits.with_fair_share(
        settings.max_concurrent, per_project=settings.max_per_project
    )
    async with a_world(tmp_path, caps=caps) as world:
        for number in range(4):
            slow = a_repo(tmp_path, f"slow{number}", number)
            await world.follow(slow.repository, project="slow")
        for _ in range(15):
            await world.later(1)
        held = set(world.builder.running)
        course = a_repo(tmp_path, "course", 2000)
        launcher = await world.follow(course.repository, project="courses")
        for _ in range(15):
            await world.later(1)

        [rebuild] = await world.rebuilds(launcher)
        assert len(held) == caps.per_project
        assert rebuild.build_id in world.builder.running
        assert len(world.builder.running) == caps.in_all
