"""What builds can do to us, and what is left of them."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from service.domain.building.build import BuildId, Image
from service.domain.building.failure import Failure, FailureClass
from service.domain.definition import Kind
from service.domain.repository import CommitSha
from service.errors import PermanentError, TransientError
from service.ports.builder import Vanished
from tests.adapters.local.builds import (
    PASSED,
    KeptLogs,
    a_build,
    a_builder,
    a_project_that_runs,
    a_repository,
    failure_of,
    finished,
    processes_with,
    until_appears,
)
from tests.support.clock import TurnedClock

Repository = tuple[str, CommitSha]

LEAVES_A_PROCESS = """
import subprocess, time
subprocess.Popen(["sleep", "{marker}"], start_new_session=True)
time.sleep(600)
"""
SECRET = "s3cr3t-of-the-service"


def leaving_a_process(tmp_path: Path, marker: str) -> Repository:
    code = LEAVES_A_PROCESS.format(marker=marker)
    return a_repository(tmp_path / "repository", a_project_that_runs(code))


def left_in(root: Path) -> list[str]:
    """What is there of builds."""
    places = ("builds", "environments", "images")
    return [path.name for place in places for path in (root / place).iterdir()]


async def test_a_cancelled_build_leaves_no_process_and_no_file(tmp_path: Path) -> None:
    build = a_build(leaving_a_process(tmp_path, "6001.25"), Kind.UV)
    async with a_builder(tmp_path / "root") as builder:
        await builder.start(build)
        await until_appears("6001.25")
        await builder.cancel(build.id)

        assert processes_with("6001.25") == []
        assert left_in(tmp_path / "root") == []


async def test_a_build_past_its_deadline_is_stopped_and_says_so(tmp_path: Path) -> None:
    clock = TurnedClock()
    build = a_build(leaving_a_process(tmp_path, "6002.25"), Kind.UV)
    async with a_builder(
        tmp_path / "root", clock=clock, deadline=timedelta(minutes=5)
    ) as builder:
        await builder.start(build)
        await until_appears("6002.25")
        clock.advance(timedelta(minutes=5))
        seen = await finished(builder, build)

        assert seen.at == clock.now()
        assert told(seen.outcome) == (
            FailureClass.DEADLINE,
            "the build took longer than 5 minutes and was stopped",
        )
        assert processes_with("6002.25") == []
        assert left_in(tmp_path / "root") == [build.id]


async def test_nothing_survives_a_builder_that_is_killed(tmp_path: Path) -> None:
    root = tmp_path / "root"
    repository = leaving_a_process(tmp_path, "6003.25")
    with lone_builder(root, repository) as lone:
        await until_appears("6003.25")
        lone.send_signal(signal.SIGKILL)
        lone.wait()
    await until_gone("6003.25")
    await until_gone(str(root))

    async with a_builder(root) as builder:
        build = a_build(repository, Kind.UV)
        assert await builder.observe([build]) == {build.id: Vanished()}
        assert left_in(root) == []


async def test_a_cancelled_build_ends_where_nothing_isolates_it(tmp_path: Path) -> None:
    build = a_build(leaving_a_process(tmp_path, "6006.25"), Kind.UV)
    async with a_builder(tmp_path / "root", isolation="none") as builder:
        await builder.start(build)
        await until_appears("6006.25")
        await builder.cancel(build.id)

        assert processes_with("6006.25") == []
        assert left_in(tmp_path / "root") == []


async def test_a_worker_that_gets_no_turn_leaves_no_daemon(tmp_path: Path) -> None:
    build = a_build(leaving_a_process(tmp_path, "6007.25"), Kind.UV)
    async with a_builder(tmp_path / "root", isolation="none") as builder:
        await builder.start(build)
        await until_appears("6007.25")
        worker = int((tmp_path / "root/builds" / build.id / "group").read_text())
        os.kill(worker, signal.SIGSTOP)
        await builder.cancel(build.id)

        assert processes_with("6007.25") == []


async def test_a_builder_that_stops_stops_its_builds(tmp_path: Path) -> None:
    build = a_build(leaving_a_process(tmp_path, "6004.25"), Kind.UV)
    async with a_builder(tmp_path / "root") as builder:
        await builder.start(build)
        await until_appears("6004.25")

    assert processes_with("6004.25") == []
    assert left_in(tmp_path / "root") == []


async def test_a_worker_that_is_killed_ran_out_of_memory(tmp_path: Path) -> None:
    build = a_build(leaving_a_process(tmp_path, "6005.25"), Kind.UV)
    async with a_builder(tmp_path / "root") as builder:
        await builder.start(build)
        await until_appears("6005.25")
        group = (tmp_path / "root/builds" / build.id / "group").read_text()
        os.killpg(int(group), signal.SIGKILL)
        seen = await finished(builder, build)

        assert told(seen.outcome)[0] is FailureClass.OUT_OF_MEMORY
        await until_gone("6005.25")


async def test_two_builders_do_not_share_a_root(tmp_path: Path) -> None:
    async with a_builder(tmp_path / "root"):
        with pytest.raises(PermanentError, match="another builder works in"):
            await a_builder(tmp_path / "root").__aenter__()


async def test_an_error_of_the_caller_stays_the_callers(tmp_path: Path) -> None:
    with pytest.raises(LookupError, match="mine"):
        async with a_builder(tmp_path / "root"):
            raise LookupError("mine")


READS_EVERYTHING = """
import os, pathlib
print(dict(os.environ))
for path in pathlib.Path("/proc").glob("[0-9]*/environ"):
    try:
        print(path.read_bytes().decode(errors="replace"))
    except OSError:
        pass
