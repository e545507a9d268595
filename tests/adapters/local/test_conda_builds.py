"""Conda environments, from channels in folders."""

from pathlib import Path

import pytest

from service.adapters.local.worker.conda import read_conda_file
from service.domain.building.build import Package
from service.domain.building.failure import FailureClass
from service.domain.definition import Kind
from service.domain.repository import CommitSha
from tests.adapters.local.builds import (
    KeptLogs,
    a_build,
    a_builder,
    a_repository,
    failure_of,
    image_of,
    said_by,
)
from tests.adapters.local.channels import CondaPackage, a_channel

PACKAGES = (
    CondaPackage(
        name="hello",
        depends=["words >=2"],
        files={"bin/hello": '#!/bin/sh\ncat "$CONDA_PREFIX/share/words"\n'},
    ),
    CondaPackage(name="words", version="2.1", files={"share/words": "good day\n"}),
    CondaPackage(name="words", version="1.0", files={"share/words": "hi\n"}),
    CondaPackage(name="broken", depends=["nothere"]),
    CondaPackage(name="old-fashioned", depends=["words <2"]),
)


@pytest.fixture
def channel(tmp_path: Path) -> str:
    return a_channel(tmp_path / "channel", *PACKAGES)


def asking(tmp_path: Path, *lines: str) -> tuple[str, CommitSha]:
    text = "\n".join(lines) + "\n"
    return a_repository(tmp_path / "repository", {"environment.yml": text})


async def test_a_conda_environment_runs_what_it_holds(
    tmp_path: Path, channel: str
) -> None:
    repository = asking(tmp_path, f"channels: [{channel}]", "dependencies: [hello]")
    async with a_builder(tmp_path / "root") as builder:
        image = await image_of(builder, a_build(repository, Kind.CONDA))
        said = said_by(builder, image, "hello")

    assert said == "good day\n"
    assert image.packages == (
        Package(name="hello", version="1.0", manager="conda"),
        Package(name="words", version="2.1", manager="conda"),
    )


async def test_what_a_build_does_is_said_phase_by_phase(
    tmp_path: Path, channel: str
) -> None:
    repository = asking(tmp_path, f"channels: [{channel}]", "dependencies: [hello]")
    build, logs = a_build(repository, Kind.CONDA), KeptLogs()
    async with a_builder(tmp_path / "root", logs=logs) as builder:
        await image_of(builder, build)

    assert logs.phases(build.id) == ["clone", "detect", "restore", "build", "export"]
    assert ("build", "  words 2.1 0") in logs.said[build.id]


async def test_earlier_channels_win(tmp_path: Path, channel: str) -> None:
    first = a_channel(tmp_path / "first", CondaPackage(name="words", version="0.9"))
    repository = asking(
        tmp_path, f"channels: [{first}, {channel}]", "dependencies: [words]"
    )
    async with a_builder(tmp_path / "root") as builder:
        image = await image_of(builder, a_build(repository, Kind.CONDA))

    assert [package.version for package in image.packages] == ["0.9"]


async def test_the_same_environment_is_the_same_image(
    tmp_path: Path, channel: str
) -> None:
    repository = asking(tmp_path, f"channels: [{channel}]", "dependencies: [words]")
    async with a_builder(tmp_path / "root") as builder:
        one = await image_of(builder, a_build(repository, Kind.CONDA, id="one"))
        two = await image_of(builder, a_build(repository, Kind.CONDA, id="two"))
        path = builder.path_of(two.reference)

    assert path.is_relative_to(tmp_path / "root" / "environments")
    assert one.reference == two.reference
    assert [item.name for item in path.parent.parent.iterdir()] == ["one"]


@pytest.mark.parametrize(
    ("wanted", "kind", "message"),
    [
        pytest.param(
            "nosuch",
            FailureClass.NO_SUCH_PACKAGE,
            "environment.yml line 2: no channel has a package `nosuch`",
            id="no package",
        ),
        pytest.param(
            "hello=9",
            FailureClass.NO_SUCH_VERSION,
            "environment.yml line 2: no channel has a version of `hello` that fits 9.*",
            id="no version",
        ),
        pytest.param(
            "hello, words=1.0",
            FailureClass.CONFLICT,
            "hello 1.0 needs words >=2, which the other requirements or the channels "
            "rule out",
            id="a pin against a need",
        ),
        pytest.param(
            "hello, old-fashioned",
            FailureClass.CONFLICT,
            "exclude each other",
            id="two packages",
        ),
        pytest.param(
            "broken",
            FailureClass.NO_SUCH_PACKAGE,
            "broken 1.0 needs `nothere`, which no channel has",
            id="a need that nobody meets",
        ),
        pytest.param(
            '"words >="',
            FailureClass.BAD_DEFINITION,
            "environment.yml: `words >=` is no conda package",
            id="no spec",
        ),
    ],
)
async def test_why_a_conda_environment_cannot_be_solved(
    tmp_path: Path, channel: str, wanted: str, kind: FailureClass, message: str
) -> None:
    repository = asking(tmp_path, f"channels: [{channel}]", f"dependencies: [{wanted}]")
    async with a_builder(tmp_path / "root") as builder:
        failure = await failure_of(builder, a_build(repository, Kind.CONDA))

    assert failure.kind is kind, failure
    assert message in failure.message


@pytest.mark.parametrize(
    ("channels", "kind", "line"),
    [
        pytest.param(
            "- defaults", FailureClass.DEFAULTS_CHANNEL, 2, id="the defaults channel"
        ),
        pytest.param(
            "- file:///nowhere/at/all",
            FailureClass.NO_SUCH_CHANNEL,
            2,
            id="a folder that is not there",
        ),
        pytest.param(
            "- http://127.0.0.1:9/channel",
            FailureClass.NETWORK,
            None,
            id="a server that is not there",
        ),
        pytest.param("[a", FailureClass.BAD_DEFINITION, 3, id="no YAML"),
        pytest.param("words", FailureClass.BAD_DEFINITION, None, id="no list"),
    ],
)
async def test_what_is_wrong_with_channels(
    tmp_path: Path, channels: str, kind: FailureClass, line: int | None
) -> None:
    repository = asking(tmp_path, "channels:", f"  {channels}", "dependencies: [words]")
    async with a_builder(tmp_path / "root") as builder:
        failure = await failure_of(builder, a_build(repository, Kind.CONDA))

    assert (failure.kind, failure.line) == (kind, line), failure


def test_a_conda_file_may_hold_a_pip_part() -> None:
    file = read_conda_file(
        "channels: [conda-forge, nodefaults]\n"
        "dependencies: [python=3.11, pip, {pip: [six, -r more.txt]}]\n"
    )

    assert file.channels == ("conda-forge",)
    assert file.specs == ("python=3.11", "pip")
    assert file.pip == ("six", "-r more.txt")


def test_the_last_pip_part_counts_as_it_does_for_conda() -> None:
    file = read_conda_file("dependencies: [a, {pip: [six]}, {pip: [idna]}]")
    empty = read_conda_file("dependencies: [a, {pip: [six]}, {pip: }]")

    assert file.pip == ("idna",)
    assert empty.pip == ()
    assert empty.has_pip_part
