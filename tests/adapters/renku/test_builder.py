"""Renku builds one environment at a time, moves when it is read, and forgets."""

import asyncio
from dataclasses import replace

import pytest

from service.domain.building.build import Image
from service.domain.building.failure import Failure, FailureClass
from service.errors import TransientError
from service.ports.builder import RefusedError, Running, Vanished
from tests.adapters.renku.building import (
    Upstream,
    failure_in,
    image_of,
    seen_of,
)

NO_SUCH_PACKAGE = """\
ERROR: Could not find a version that satisfies the requirement a (from versions: none)
ERROR: No matching distribution found for a
"""


def hindrance_in(seen: object) -> FailureClass | None:
    assert isinstance(seen, Running)
    return seen.hindrance.kind if seen.hindrance else None


async def test_a_build_is_followed_to_its_image(upstream: Upstream) -> None:
    builder, build = upstream.builder(), await upstream.wanted()
    environment = upstream.launcher.environment

    await builder.start(build)
    running = await seen_of(builder, build)
    ended = upstream.renku.end(environment, log="Collecting six\nInstalled six")
    image = image_of(await seen_of(builder, build))

    assert running == Running()
    assert image.reference == ended.image == environment.image
    assert image.build_id == build.id
    assert upstream.logs.lines == [
        (build.id, "build", "Collecting six"),
        (build.id, "build", "Installed six"),
    ]


async def test_a_fault_over_one_build_is_the_end_of_that_one_alone(
    upstream: Upstream,
) -> None:
    builder, build = upstream.builder(), await upstream.wanted()
    await builder.start(build)
    upstream.renku.end(upstream.launcher.environment, log="Collecting six")
    upstream.logs.fault = OSError("no space left on device")

    failure = failure_in(await seen_of(builder, build))

    assert failure.kind is FailureClass.INTERNAL
    assert failure.message == "the builder failed: OSError: no space left on device"


async def test_starting_twice_starts_one_build(upstream: Upstream) -> None:
    builder, build = upstream.builder(), await upstream.wanted()

    await builder.start(build)
    await builder.start(build)

    assert upstream.renku.posts() == 1


async def test_a_build_that_nobody_started_is_unknown(upstream: Upstream) -> None:
    builder, build = upstream.builder(), await upstream.wanted()

    assert await seen_of(builder, build) == Vanished()


async def test_another_process_follows_what_was_started(upstream: Upstream) -> None:
    build = await upstream.wanted()
    await upstream.builder().start(build)
    upstream.renku.end(upstream.launcher.environment)

    other = upstream.builder()

    assert list(await other.known_builds()) == [build.id]
    image_of(await seen_of(other, build))
    await other.release(build.id)
    assert list(await other.known_builds()) == []
    assert upstream.renku.posts() == 1


async def test_a_running_build_of_somebody_makes_the_environment_dirty(
    upstream: Upstream,
) -> None:
    environment = upstream.launcher.environment
    upstream.renku.start(environment)
    older = upstream.repo.tip()
    newer = upstream.repo.commit({"requirements.txt": "six==1.17.0\n"})
    await upstream.evaluated(older, newer)
    builder, build = upstream.builder(), await upstream.wanted(newer)

    await builder.start(build)
    waiting = [hindrance_in(await seen_of(builder, build)) for _ in range(3)]
    asked = upstream.renku.posts()
    upstream.renku.end(environment)
    again = await seen_of(builder, build)
    upstream.renku.end(environment)
    image = image_of(await seen_of(builder, build))

    assert waiting == [FailureClass.UPSTREAM_BUSY] * 3
    assert asked == 1  # no loop of requests that are answered 409
    assert again == Running()
    assert upstream.renku.posts() == 2
    assert image.reference == environment.image


async def test_a_running_build_of_the_wanted_commit_is_enough(
    upstream: Upstream,
) -> None:
    environment = upstream.launcher.environment
    upstream.renku.start(environment)
    builder, build = upstream.builder(), await upstream.wanted()

    await builder.start(build)
    upstream.renku.end(environment)

    image_of(await seen_of(builder, build))
    assert len(environment.builds) == 1


