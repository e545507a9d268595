"""The time limit of a test ends it, also where it waits for the loop."""

import subprocess
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
LATE: Final = """\
import asyncio
from collections.abc import AsyncIterator

import pytest

pytestmark = pytest.mark.timeout(1)


@pytest.fixture
async def slow() -> AsyncIterator[None]:
    await asyncio.sleep(20)
    yield


async def test_that_sleeps() -> None:
    await asyncio.sleep(20)


async def test_that_reads() -> None:
    process = await asyncio.create_subprocess_exec(
        "sleep", "20", stdout=asyncio.subprocess.PIPE
    )
    try:
        await process.communicate()
    finally:
        process.kill()
        await process.wait()


async def test_of_a_fixture(slow: None) -> None:
    pass


async def test_that_is_in_time() -> None:
    await asyncio.sleep(0)
"""


def test_who_takes_too_long_fails_in_time(tmp_path: Path) -> None:
    (tmp_path / "test_late.py").write_text(LATE)

    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"),
            *("-c", str(ROOT / "pyproject.toml"), "-p", "tests.conftest"),
            *("--rootdir", str(ROOT), str(tmp_path / "test_late.py")),
        ],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
        timeout=50,
    )

    assert "2 failed, 1 passed, 1 error in" in done.stdout, done.stdout
    assert done.stdout.count("Timeout (>1.0s)") >= len(("reads", "sleeps", "fixture"))
