"""From a push to a launcher, with every consumer and a builder that obeys."""

from datetime import timedelta

from service.domain.agenda import UNAWARE
from service.domain.build import BuildState, PhaseTime
from service.domain.evaluation import Verdict
from service.domain.failure import Failure, FailureClass
from service.domain.launcher import LauncherId, UpdatePolicy
from service.domain.push import Evidence
from service.wire import BuildWaiting
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
    return (await world.evaluations(launcher))[0].judgement.verdict


async def test_a_new_launcher_gets_its_first_image(world: World, repo: Repo) -> None:
    launcher = await world.follow(repo.repository)

    image = await built(world)

    assert (await world.launcher(launcher)).image == image
    (rebuild,) = await world.rebuilds(launcher)
    assert rebuild.state is BuildState.SUCCEEDED
    assert rebuild.reason == "built"
    assert await verdict(world, launcher) is Verdict.INITIAL


async def test_what_keeps_a_build_from_starting_is_an_event_once(
    world: World, repo: Repo
) -> None:
    launcher = await world.follow(repo.repository)
    await world.settle()
    for message in ("the quota few is full", "the quota few is full by now"):
        world.builder.hinder(Failure(kind=FailureClass.NOT_ADMITTED, message=message))
        await world.later(1)
    world.builder.hinder(None)

    image = await built(world)

    assert (await world.launcher(launcher)).image == image
    names = [event.name for event in world.events]
    assert names.count(BuildWaiting.name) == 1


async def test_a_build_knows_what_its_definition_declares_also_when_only_remembered(
    world: World, repo: Repo
) -> None:
    launcher = await world.follow(repo.repository)
    await built(world)
    await world.later(10)
    await world.later(10)
    await world.wish(launcher)
    await world.settle()

    first, again = world.builder.started
    async with world.store.transaction() as tx:
        assert (await tx.builds.get(first)).declared == ("six",)
        assert (await tx.builds.get(again)).declared == ("six",)


async def test_a_changed_definition_is_built_and_the_launcher_moves(
    world: World, repo: Repo
) -> None:
    launcher = await world.follow(repo.repository)
    first = await built(world)

    await pushed(world, repo, requirements_txt="six==1.17.0\n")
    still = await world.launcher(launcher)
    second = world.builder.succeed()
    await world.settle()

    assert still.image == first
    assert (await world.launcher(launcher)).image == second != first
    async with world.store.transaction() as tx:
        previous = [
            (await tx.builds.get(it)).previous_image for it in world.builder.started
        ]
    assert previous == [None, first]
    assert [it.name for it in world.events][-4:] == [
        "rebuild.requested.v1",
        "build.started.v1",
        "build.finished.v1",
        "launcher.updated.v1",
    ]


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

    traced = [it.name for it in world.events if it.traceparent == first]
    assert traced == [
        "push.received.v1",
        "environment.evaluated.v1",
        "rebuild.requested.v1",
        "build.started.v1",
        "build.finished.v1",
        "launcher.updated.v1",
    ]
    async with world.store.transaction() as tx:
        assert (await tx.builds.get(build)).traceparent == first


async def test_a_readme_edit_costs_nothing(world: World, repo: Repo) -> None:
    launcher = await world.follow(repo.repository)
    image = await built(world)

    await pushed(world, repo, README_md="A better course\n")

    assert await verdict(world, launcher) is Verdict.UNCHANGED
    assert len(world.builder.started) == 1
    assert (await world.launcher(launcher)).image == image


async def test_a_comment_costs_nothing_and_says_so(world: World, repo: Repo) -> None:
    launcher = await world.follow(repo.repository)
    await built(world)

    await pushed(world, repo, requirements_txt="# why\nsix==1.16.0\n")

    assert await verdict(world, launcher) is Verdict.COSMETIC
    assert len(world.builder.started) == 1


async def test_a_revert_is_an_instant_rollback(world: World, repo: Repo) -> None:
    launcher = await world.follow(repo.repository)
    first = await built(world)
    await pushed(world, repo, requirements_txt="six==1.17.0\n")
    world.builder.succeed()
    await world.settle()

    await pushed(world, repo, requirements_txt="six==1.16.0\n")

    assert (await world.launcher(launcher)).image == first
    assert (await world.rebuilds(launcher))[0].reason == "reused"
    assert len(world.builder.started) == 2