@pytest.mark.parametrize("failure", ["Failed", None])
async def test_after_a_failed_build_of_somebody_one_of_ours_starts(
    upstream: Upstream, failure: str | None
) -> None:
    environment = upstream.launcher.environment
    theirs = upstream.renku.start(environment)
    builder, build = upstream.builder(), await upstream.wanted()
    await builder.start(build)

    if failure is None:
        theirs.status = "cancelled"
    else:
        upstream.renku.end(environment, failure=failure)

    assert await seen_of(builder, build) == Running()
    assert environment.builds[0].status == "in_progress"
    assert len(environment.builds) == 2


async def test_what_renku_built_already_of_the_commit_is_taken(
    upstream: Upstream,
) -> None:
    theirs = upstream.renku.built(upstream.launcher.environment)
    builder, build = upstream.builder(), await upstream.wanted()

    await builder.start(build)

    assert image_of(await seen_of(builder, build)).reference == theirs.image
    assert upstream.renku.posts() == 0


async def test_a_fresh_build_is_asked_for_all_the_same(upstream: Upstream) -> None:
    upstream.renku.built(upstream.launcher.environment)
    builder, build = upstream.builder(), await upstream.wanted(is_fresh=True)

    await builder.start(build)

    assert upstream.renku.posts() == 1


async def test_an_older_commit_is_built_again_and_not_for_ever(
    upstream: Upstream,
) -> None:
    environment = upstream.launcher.environment
    older = upstream.repo.tip()
    newer = upstream.repo.commit({"requirements.txt": "six==1.17.0\n"})
    await upstream.evaluated(older, newer)
    builder, build = upstream.builder(), await upstream.wanted(newer)

    await builder.start(build)
    for _ in range(2):
        upstream.renku.end(environment, commit=older)
        assert await seen_of(builder, build) == Running()
    upstream.renku.end(environment, commit=older)
    failure = failure_in(await seen_of(builder, build))

    assert failure.kind is FailureClass.UPSTREAM_OUTDATED
    assert failure.kind.is_transient
    assert upstream.renku.posts() == 3


async def test_a_newer_commit_that_was_evaluated_is_good(upstream: Upstream) -> None:
    wanted = upstream.repo.tip()
    newer = upstream.repo.commit({"README.md": "hello\n"})
    await upstream.evaluated(wanted, newer)
    builder, build = upstream.builder(), await upstream.wanted(wanted)

    await builder.start(build)
    upstream.renku.end(upstream.launcher.environment)

    image_of(await seen_of(builder, build))


@pytest.mark.parametrize("is_newer", [True, False])
async def test_a_commit_that_nobody_saw_is_looked_up_before_it_counts(
    upstream: Upstream, *, is_newer: bool
) -> None:
    environment = upstream.launcher.environment
    older = upstream.repo.tip()
    wanted = upstream.repo.commit({"README.md": "hello\n"})
    await upstream.evaluated(wanted)
    builder, build = upstream.builder(), await upstream.wanted(wanted)
    unseen = upstream.repo.commit({"README.md": "more\n"}) if is_newer else older

    await builder.start(build)
    ended = upstream.renku.end(environment, commit=unseen)
    waiting = [hindrance_in(await seen_of(builder, build)) for _ in range(2)]
    posts = upstream.renku.posts()
    await upstream.evaluate(unseen if is_newer else wanted)
    seen = await seen_of(builder, build)

    assert waiting == [FailureClass.UPSTREAM_BUSY] * 2
    assert posts == 1
    if is_newer:
        assert image_of(seen).reference == ended.image
    else:
        assert seen == Running()
        assert upstream.renku.posts() == 2


async def test_a_commit_that_renku_does_not_know_is_taken_from_our_own_build(
    upstream: Upstream,
) -> None:
    builder, build = upstream.builder(), await upstream.wanted()

    await builder.start(build)
    upstream.renku.end(upstream.launcher.environment, commit="")

    image_of(await seen_of(builder, build))


