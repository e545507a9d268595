"""The processes that are measured, and what the kernel says of them."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

__all__ = ["RELAUNCH", "Server", "processor_seconds", "running"]

RELAUNCH: Final = ("-m", "service.cli", "receive")
STARTS_WITHIN: Final = 120.0
STOPS_WITHIN: Final = 20.0
_SAYS: Final = re.compile(r"answers at http://[^:/]+:(\d+);")


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A process that answers."""

    pid: int
    port: int
    started_in: float
    """Seconds from the start of the process to its first word."""

    def resident(self) -> float:
        """Return its resident memory in MB."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0]) / 1024


def processor_seconds(pid: int, *, with_children: bool = False) -> float:
    """Return what a process has cost so far; with its children, those that ended."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    last = 15 if with_children else 13
    return sum(map(int, fields[11:last])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def running(
    arguments: Sequence[str], variables: Mapping[str, str], output: Path
) -> Iterator[Server]:
    """Run a Python program that says where it answers; stop it after the block."""
    began = time.monotonic()
    with output.open("wb") as sink:
        process = subprocess.Popen(
            [sys.executable, *arguments],
            env={"PATH": os.defpath, "PYTHONPATH": ".", **variables},
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=sink,
        )
    try:
        port = _port(process, output, until=began + STARTS_WITHIN)
        took = time.monotonic() - began
        yield Server(pid=process.pid, port=port, started_in=took)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOPS_WITHIN)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _port(process: subprocess.Popen[bytes], output: Path, *, until: float) -> int:
    while time.monotonic() < until:
        said = output.read_text()
        if match := _SAYS.search(said):
            return int(match[1])
        if process.poll() is not None:
            raise RuntimeError(f"it ended with {process.returncode}: {said[-2000:]}")
        time.sleep(0.01)
    raise RuntimeError(f"it did not answer in time: {output.read_text()[-2000:]}")
