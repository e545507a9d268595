"""Every attempt after the first sees what an index answered, whatever came between."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from service.adapters.kubernetes.diagnosis.diagnose import diagnose
from service.adapters.kubernetes.manifests.containers import PHASES
from service.adapters.kubernetes.manifests.phases import variables
from service.domain.building.build import Build, BuildState, Rebuild
from service.domain.building.failure import FailureClass
from service.domain.launcher import LauncherId
from tests.adapters.kubernetes import said
from tests.adapters.kubernetes.variants import an_options
from tests.support.builders import ToldBuilder
from tests.support.repos import Repo
from tests.support.world import World, a_world

AT = "2026-03-01T12:00:00Z"
OUT_OF_ORDER = "too many 503 error responses"


class PipBuilder(ToldBuilder):
    """Fails as pip 26.3 does before an index that answers 503, by its own output."""

    last: Build

    async def start(self, build: Build) -> None:
        await super().start(build)
        self.last = build

    def fail_as_pip(self) -> None:
        """End the build by what pip prints with the variables of its attempt."""
        has_log = "PIP_LOG" in variables(self.last, an_options())
        printed = said.PIP_LOGGED.format(why=OUT_OF_ORDER)
        failure = diagnose(
            {"metadata": {"name": "job"}, "spec": {}},
            ended_in_build_phase(),
            printed if has_log else said.PIP_UNFOUND,
        )
        self.fail(failure.kind, is_doubtful=failure.is_doubtful)


def ended_in_build_phase() -> dict[str, object]:
    place = PHASES.index("build")
    codes = [0] * place + [51]
    states = [
        {"name": name, "state": {"terminated": {"exitCode": code, "finishedAt": AT}}}
        for name, code in zip(PHASES, codes, strict=False)
    ]
    return {
        "metadata": {"name": "pod"},
        "spec": {"initContainers": [{"name": name} for name in PHASES[:-1]]},
        "status": {"phase": "Failed", "initContainerStatuses": states},
    }


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with a_world(tmp_path) as it:
        yield it.beside(PipBuilder(clock=it.clock))


@pytest.fixture
async def launcher(world: World, tmp_path: Path) -> LauncherId:
    repo = Repo(tmp_path / "course.git")
    repo.commit({"requirements.txt": "good\n"})
    launcher = await world.follow(repo.repository)
    await world.settle()
    return launcher


async def fail_again(world: World, *, attempt: int) -> None:
    assert isinstance(world.builder, PipBuilder)
    assert world.builder.last.attempt == attempt
    world.builder.fail_as_pip()
    await world.settle()


async def only(world: World, launcher: LauncherId) -> Rebuild:
    (rebuild,) = await world.rebuilds(launcher)
    return rebuild


async def test_an_index_that_stays_out_of_order_is_not_the_author_s_fault(
    world: World, launcher: LauncherId
) -> None:
    for attempt, wait in ((1, 200), (2, 200), (3, 0)):
        await fail_again(world, attempt=attempt)
        await world.later(wait)

    rebuild = await only(world, launcher)
    assert rebuild.state is BuildState.FAILED
    assert rebuild.failure is not None
    assert rebuild.failure.kind is FailureClass.NETWORK


async def test_a_second_attempt_that_is_put_back_looks_as_closely(
    world: World, launcher: LauncherId
) -> None:
    await fail_again(world, attempt=1)
    world.builder.refuse(2)
    for _ in range(3):
        await world.later(200)
    await fail_again(world, attempt=2)

    rebuild = await only(world, launcher)
    assert rebuild.state is BuildState.QUEUED


async def test_what_a_consumer_died_before_is_looked_at_as_closely(
    world: World, launcher: LauncherId
) -> None:
    await fail_again(world, attempt=1)
    await world.later(200)
    # On record attempt 2 runs, and no builder knows of it.
    world.builder.lose()
    heir = world.beside(PipBuilder(clock=world.clock, beside=world.builder))
    for _ in range(2):
        await heir.later(200)
    await fail_again(heir, attempt=3)

    rebuild = await only(heir, launcher)
    assert rebuild.failure is not None
    assert rebuild.failure.kind is FailureClass.NETWORK