async def test_a_build_that_cannot_be_started_is_refused_for_good(
    upstream: Upstream,
) -> None:
    upstream.launcher.environment.cannot_start = (
        "Private repository builds are not enabled"
    )
    builder, build = upstream.builder(), await upstream.wanted()

    with pytest.raises(RefusedError) as refused:
        await builder.start(build)

    failure = refused.value.failure
    assert failure.kind is FailureClass.UPSTREAM_REFUSED
    assert failure.kind.is_final
    assert "Private repository builds are not enabled" in failure.message
    assert list(await builder.known_builds()) == []


@pytest.mark.parametrize(
    ("lost", "seen"),
    [
        ("may_write", "404"),
        ("may_read", "404"),
        ("has_credential", "required credentials to clone"),
    ],
)
async def test_lost_rights_are_a_final_failure_with_a_sentence(
    upstream: Upstream, lost: str, seen: str
) -> None:
    setattr(upstream.renku, lost, False)
    builder, build = upstream.builder(), await upstream.wanted()

    with pytest.raises(RefusedError) as refused:
        await builder.start(build)

    failure = refused.value.failure
    assert failure.kind is FailureClass.UPSTREAM_REFUSED
    assert seen in failure.message
    assert "Renku" in failure.hint


async def test_rights_that_are_lost_while_it_builds_end_it(upstream: Upstream) -> None:
    builder, build = upstream.builder(), await upstream.wanted()
    await builder.start(build)

    upstream.renku.accounts.valid.clear()
    failure = failure_in(await seen_of(builder, build))

    assert failure.kind is FailureClass.UPSTREAM_REFUSED
    assert "404" in failure.message  # as an anonymous caller, for whom it is private


async def test_an_outage_hinders_a_build_and_loses_nothing(upstream: Upstream) -> None:
    builder, build = upstream.builder(), await upstream.wanted()
    await builder.start(build)
    upstream.renku.end(upstream.launcher.environment)

    upstream.renku.is_away = True
    hindrance = hindrance_in(await seen_of(builder, build))
    upstream.renku.is_away = False

    assert hindrance is FailureClass.NETWORK
    image_of(await seen_of(builder, build))


async def test_a_start_during_an_outage_is_tried_again(upstream: Upstream) -> None:
    builder, build = upstream.builder(), await upstream.wanted()
    upstream.renku.is_away = True

    with pytest.raises(TransientError):
        await builder.start(build)
    upstream.renku.is_away = False
    await builder.start(build)

    assert len(upstream.launcher.environment.builds) == 1


async def test_a_start_whose_answer_is_lost_is_found_again(upstream: Upstream) -> None:
    builder, build = upstream.builder(), await upstream.wanted()
    upstream.renku.loses_answers = 1

    with pytest.raises(TransientError):
        await builder.start(build)
    await builder.start(build)
    upstream.renku.end(upstream.launcher.environment)

    image_of(await seen_of(builder, build))
    assert len(upstream.launcher.environment.builds) == 1


async def test_a_result_that_renku_lost_is_tried_again(upstream: Upstream) -> None:
    builder, build = upstream.builder(), await upstream.wanted()
    await builder.start(build)
    upstream.renku.end(upstream.launcher.environment).run = None

    failure = failure_in(await seen_of(builder, build))
    second = replace(build, attempt=2)
    await builder.start(second)

    assert failure.kind is FailureClass.LOST
    assert failure.kind.is_transient
    assert await seen_of(builder, second) == Running()
    assert await seen_of(builder, build) == Vanished()


@pytest.mark.parametrize(
    ("reason", "log", "kind"),
    [
        ("BuildRunTimeout", "", FailureClass.DEADLINE),
        ("StepOutOfMemory", "", FailureClass.OUT_OF_MEMORY),
        (
            "Failed",
            NO_SUCH_PACKAGE,
            FailureClass.NO_SUCH_PACKAGE,
        ),
        ("Failed", "", FailureClass.UNKNOWN),
    ],
)
async def test_a_failure_is_classified_by_reason_and_log(
    upstream: Upstream, reason: str, log: str, kind: FailureClass
) -> None:
    builder, build = upstream.builder(), await upstream.wanted()
    await builder.start(build)
    upstream.renku.end(upstream.launcher.environment, failure=reason, log=log)

    assert failure_in(await seen_of(builder, build)).kind is kind


