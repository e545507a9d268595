"""Several of everything that lists show, in one project."""

from dataclasses import replace

from service.domain.building.build import BuildState, EnvironmentId
from service.domain.delivery import DeliveryId
from service.domain.evaluation.comparison import EvaluationId
from service.domain.hook import HookId
from service.domain.notifications.channel import ChannelId
from service.domain.repository import Repository
from service.domain.rights.caller import ProjectId, User, UserId
from service.domain.source import SourceId
from service.ports.store import Transaction
from tests.domain.test_notification import a_channel
from tests.support.rights import Populated, token_of
from tests.support.values import a_rebuild, an_evaluation
from tests.support.world import World

__all__ = ["MORE", "add_more"]

MORE = 4
"""How many are added of each."""


async def add_more(world: World, made: Populated) -> None:
    """Add several of everything to a project that has one of each.

    The clock of a world stands still, so all of them were made in one instant: only
    their ids have an order.
    """
    repository = made.project.repositories[0].repository
    assert repository is not None
    for number in range(MORE):
        # A folder of its own makes a source of its own.
        await world.follow(
            repository,
            project=made.project.id,
            environment=world.ids.new(),
            name=f"launcher {number}",
            context_dir=f"folder-{number}",
        )
        await token_of(world, User(id=UserId("outsider"), username="eve"))
        async with world.store.transaction() as tx:
            await _add(tx, world, made, number)
    await world.settle()


async def _add(tx: Transaction, world: World, made: Populated, number: int) -> None:
    await tx.projects.add(
        replace(
            made.project,
            id=ProjectId(world.ids.new()),
            slug=f"course-{number}",
            repositories=(),
        )
    )
    hook = await tx.hooks.get(HookId(made.ids["hook_id"]))
    url = f"https://github.com/uni/course-{number}"
    repository = Repository.from_url(url)
    await tx.hooks.add(
        replace(hook, id=HookId(f"hook-more-{number}"), repository=repository)
    )
    record = await tx.deliveries.get(DeliveryId(made.ids["delivery_id"]))
    await tx.deliveries.record(
        [replace(record, id=DeliveryId(f"d-{number:024}"), count=1)]
    )
    source = SourceId(made.ids["source_id"])
    evaluation = an_evaluation(id=EvaluationId(world.ids.new()), source_id=source)
    await tx.evaluations.add(replace(evaluation, generation=100 + number))
    await tx.rebuilds.add(
        a_rebuild(
            id=world.ids.new(),
            environment_id=EnvironmentId(made.ids["environment_id"]),
            launcher_id=made.ids["launcher_id"],
            source_id=source,
            state=BuildState.SUCCEEDED,
            plan=None,
        )
    )
    channel = a_channel(id=ChannelId(world.ids.new()), project=made.project.id)
    await tx.notifications.add_channel(channel)