async def test_a_failed_build_leaves_the_last_good_image(
    world: World, repo: Repo
) -> None:
    launcher = await world.follow(repo.repository)
    image = await built(world)

    await pushed(world, repo, requirements_txt="no-such-package\n")
    world.builder.fail(FailureClass.NO_SUCH_PACKAGE)
    await world.settle()

    rebuild = (await world.rebuilds(launcher))[0]
    assert rebuild.state is BuildState.FAILED
    assert rebuild.failure is not None
    assert rebuild.failure.kind is FailureClass.NO_SUCH_PACKAGE
    assert (await world.launcher(launcher)).image == image


async def test_a_push_during_a_build_wins_whichever_ends_first(
    world: World, repo: Repo
) -> None:
    launcher = await world.follow(repo.repository)
    await built(world)
    await pushed(world, repo, requirements_txt="six==1.15.0\n")
    slow = world.builder.running[0]

    await pushed(world, repo, requirements_txt="six==1.14.0\n")
    image = world.builder.succeed()
    await world.settle()

    assert world.builder.cancelled == [slow]
    assert (await world.launcher(launcher)).image == image
    states = [it.state for it in await world.rebuilds(launcher)]
    assert states[:2] == [BuildState.SUCCEEDED, BuildState.SUPERSEDED]


async def test_an_old_result_never_moves_a_launcher_back(
    world: World, repo: Repo
) -> None:
    launcher = await world.follow(repo.repository)
    await built(world)
    await pushed(world, repo, requirements_txt="six==1.15.0\n")
    world.builder.succeed()
    await world.settle()
    newest = (await world.launcher(launcher)).image

    await world.deliver(world.events)
    await world.settle()

    assert (await world.launcher(launcher)).image == newest


async def test_fifty_launchers_of_one_course_share_one_build(
    world: World, repo: Repo
) -> None:
    launchers = [
        await world.follow(repo.repository, name=f"student {i}") for i in range(50)
    ]
    await world.settle()
    image = world.builder.succeed()
    await world.settle()

    images = {(await world.launcher(it)).image for it in launchers}
    assert images == {image}
    assert len(world.builder.started) == 1


async def test_a_fork_with_the_same_definition_reuses_the_image(
    world: World, repo: Repo
) -> None:
    await world.follow(repo.repository)
    image = await built(world)
    fork = Repo(repo.path.with_name("fork.git"))
    fork.commit({"requirements.txt": "six==1.16.0 # mine\n"})

    second = await world.follow(fork.repository)
    await world.settle()

    assert (await world.launcher(second)).image == image
    assert len(world.builder.started) == 1


async def test_a_person_who_asks_gets_a_fresh_build_though_nothing_changed(
    world: World, repo: Repo
) -> None:
    launcher = await world.follow(repo.repository)
    first = await built(world)

    await world.wish(launcher)
    await world.settle()
    second = world.builder.succeed()
    await world.settle()

    assert (await world.launcher(launcher)).image == second != first


async def test_who_wants_to_be_told_is_told_and_stays(world: World, repo: Repo) -> None:
    launcher = await world.follow(repo.repository, policy=UpdatePolicy.NOTIFY)
    first = await built(world)

    await pushed(world, repo, requirements_txt="six==1.17.0\n")
    second = world.builder.succeed()
    await world.settle()

    it = await world.launcher(launcher)
    assert (it.image, it.available_image) == (first, second)
    assert world.events[-1].data["action"] == "available"


async def test_a_manual_launcher_waits_for_its_person(world: World, repo: Repo) -> None:
    launcher = await world.follow(repo.repository, policy=UpdatePolicy.MANUAL)
    await built(world)

    await pushed(world, repo, requirements_txt="six==1.17.0\n")

    it = await world.launcher(launcher)
    assert it.wanted_key != it.image_key
    assert world.builder.running == []


async def test_a_look_that_was_faster_than_the_one_asked_for_answers_the_wish(
    world: World, repo: Repo
) -> None:
    launcher = await world.follow(repo.repository)
    await world.tell(repo.repository)
    await world.evaluator.keep_one()

    await built(world)

    (rebuild,) = await world.rebuilds(launcher)
    assert rebuild.evidence is Evidence.LAUNCHER
    assert rebuild.state is BuildState.SUCCEEDED


async def test_another_builder_version_rebuilds_at_the_next_look(
    world: World, repo: Repo
) -> None:
    launcher = await world.follow(repo.repository)
    await built(world)
    world.builder.version = "told/2"

    await world.later(10)
    await world.push(repo.repository)
    await world.settle()

    assert len(world.builder.running) == 1
    assert await verdict(world, launcher) is Verdict.UNCHANGED


