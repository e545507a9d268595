"""No file of ours is given to the loop as a pipe, and it starts no process.

uvloop closes such a file twice. Between the two another thread may have opened a file
of that number: it loses it, or the process aborts.
https://github.com/MagicStack/uvloop/blob/v0.23.0/uvloop/handles/handle.pyx

A process that it starts is a fork, which copies the table of all memory, and holds up
everything else meanwhile: `service.adapters.processes` says more.
"""

import re
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2]
PACKAGES: Final = ("service", "handlers", "consumers")
CALLS: Final = re.compile(
    r"\.connect_(?:read|write)_pipe\(|create_subprocess_|\.subprocess_(?:exec|shell)\("
)


@pytest.mark.parametrize("package", PACKAGES)
def test_what_the_loop_reads_of_other_processes_is_a_socket(package: str) -> None:
    files = sorted((ROOT / package).rglob("*.py"))

    assert files
    assert [file for file in files if CALLS.search(file.read_text())] == []
