"""What is known of an upstream Renku, in every database."""

from dataclasses import replace
from datetime import timedelta

import pytest

from service.domain.building.build import BuildId, EnvironmentId
from service.domain.hook import Secret
from service.domain.rights.caller import ProjectId
from service.errors import NotFoundError
from service.ports.store import (
    Store,
    UpstreamBuild,
    UpstreamEnvironment,
    UpstreamToken,
)
from tests.support.clock import NOW

FIRST = UpstreamBuild(
    build_id=BuildId("build-1"),
    attempt=1,
    environment_id=EnvironmentId("environment-1"),
)


async def test_what_was_added_is_there_and_can_be_changed(store: Store) -> None:
    changed = replace(
        FIRST, upstream_id="U1", is_ours=False, starts=2, head_requested_at=NOW
    )

    async with store.transaction() as tx:
        await tx.upstream_builds.add(FIRST)
        await tx.upstream_builds.save(changed)

    async with store.reading() as tx:
        assert list(await tx.upstream_builds.some([FIRST.build_id])) == [changed]
        assert list(await tx.upstream_builds.some([BuildId("other")])) == []
        found = await tx.upstream_builds.of_environment(FIRST.environment_id)
    assert list(found) == [changed]


async def test_another_attempt_begins_anew(store: Store) -> None:
    second = replace(FIRST, attempt=2)

    async with store.transaction() as tx:
        await tx.upstream_builds.add(replace(FIRST, upstream_id="U1", starts=3))
        await tx.upstream_builds.add(second)

    async with store.reading() as tx:
        assert list(await tx.upstream_builds.some([FIRST.build_id])) == [second]


async def test_only_released_ones_of_an_environment_go_with_the_next(
    store: Store,
) -> None:
    released = replace(FIRST, build_id=BuildId("released"), is_released=True)
    elsewhere = replace(released, build_id=BuildId("elsewhere"))
    elsewhere = replace(elsewhere, environment_id=EnvironmentId("environment-2"))
    running = replace(FIRST, build_id=BuildId("running"))

    async with store.transaction() as tx:
        for build in (released, elsewhere, running, FIRST):
            await tx.upstream_builds.add(build)

    names = [BuildId(name) for name in ("released", "elsewhere", "running", "build-1")]
    async with store.reading() as tx:
        left = await tx.upstream_builds.some(names)
        unreleased = await tx.upstream_builds.unreleased()
    assert {build.build_id for build in left} == {"elsewhere", "running", "build-1"}
    assert set(unreleased) == {"running", "build-1"}


async def test_what_is_not_there_cannot_be_changed(store: Store) -> None:
    with pytest.raises(NotFoundError):
        async with store.transaction() as tx:
            await tx.upstream_builds.save(FIRST)


async def test_tokens_that_nobody_renews_any_more_go(store: Store) -> None:
    token = UpstreamToken(
        id="a",
        refresh_token=Secret("refresh-me"),
        access_token=Secret("let-me-in"),
        expires_at=NOW,
        renewals=1,
        renewed_at=NOW,
    )
    changed = replace(token, refresh_token=Secret("me-now"), renewals=2)

    async with store.transaction() as tx:
        for given in (token, replace(token, id="b", renewed_at=NOW - timedelta(1))):
            await tx.upstream_tokens.put(given)
        await tx.upstream_tokens.remove(before=NOW)
        await tx.upstream_tokens.put(changed)

    async with store.reading() as tx:
        assert await tx.upstream_tokens.find("a") == changed
        assert await tx.upstream_tokens.find("b") is None


ENVIRONMENT = UpstreamEnvironment(
    id=EnvironmentId("environment-1"),
    project_id=ProjectId("project-1"),
    parameters='["https://forge.test/ada/course", ""]',
)


async def test_parameters_are_kept_by_environment_and_project(store: Store) -> None:
    changed = replace(ENVIRONMENT, parameters="[]", changed_before=NOW)
    other = replace(ENVIRONMENT, id=EnvironmentId("environment-2"))
    elsewhere = replace(other, id=EnvironmentId("3"), project_id=ProjectId("project-2"))

    async with store.transaction() as tx:
        for environment in (ENVIRONMENT, other, elsewhere, changed):
            await tx.upstream_environments.put(environment)
        await tx.upstream_environments.remove([other.id, EnvironmentId("nowhere")])

    async with store.reading() as tx:
        assert await tx.upstream_environments.find(changed.id) == changed
        assert await tx.upstream_environments.find(other.id) is None
        of_project = await tx.upstream_environments.of_project(changed.project_id)
    assert list(of_project) == [changed]


def test_a_build_counts_only_after_the_parameters_were_changed() -> None:
    changed = replace(ENVIRONMENT, changed_before=NOW)

    assert ENVIRONMENT.has_built(NOW)
    assert not changed.has_built(NOW)
    assert changed.has_built(NOW + timedelta(microseconds=1))