async def test_a_transient_failure_is_tried_again_with_an_end(
    world: World, repo: Repo
) -> None:
    launcher = await world.follow(repo.repository)
    await world.settle()
    for wait in (200, 200, 0):
        world.builder.fail(FailureClass.NETWORK)
        await world.settle()
        await world.later(wait)

    (rebuild,) = await world.rebuilds(launcher)
    assert rebuild.state is BuildState.FAILED
    assert rebuild.failure is not None
    assert world.builder.started == [rebuild.build_id] * 3


async def test_a_build_has_the_phases_of_the_attempt_that_ended_it(
    world: World, repo: Repo
) -> None:
    await world.follow(repo.repository)
    await world.settle()
    (build,) = world.builder.started
    clone = PhaseTime(name="clone", took=timedelta(seconds=2))
    world.builder.fail(FailureClass.NETWORK, phases=(clone,))
    await world.settle()
    async with world.store.transaction() as tx:
        assert (await tx.builds.get(build)).phases == ()
    await world.later(120)
    took = (clone, PhaseTime(name="build", took=timedelta(seconds=41.5)))
    world.builder.succeed(phases=took)
    await world.settle()

    async with world.store.transaction() as tx:
        assert (await tx.builds.get(build)).phases == took
    (told,) = (it for it in world.events if it.name == "build.finished.v1")
    assert told.data["phases"] == [
        {"name": "clone", "seconds": 2.0},
        {"name": "build", "seconds": 41.5},
    ]


async def test_a_lost_build_is_started_again(world: World, repo: Repo) -> None:
    launcher = await world.follow(repo.repository)
    await world.settle()
    world.builder.lose()

    await world.later(15)
    await world.later(60)
    image = world.builder.succeed()
    await world.settle()

    assert (await world.launcher(launcher)).image == image


async def test_a_builder_without_room_is_asked_again(world: World, repo: Repo) -> None:
    launcher = await world.follow(repo.repository)
    world.builder.refuse(2)
    await world.settle()
    await world.later(31)
    await world.later(31)
    image = world.builder.succeed()
    await world.settle()

    assert (await world.launcher(launcher)).image == image


async def test_only_who_depends_on_a_registry_waits_until_it_answers(
    world: World, repo: Repo
) -> None:
    launcher = await world.follow(repo.repository)
    first = await built(world)
    await pushed(world, repo, requirements_txt="six==1.17.0\n")
    second = world.builder.succeed()
    await world.settle()
    world.builder.is_silent = True

    await pushed(world, repo, requirements_txt="six==1.16.0\n")
    assert (await world.rebuilds(launcher))[0].state is BuildState.QUEUED
    assert (await world.launcher(launcher)).image == second
    other = await world.follow(repo.repository, frontend="jupyterlab")
    await world.settle()
    assert len(world.builder.running) == 1

    world.builder.is_silent = False
    await world.later(1)
    assert (await world.launcher(launcher)).image == first
    world.builder.succeed()
    await world.settle()
    assert (await world.rebuilds(other))[0].reason == "built"


async def test_an_image_that_was_removed_is_built_again(
    world: World, repo: Repo
) -> None:
    await world.follow(repo.repository)
    first = await built(world)
    await pushed(world, repo, requirements_txt="six==1.17.0\n")
    world.builder.succeed()
    await world.settle()
    world.builder.remove_image(first)

    await pushed(world, repo, requirements_txt="six==1.16.0\n")

    assert len(world.builder.running) == 1


async def test_a_repository_without_a_definition_says_what_was_looked_for(
    world: World, repo: Repo
) -> None:
    empty = Repo(repo.path.with_name("empty.git"))
    empty.commit({"README.md": "Nothing to install\n"})
    launcher = await world.follow(empty.repository)

    await world.settle()

    (rebuild,) = await world.rebuilds(launcher)
    assert rebuild.failure is not None
    assert rebuild.failure.kind is FailureClass.NO_DEFINITION
    assert "requirements.txt" in rebuild.failure.message


