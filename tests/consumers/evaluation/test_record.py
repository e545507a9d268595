"""What the verdict's transaction writes: rebuilds with what they need to know."""

from service.events.spans import evaluation_step
from service.events.trace import child_traceparent, trace_id_of
from tests.consumers.steps import built
from tests.support.repos import Repo
from tests.support.world import World


async def test_a_build_knows_what_its_definition_declares_also_when_only_remembered(
    world: World, repo: Repo
) -> None:
    launcher = await world.follow(repo.repository)
    await built(world)
    await world.later(10)
    await world.later(10)
    await world.request_rebuild(launcher)
    await world.settle()

    first, again = world.builder.started
    async with world.store.transaction() as tx:
        assert (await tx.builds.get(first)).declared == ("six",)
        assert (await tx.builds.get(again)).declared == ("six",)


async def test_a_trace_goes_from_the_push_to_the_launcher(
    world: World, repo: Repo
) -> None:
    await world.follow(repo.repository)
    await built(world)
    await world.later(10)
    await world.later(10)
    repo.commit({"requirements.txt": "six==1.17.0\n"})
    first, later = f"00-{'a' * 32}-{'b' * 16}-01", f"00-{'c' * 32}-{'d' * 16}-01"
    for trace in (first, later):
        await world.push(repo.repository, traceparent=trace)
    await world.settle()
    (build,) = world.builder.running
    world.builder.succeed()
    await world.settle()

    mine = [
        event for event in world.events if trace_id_of(event.traceparent) == "a" * 32
    ]
    assert [event.name for event in mine] == [
        "push.received.v2",
        "environment.evaluated.v2",
        "rebuild.requested.v3",
        "build.started.v2",
        "build.finished.v2",
        "launcher.updated.v1",
    ]
    # What the evaluation requested was caused by it, and not by the push.
    pushed, evaluated, *caused = mine
    assert pushed.traceparent == evaluated.traceparent == first
    step = evaluation_step(evaluated.data["evaluation_id"])
    context = child_traceparent(first, step)
    assert {event.traceparent for event in caused} == {context}
    async with world.store.transaction() as tx:
        assert (await tx.builds.get(build)).traceparent == context


async def test_a_person_who_asks_gets_a_fresh_build_though_nothing_changed(
    world: World, repo: Repo
) -> None:
    launcher = await world.follow(repo.repository)
    first = await built(world)

    await world.request_rebuild(launcher)
    await world.settle()
    second = world.builder.succeed()
    await world.settle()

    assert (await world.launcher(launcher)).image == second != first
