"""What evaluations start from, read for several at once."""

import asyncio

from consumers.evaluation.opening import ObservationOpener
from service.domain.evaluation.queue import EvaluationRequest
from service.domain.push import Trigger
from service.domain.source import SourceId
from tests.support.repos import Repo
from tests.support.statements import sent_statements
from tests.support.world import DEBOUNCE, World


async def test_those_that_begin_together_are_read_together(
    world: World, repo: Repo
) -> None:
    launcher = await world.launcher(await world.follow(repo.repository))
    opener = ObservationOpener(store=world.store, clock=world.clock, debounce=DEBOUNCE)
    followed, nowhere = launcher.tracked_source, SourceId("nowhere")

    request = EvaluationRequest(
        source_id=followed, trigger=Trigger.PUSH, requested_at=world.clock.now()
    )
    async with world.store.transaction() as tx:
        await tx.evaluation_queue.enqueue(request, debounce=DEBOUNCE)

    with sent_statements("sources") as alone:
        opened = await opener.open(followed)
    with sent_statements("sources") as together:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(opener.open(followed)) for _ in range(5)]
        several = [task.result() for task in tasks]

    assert opened is not None
    assert opened.source.id == followed
    assert opened.requests
    assert [each and each.source.id for each in several] == [followed] * 5
    assert len(together) == len(alone)
    assert await opener.open(nowhere) is None
