"""A tool that may take only so long is ended."""

import subprocess
import sys
from pathlib import Path

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
tool = subprocess.Popen(["sleep", "60"])
with tool, ResourceMonitor(job, [], tool, float(sys.argv[1])) as monitor:
    tool.wait()
assert time.monotonic() - started < 30
print(monitor.error.failure.kind.word)
"""


def test_a_tool_is_ended_that_takes_longer_than_it_may(tmp_path: Path) -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            f"import sys; sys.path.insert(0, {str(Path.cwd())!r})\n{SCRIPT}",
            "0.3",
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout == "deadline\n"