async def test_a_build_is_cancelled_in_renku(upstream: Upstream) -> None:
    environment = upstream.launcher.environment
    builder, build = upstream.builder(), await upstream.wanted()
    await builder.start(build)

    await builder.cancel(build.id)
    await builder.cancel(build.id)

    assert [one.status for one in environment.builds] == ["cancelled"]
    assert list(await builder.known_builds()) == []


async def test_a_build_of_somebody_is_not_cancelled(upstream: Upstream) -> None:
    environment = upstream.launcher.environment
    upstream.renku.start(environment)
    builder, build = upstream.builder(), await upstream.wanted()
    await builder.start(build)

    await builder.cancel(build.id)

    assert [one.status for one in environment.builds] == ["in_progress"]


async def test_a_build_that_ended_meanwhile_needs_no_cancelling(
    upstream: Upstream,
) -> None:
    builder, build = upstream.builder(), await upstream.wanted()
    await builder.start(build)
    upstream.renku.end(upstream.launcher.environment)

    await builder.cancel(build.id)

    assert list(await builder.known_builds()) == []


async def test_a_cancellation_in_renku_is_respected(upstream: Upstream) -> None:
    builder, build = upstream.builder(), await upstream.wanted()
    await builder.start(build)
    upstream.launcher.environment.builds[0].status = "cancelled"

    failure: Failure = failure_in(await seen_of(builder, build))

    assert failure.kind is FailureClass.UPSTREAM_CANCELLED
    assert failure.kind.is_final


async def test_renku_has_only_the_image_that_it_built_last(upstream: Upstream) -> None:
    environment = upstream.launcher.environment
    builder, build = upstream.builder(), await upstream.wanted()
    await builder.start(build)
    upstream.renku.end(environment)
    image: Image = image_of(await seen_of(builder, build))

    had = await builder.has(image)
    upstream.renku.built(environment)

    assert had
    assert not await builder.has(image)


async def test_environments_share_no_image(upstream: Upstream) -> None:
    builder = upstream.builder()

    assert builder.scope("project", upstream.environment) == upstream.environment


async def test_reading_a_build_while_it_starts_starts_one(upstream: Upstream) -> None:
    builder, build = upstream.builder(), await upstream.wanted()

    async with asyncio.TaskGroup() as group:
        group.create_task(builder.start(build))
        observed = [group.create_task(seen_of(builder, build)) for _ in range(3)]

    assert upstream.renku.posts() == 1
    assert {type(task.result()) for task in observed} == {Running}
    assert await seen_of(builder, build) == Running()


async def test_what_runs_is_released_by_being_cancelled(upstream: Upstream) -> None:
    builder, build = upstream.builder(), await upstream.wanted()
    await builder.start(build)

    await builder.release(build.id)
    held = list(await builder.known_builds())
    upstream.renku.end(upstream.launcher.environment)
    await builder.release(build.id)

    assert held == [build.id]
    assert list(await builder.known_builds()) == []


async def test_a_build_that_ended_before_its_start_was_written_down_is_found(
    upstream: Upstream,
) -> None:
    builder, build = upstream.builder(), await upstream.wanted()
    upstream.renku.loses_answers = 1
    with pytest.raises(TransientError):
        await builder.start(build)
    upstream.renku.end(upstream.launcher.environment)

    image_of(await seen_of(upstream.builder(), build))

    assert upstream.renku.posts() == 1


async def test_reading_a_build_while_it_is_refused_asks_once(
    upstream: Upstream,
) -> None:
    upstream.launcher.environment.cannot_start = "Not enabled"
    builder, build = upstream.builder(), await upstream.wanted()

    async def start() -> None:
        with pytest.raises(RefusedError):
            await builder.start(build)

    async with asyncio.TaskGroup() as group:
        group.create_task(start())
        seen = [group.create_task(seen_of(builder, build)) for _ in range(3)]

    assert upstream.renku.posts() == 1
    assert {task.result() for task in seen} == {Vanished()}
