"""A tool that takes too long, or writes where nobody can count it, is ended."""

import subprocess
import sys
from pathlib import Path

from service.adapters.local.folders import remove_tree

# In a process of its own, all of whose children are ended.
SCRIPT = """
import subprocess, sys, time
from pathlib import Path
from service.adapters.local.job import Job
from service.adapters.local.resource_monitor import ResourceMonitor

much = 10**15
job = Job.model_construct(
    memory=much, processes=much, disk=much, min_free_disk=0, root=Path.cwd()
)
started = time.monotonic()
tool = subprocess.Popen(["sh", "-c", sys.argv[2] + " exec sleep 60"])
with tool, ResourceMonitor(job, [Path.cwd()], tool, float(sys.argv[1])) as monitor:
    tool.wait()
assert time.monotonic() - started < 30
print(monitor.error.failure.kind.word)
"""


DEEP = "while mkdir {0} && cd -P {0}; do :; done 2>/dev/null;".format("d" * 200)
"""Folders in each other, as many as a shell makes before it cannot name them."""


def ended(folder: Path, seconds: float, before: str) -> str:
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            f"import sys; sys.path.insert(0, {str(Path.cwd())!r})\n{SCRIPT}",
            str(seconds),
            before,
        ],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def test_a_tool_is_ended_that_takes_longer_than_it_may(tmp_path: Path) -> None:
    assert ended(tmp_path, 0.3, "") == "deadline\n"


def test_a_tool_is_ended_that_writes_deeper_than_can_be_counted(
    tmp_path: Path,
) -> None:
    assert ended(tmp_path, 25, DEEP) == "disk_limit\n"
    remove_tree(tmp_path)