raise RuntimeError("looked everywhere")
"""


async def test_a_build_cannot_see_the_secrets_of_the_service(tmp_path: Path) -> None:
    repository = a_repository(
        tmp_path / "repository", a_project_that_runs(READS_EVERYTHING)
    )
    with lone_builder(tmp_path / "root", repository, {"A_TOKEN": SECRET}) as lone:
        said, _ = await asyncio.to_thread(lone.communicate)

    assert "looked everywhere" in said
    assert "UV_CACHE_DIR" in said
    # Whether it is isolated or not: other processes are closed to it.
    assert SECRET not in said
    assert "A_TOKEN" not in said


async def test_credentials_in_urls_stay_out_of_the_log(tmp_path: Path) -> None:
    code = 'raise RuntimeError("https://me:hidden@localhost/simple")'
    repository = a_repository(tmp_path / "repository", a_project_that_runs(code))
    logs = KeptLogs()
    async with a_builder(tmp_path / "root", logs=logs) as builder:
        failure = await failure_of(builder, a_build(repository, Kind.UV))

    assert "https://…@localhost/simple" in logs.text()
    assert "hidden" not in logs.text() + failure.message


async def test_a_log_is_kept_up_to_its_limit(tmp_path: Path) -> None:
    code = 'print("chatter " * 100_000)\nfor n in range(2000):\n    print("line", n)\n'
    code += 'raise RuntimeError("the end")'
    repository = a_repository(tmp_path / "repository", a_project_that_runs(code))
    logs = KeptLogs()
    async with a_builder(tmp_path / "root", logs=logs, max_log=5000) as builder:
        failure = await failure_of(builder, a_build(repository, Kind.UV))

    assert len(logs.text()) < 10_000
    assert logs.text().endswith("the log has reached its limit; the rest is not kept")
    assert "the end" in failure.message


async def test_a_build_does_not_begin_on_a_full_disk(tmp_path: Path) -> None:
    repository = a_repository(tmp_path / "repository", {"requirements.txt": ""})
    async with a_builder(tmp_path / "root", min_free_disk=2**60) as builder:
        failure = await failure_of(builder, a_build(repository, Kind.PIP))

        assert failure.kind is FailureClass.OUT_OF_DISK
        assert failure.kind.is_transient


class FullLogs:
    async def append(self, build: BuildId, phase: str, lines: Sequence[str]) -> None:
        _ = (build, phase, lines)
        raise TransientError("the database is busy")


async def test_a_build_is_worth_more_than_its_log(tmp_path: Path) -> None:
    code = 'raise RuntimeError("said to nobody")'
    repository = a_repository(tmp_path / "repository", a_project_that_runs(code))
    async with a_builder(tmp_path / "root", logs=FullLogs()) as builder:
        failure = await failure_of(builder, a_build(repository, Kind.UV))

        assert "said to nobody" in failure.message


def lone_builder(
    root: Path, repository: Repository, more: dict[str, str] | None = None
) -> subprocess.Popen[str]:
    url, commit = repository
    command = [sys.executable, "-m", "tests.adapters.local.lone_builder"]
    return subprocess.Popen(
        [*command, str(root), url, commit, Kind.UV.value],
        env={**PASSED, **(more or {})},
        stdout=subprocess.PIPE,
        text=True,
    )


def told(outcome: Image | Failure) -> tuple[FailureClass, str]:
    assert isinstance(outcome, Failure)
    return outcome.kind, outcome.message


async def until_gone(marker: str) -> None:
    async with asyncio.timeout(10):
        while processes_with(marker):  # noqa: ASYNC110 - a process tells nobody
            await asyncio.sleep(0.05)
