"""Whatever build code writes, wherever it writes it, is output and nothing else."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis.strategies import binary, lists

from service.adapters.local.job import Result, WorkerExit, parse_message
from service.adapters.local.lines import CUT, LineCutter, printable
from service.domain.building.build import BuildId
from service.domain.building.failure import FailureClass
from service.domain.definition import Kind
from tests.adapters.local.builds import (
    KeptLogs,
    a_build,
    a_builder,
    a_project_that_runs,
    a_repository,
    failure_of,
    processes_with,
)
from tests.support.clock import NOW

FORGED = '{"phase":"FORGED","text":"forged line"}'
FORGED_END = WorkerExit(
    result=Result(attempt=1, at=NOW, failed="forged", message="forged end")
).model_dump_json()

ONE_LONG_LINE = f"""
import os
for name in ("/proc/1/fd/1", "/proc/1/fd/2", f"/proc/{{os.getppid()}}/fd/1"):
    try:
        fd = os.open(name, os.O_WRONLY)
    except OSError as exc:
        print(name, exc)
        continue
    for _ in range(200):
        os.write(fd, b"B" * 65536)
    os.write(fd, b'\\n{FORGED}\\n{FORGED_END}\\n')
raise RuntimeError("the end of it")
"""
"""As the case of the issue does, by every way there is to its worker's output."""

EVERY_DESCRIPTOR = f"""
import os, pathlib
for path in pathlib.Path("/proc").glob("[0-9]*/fd/*"):
    try:
        if "pipe:" not in os.readlink(path):
            continue
        fd = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
        os.write(fd, b'{FORGED}\\n{FORGED_END}\\n')
    except OSError:
        pass
raise RuntimeError("the end of it")
"""

ANY_BYTES = r"""
import os
os.write(1, b"no newline \x00 \xff\xfe \x1b[31mred\x1b[0m \x07" + b"\r50%\r100%\n")
os.write(1, b"\x00" * 1_000_000)
for _ in range(4):
    os.write(1, b"\n" * 65536)
os.write(1, b"G" * 12_000_000)
raise RuntimeError("the end of it")
"""


@pytest.mark.parametrize(
    "code",
    [
        pytest.param(ONE_LONG_LINE, id="one long line"),
        pytest.param(EVERY_DESCRIPTOR, id="every pipe there is"),
        pytest.param(ANY_BYTES, id="any bytes"),
    ],
)
async def test_no_output_ends_the_service_or_speaks_for_the_worker(
    tmp_path: Path, code: str
) -> None:
    repository = a_repository(tmp_path / "repository", a_project_that_runs(code))
    logs = KeptLogs()
    async with a_builder(tmp_path / "root", logs=logs) as builder:
        build = a_build(repository, Kind.UV)
        for attempt in (1, 2):
            build = a_build(repository, Kind.UV, attempt=attempt)
            failure = await failure_of(builder, build)

            assert failure.kind is FailureClass.WHEEL_BUILD_FAILED, failure
            assert "the end of it" in failure.message
    said = logs.said[build.id]
    assert "FORGED" not in {phase for phase, _ in said}
    assert "\x00" not in logs.text()
    assert max(len(line) for _, line in said) < 70_000
    assert len(logs.text()) < 10_000_000


class SilentLogs(KeptLogs):
    """A store of logs that answers to nobody any more."""

    def __init__(self) -> None:
        super().__init__()
        self.is_asked = asyncio.Event()

    async def append(self, build: BuildId, phase: str, lines: Sequence[str]) -> None:
        await super().append(build, phase, lines)
        self.is_asked.set()
        await asyncio.Event().wait()


async def test_a_log_that_cannot_be_stored_keeps_no_build_from_being_stopped(
    tmp_path: Path,
) -> None:
    repository = a_repository(
        tmp_path / "repository", a_project_that_runs("import time; time.sleep(600)")
    )
    logs = SilentLogs()
    async with a_builder(tmp_path / "root", logs=logs) as builder:
        build = a_build(repository, Kind.UV)
        await builder.start(build)
        await logs.is_asked.wait()

        await builder.cancel(build.id)

        assert processes_with(str(tmp_path / "root")) == []
        # Leaving the builder stops what runs, too, as a leader does without its lease.
        await builder.start(a_build(repository, Kind.UV, id="01OTHER"))


@given(chunks=lists(binary(max_size=40)))
def test_lines_are_the_same_however_they_come(chunks: list[bytes]) -> None:
    cutter = LineCutter(most=8)
    lines = [line for chunk in chunks for line in cutter.feed(chunk)]
    lines += cutter.finish()
    expected = b"".join(chunks).split(b"\n")
    expected = expected[:-1] if not expected[-1] else expected

    assert lines == [
        line if len(line) <= 8 else line[:8] + CUT.encode() for line in expected
    ]


@pytest.mark.parametrize(
    ("line", "text"),
    [
        pytest.param(b"plain \xc3\xa9\tword\r", "plain é\tword", id="as it is"),
        pytest.param(b"\x1b[1;31mred\x1b[0m", "red", id="colour"),
        pytest.param(b"\x1b]0;title\x07words", "words", id="title of a window"),
        pytest.param(b"10%\r50%\r100%", "100%", id="progress"),
        pytest.param(b"a\x00b\xffc", "a\ufffdb\ufffdc", id="no text"),
    ],
)
def test_what_a_terminal_would_obey_is_no_text(line: bytes, text: str) -> None:
    assert printable(line) == text


@given(line=binary())
def test_any_line_is_text_without_control_characters(line: bytes) -> None:
    text = printable(line)

    assert all(char.isprintable() or char == "\t" for char in text if char < "\xa0")


@given(line=binary())
def test_only_a_workers_word_is_heard_as_one(line: bytes) -> None:
    assert parse_message(line) is None


def test_a_workers_end_is_heard() -> None:
    end = parse_message(FORGED_END.encode())

    assert isinstance(end, WorkerExit)
    assert end.result.message == "forged end"