async def test_a_repository_that_is_not_there_fails_what_people_wait_for(
    world: World, repo: Repo
) -> None:
    gone = Repo(repo.path.with_name("gone.git"))
    gone.commit({"requirements.txt": "six\n"})
    repository = gone.repository
    gone.path.rename(gone.path.with_name("moved.git"))

    launcher = await world.follow(repository)
    await world.settle()

    (rebuild,) = await world.rebuilds(launcher)
    assert rebuild.failure is not None
    assert rebuild.failure.kind is FailureClass.CLONE_FAILED
    assert await verdict(world, launcher) is Verdict.UNKNOWN


async def test_a_deleted_branch_keeps_the_image_and_may_come_back(
    world: World, repo: Repo
) -> None:
    repo.commit({"requirements.txt": "six==1.16.0\n"}, branch="work")
    launcher = await world.follow(repo.repository, revision="refs/heads/work")
    image = await built(world)
    repo.delete("refs/heads/work")

    await world.later(10)
    await world.push(repo.repository, "refs/heads/work")
    await world.settle()
    gone = await verdict(world, launcher)
    repo.commit({"requirements.txt": "six==1.16.0\n"}, branch="work", parents=[])
    await world.later(10)
    await world.push(repo.repository, "refs/heads/work")
    await world.settle()

    assert gone is Verdict.REF_GONE
    assert await verdict(world, launcher) is Verdict.UNCHANGED
    assert (await world.launcher(launcher)).image == image


async def test_a_thousand_pushes_in_a_minute_cost_few_looks_and_one_build(
    world: World, repo: Repo
) -> None:
    launcher = await world.follow(repo.repository)
    await built(world)
    await world.later(10)
    before = len(await world.evaluations(launcher))

    for number in range(1000):
        if number % 100 == 0:
            repo.commit({"requirements.txt": f"six==1.{number}\n"})
        await world.tell(repo.repository)
        if number % 20 == 0:
            await world.settle()
            world.clock.advance(timedelta(minutes=1) / 50)
    await world.later(30)

    looks = len(await world.evaluations(launcher)) - before
    assert looks <= 3
    assert len(world.builder.running) == 1


async def test_every_delivery_is_answered_by_a_look(world: World, repo: Repo) -> None:
    await world.follow(repo.repository)
    await world.settle()
    deliveries = [await world.push(repo.repository) for _ in range(5)]

    await world.settle()
    await world.later(10)

    async with world.store.reading() as tx:
        for delivery in deliveries:
            (evaluation,) = await tx.evaluations.of_delivery(delivery)
            assert evaluation.evidence is Evidence.PUSH


async def test_a_push_that_was_taken_for_untracked_is_found_by_the_second_look(
    world: World, repo: Repo
) -> None:
    """Receivers remember for a moment that nobody follows a repository."""
    launcher = await world.follow(repo.repository)
    await built(world)
    repo.commit({"requirements.txt": "six==1.17.0\n"})

    await world.later(UNAWARE.total_seconds())

    assert await verdict(world, launcher) is Verdict.CHANGED
    assert len(world.builder.running) == 1


async def test_a_source_that_is_no_longer_new_is_left_alone(
    world: World, repo: Repo
) -> None:
    launcher = await world.follow(repo.repository)
    await built(world)
    await world.later(UNAWARE.total_seconds())
    looks = len(await world.evaluations(launcher))

    await world.later(10 * UNAWARE.total_seconds())

    assert looks == 2
    assert len(await world.evaluations(launcher)) == looks


async def test_a_definition_that_is_too_complex_is_judged_once_and_for_all(
    world: World, repo: Repo
) -> None:
    launcher = await world.follow(repo.repository)
    image = await built(world)
    bomb = "x0: &x0 {a: b}\n" + "".join(
        f"x{it}: &x{it} {{<<: [*x{it - 1}, *x{it - 1}]}}\n" for it in range(1, 25)
    )
    await pushed(world, repo, requirements_txt=None, environment_yml=bomb)

    [newest, *_] = seen = await world.evaluations(launcher)
    assert newest.judgement.reason == "definition_too_complex"
    assert [it.code for it in newest.findings] == ["definition_too_complex"]
    assert (await world.launcher(launcher)).image == image

    # Nobody looks again by themselves, and what mends it is seen.
    await world.later(3600)
    assert len(await world.evaluations(launcher)) == len(seen)
    repo.commit({"environment.yml": None, "requirements.txt": "six==1.16.0\n"})
    await world.push(repo.repository)
    await world.settle()
    assert await verdict(world, launcher) is Verdict.INITIAL
    assert (await world.launcher(launcher)).image == image
