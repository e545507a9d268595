"""What every builder promises, whatever it builds with."""

import asyncio
import select
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import (
    AbstractAsyncContextManager,
    asynccontextmanager,
    contextmanager,
)
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from service.domain.building.build import Build, BuildId
from service.domain.building.failure import FailureClass
from service.domain.definition import Kind
from service.ports.builder import Builder, Running, Vanished
from tests.adapters.kubernetes.builders import a_kubernetes_builder
from tests.adapters.kubernetes.jobs import a_build_of, in_pods
from tests.adapters.local.builds import (
    a_build,
    a_builder,
    a_repository,
    failure_of,
    finished,
    image_of,
)
from tests.adapters.local.channels import CondaPackage, a_channel
from tests.adapters.local.package_index import Wheel, an_index
from tests.support.githttp import git_forge
from tests.support.kube import Kube
from tests.support.real_builder import PATIENCE, real_builder

UNKNOWN = BuildId("01UNKNOWN")
ORDER = ["clone", "analyze", "detect", "restore", "build", "frontend", "export"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """A builder and something to build with it."""

    open: Callable[[], AbstractAsyncContextManager[Builder]]
    """Opens a builder that remembers what the one before it finished."""
    good: Build
    """Succeeds."""
    bad: Build
    """Fails: it asks for a package that does not exist."""
    hanging: Build
    """Runs until it is stopped."""
    hangs: Callable[[], Awaitable[None]]
    """Waits until the hanging build runs."""
    place: tuple[str, int | None]
    """What of the bad build's definition its failure names: file and line."""
    is_exact: bool = True
    """Whether images hold the packages of a definition and no others."""
    patience: timedelta = timedelta(seconds=20)
    """How long a bad build may take to its end."""


class SilentServer:
    """Takes connections and never answers."""

    def __init__(self, listening: socket.socket) -> None:
        host, port = listening.getsockname()
        self.url = f"http://{host}:{port}"
        self._listening = listening

    async def reached(self) -> None:
        """Wait until somebody has connected."""
        while not select.select([self._listening], [], [], 0)[0]:  # noqa: ASYNC110
            await asyncio.sleep(0.05)


@contextmanager
def a_silent_server(host: str) -> Iterator[SilentServer]:
    with socket.create_server((host, 0)) as listening:
        yield SilentServer(listening)


@pytest.fixture
def local(tmp_path: Path) -> Iterator[Ground]:
    channel = a_channel(
        tmp_path / "channel", CondaPackage(name="words", files={"share/words": "hi\n"})
    )

    def asking_for(name: str, build: str) -> Build:
        text = f"channels: [{channel}]\ndependencies:\n  - {name}\n"
        repository = a_repository(tmp_path / build, {"environment.yml": text})
        return a_build(repository, Kind.CONDA, id=build)

    good = asking_for("words", "good")
    with a_silent_server("127.0.0.1") as silent:
        yield Ground(
            open=lambda: a_builder(tmp_path / "root"),
            good=good,
            bad=asking_for("no-such-package", "bad"),
            hanging=replace(
                good, id=BuildId("hanging"), repository_url=f"{silent.url}/o/n"
            ),
            hangs=silent.reached,
            place=("environment.yml", 3),
        )


@asynccontextmanager
async def in_a_cluster(
    kube: Kube, folder: Path, **options: Any
) -> AsyncIterator[Ground]:
    """Give repositories, and a package index, that pods reach."""
    async with git_forge(folder / "forge", host=kube.host) as forge:
        with (
            an_index(folder / "index", Wheel(name="words"), host=kube.host) as index,
            a_silent_server(kube.host) as silent,
        ):
            good = a_build_of(forge, {"requirements.txt": "words\n"})
            yield Ground(
                open=lambda: a_kubernetes_builder(
                    kube, variables=in_pods(index), **options
                ),
                good=good,
                bad=a_build_of(forge, {"requirements.txt": "no-such-package\n"}),
                hanging=replace(
                    good,
                    id=BuildId(f"{good.id}-HANGING"),
                    repository_url=f"{silent.url}/o/n",
                ),
                hangs=silent.reached,
                place=("", None),
            )


@pytest.fixture
async def kubernetes(kube: Kube, tmp_path: Path) -> AsyncIterator[Ground]:
    async with in_a_cluster(kube, tmp_path) as ground:
        yield ground


@pytest.fixture
async def real(kube: Kube, tmp_path: Path) -> AsyncIterator[Ground]:
    """The same with a builder image that is not ours; see `NEEDS`."""
    found = await real_builder(kube)
    async with in_a_cluster(kube, tmp_path, **found.options()) as ground:
        yield replace(ground, is_exact=False, patience=PATIENCE)


@pytest.fixture(
    params=[
        "local",
        pytest.param("kubernetes", marks=pytest.mark.kubernetes),
        pytest.param(
            "real",
            marks=[
                pytest.mark.real_builder,
                pytest.mark.timeout(3 * PATIENCE.total_seconds()),
            ],
        ),
    ]
)
def ground(request: pytest.FixtureRequest) -> Ground:
    found = request.getfixturevalue(request.param)
    assert isinstance(found, Ground)
    return found


async def test_a_build_that_was_never_started_has_vanished(ground: Ground) -> None:
    async with ground.open() as builder:
        unknown = replace(ground.good, id=UNKNOWN)

        assert await builder.observe([unknown]) == {UNKNOWN: Vanished()}


async def test_a_good_build_gives_an_image_by_digest(ground: Ground) -> None:
    async with ground.open() as builder:
        image = await image_of(builder, ground.good)

        assert "@sha256:" in image.reference
        assert image.build_id == ground.good.id
        packages = [(package.name, package.version) for package in image.packages]
        assert ("words", "1.0") in packages
        assert len(packages) == 1 or not ground.is_exact
        assert image.size > 0
        assert await builder.has(image)


async def test_a_build_tells_how_long_its_phases_took(ground: Ground) -> None:
    async with ground.open() as builder:
        await builder.start(ground.good)
        good = (await finished(builder, ground.good)).phases
        await builder.start(ground.bad)
        bad = (await finished(builder, ground.bad)).phases

        names = [phase.name for phase in good]
        assert names == sorted(names, key=ORDER.index)
        assert {"clone", "detect", "build", "export"} <= set(names)
        assert all(phase.took >= timedelta(0) for phase in good)
        assert [phase.name for phase in bad] == names[: len(bad)]
        assert 0 < len(bad) < len(good)


async def test_a_bad_build_gives_a_failure_that_names_the_line(ground: Ground) -> None:
    async with ground.open() as builder:
        failure = await failure_of(builder, ground.bad)

        assert failure.kind is FailureClass.NO_SUCH_PACKAGE
        assert (failure.path, failure.line) == ground.place
        assert "no-such-package" in failure.message


async def test_starting_again_changes_nothing(ground: Ground) -> None:
    async with ground.open() as builder:
        await builder.start(ground.good)
        await builder.start(ground.good)
        first = await finished(builder, ground.good)
        await builder.start(ground.good)

        assert (await builder.observe([ground.good]))[ground.good.id] == first


async def test_a_new_attempt_starts_anew(ground: Ground) -> None:
    async with ground.open() as builder:
        await failure_of(builder, ground.bad)
        again = replace(ground.good, id=ground.bad.id, attempt=2)

        assert (await image_of(builder, again)).build_id == ground.bad.id


async def test_the_outcome_of_one_attempt_is_not_that_of_the_next(
    ground: Ground,
) -> None:
    async with ground.open() as builder:
        await failure_of(builder, ground.bad)
        again = replace(ground.bad, attempt=2)

        assert await builder.observe([again]) == {again.id: Vanished()}


async def test_builds_run_at_once_without_disturbing_each_other(ground: Ground) -> None:
    async with ground.open() as builder:
        for build in (ground.hanging, ground.good, ground.bad):
            await builder.start(build)
        await finished(builder, ground.good)
        await finished(builder, ground.bad)

        seen = await builder.observe([ground.hanging])
        assert seen == {ground.hanging.id: Running()}


async def test_a_cancelled_build_vanishes(ground: Ground) -> None:
    async with ground.open() as builder:
        await builder.start(ground.hanging)
        await builder.cancel(ground.hanging.id)

        seen = await builder.observe([ground.hanging])
        assert seen == {ground.hanging.id: Vanished()}


async def test_cancelling_an_unknown_build_is_no_error(ground: Ground) -> None:
    async with ground.open() as builder:
        await builder.cancel(UNKNOWN)


async def test_a_cancelled_build_can_be_started_again(ground: Ground) -> None:
    async with ground.open() as builder:
        await builder.start(ground.hanging)
        # The Job controller of Kubernetes counts the pods it waits for by the name of
        # their Job. Where a Job is replaced before its pod was seen, the next one of
        # that name gets none for five minutes (seen with 1.20: 15 of 60).
        await ground.hangs()
        await builder.cancel(ground.hanging.id)

        again = replace(ground.good, id=ground.hanging.id)

        assert await builder.has(await image_of(builder, again))


async def test_the_image_of_a_forgotten_build_stays(ground: Ground) -> None:
    async with ground.open() as builder:
        image = await image_of(builder, ground.good)
        await builder.release(ground.good.id)

        seen = await builder.observe([ground.good])
        assert seen == {ground.good.id: Vanished()}
        assert await builder.has(image)


async def test_forgetting_does_not_stop_a_build(ground: Ground) -> None:
    async with ground.open() as builder:
        await builder.start(ground.hanging)
        await builder.release(ground.hanging.id)

        seen = await builder.observe([ground.hanging])
        assert seen == {ground.hanging.id: Running()}


async def test_all_is_held_that_was_neither_cancelled_nor_forgotten(
    ground: Ground,
) -> None:
    async with ground.open() as builder:
        for build in (ground.hanging, ground.good, ground.bad):
            await builder.start(build)
        await finished(builder, ground.good)
        await finished(builder, ground.bad)
        of_ours = {ground.hanging.id, ground.good.id, ground.bad.id}

        assert of_ours & {*await builder.known_builds()} == of_ours
        await builder.release(ground.good.id)
        assert of_ours & {*await builder.known_builds()} == of_ours - {ground.good.id}
        await builder.cancel(ground.hanging.id)
        assert of_ours & {*await builder.known_builds()} == {ground.bad.id}


async def test_an_outcome_outlives_the_builder(ground: Ground) -> None:
    async with ground.open() as builder:
        image = await image_of(builder, ground.good)
        first = await finished(builder, ground.good)

    async with ground.open() as builder:
        assert await finished(builder, ground.good) == first
        assert await builder.has(image)


async def test_an_image_that_nobody_made_is_not_there(ground: Ground) -> None:
    async with ground.open() as builder:
        image = await image_of(builder, ground.good)
        reference = image.reference[:-64] + "0" * 64

        assert not await builder.has(replace(image, reference=reference))


async def test_the_end_of_a_build_wakes_who_waits_for_a_change(ground: Ground) -> None:
    async with ground.open() as builder:
        await builder.start(ground.bad)
        async with asyncio.timeout(ground.patience.total_seconds()):
            await finished(builder, ground.bad)


async def test_identity_says_what_builds(ground: Ground) -> None:
    async with ground.open() as builder:
        plain = builder.identity(frontend="none")

        assert plain == builder.identity(frontend="none")
        assert plain != builder.identity(frontend="jupyterlab")
