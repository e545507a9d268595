"""Watch what the processes of a build take, and end them when it is too much.

Limits that the kernel keeps for each process do not add up: many small ones take the
machine as well as a big one does. So the sum is looked at, often enough that nothing
can grow far between two looks.
"""

import os
import resource
import shutil
import signal
import subprocess
import threading
import time
from collections import defaultdict
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from service.adapters.local.failures import StoppedError
from service.adapters.local.job import Job
from service.domain.failure import FailureClass

__all__ = ["Watch", "end_descendants", "too_large"]

_STEP: Final = 0.2
"""Seconds between two looks at processes; one fills about 400 MB meanwhile."""
_PAUSES: Final = 20
"""A look at the disk is followed by a pause of so many times what it took."""
_DISK_STEP: Final = 1.0
_PAGE: Final = resource.getpagesize()
_ROUNDS: Final = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class _Process:
    parent: int
    memory: int
    threads: int


class Watch:
    """Watches the descendants of this process, while something runs.

    Args:
        job: Says how much a build may take.
        places: The folders that it writes to.
        process: What runs; it and all below it are ended.
    """

    def __init__(
        self,
        job: Job,
        places: Collection[Path],
        process: subprocess.Popen[bytes],
    ) -> None:
        self._job = job
        self._places = places
        self._process = process
        self._over = threading.Event()
        self.trouble: StoppedError | None = None
        """Why it was ended, if it was."""
        self._threads = [
            threading.Thread(target=self._look_at_processes, daemon=True),
            threading.Thread(target=self._look_at_disk, daemon=True),
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _look_at_processes(self) -> None:
        while not self._over.wait(_STEP):
            if self._process.poll() is not None:
                # What outlives its parent would hold our end of its output open.
                end_descendants()
                return
            found = _descendants(os.getpid())
            memory = sum(it.memory for it in found.values())
            number = sum(it.threads for it in found.values())
            if memory > self._job.memory:
                self._stop(
                    FailureClass.OUT_OF_MEMORY,
                    f"the build took more than {_told(self._job.memory)} of memory and "
                    "was stopped",
                    "ask for packages that need no compiling, or raise "
                    "RELAUNCH_LOCAL_MEMORY_MB",
                )
            if number > self._job.processes:
                self._stop(
                    FailureClass.PROCESS_LIMIT,
                    f"the build started more than {self._job.processes} processes and "
                    "threads and was stopped",
                    "RELAUNCH_LOCAL_PROCESSES says how many it may have",
                )

    def _look_at_disk(self) -> None:
        pause = _DISK_STEP
        while not self._over.wait(pause):
            started = time.monotonic()
            size = sum(_size(place, self._over) for place in self._places)
            pause = max(_DISK_STEP, _PAUSES * (time.monotonic() - started))
            if size > self._job.disk:
                self._stop(*too_large(self._job))
            elif shutil.disk_usage(self._job.root).free < self._job.min_free_disk // 4:
                self._stop(
                    FailureClass.OUT_OF_DISK,
                    "the builder's disk is nearly full; the build was stopped",
                    "free some space; the build is tried again",
                )

    def _stop(self, kind: FailureClass, message: str, hint: str) -> None:
        if self.trouble is None:
            self.trouble = StoppedError(kind, message, hint=hint)
        self._over.set()
        self._process.kill()
        end_descendants()


def too_large(job: Job) -> tuple[FailureClass, str, str]:
    """Say that a build wrote more than it may."""
    return (
        FailureClass.DISK_LIMIT,
        f"the build wrote more than {_told(job.disk)} and was stopped",
        "ask for fewer packages, or raise RELAUNCH_LOCAL_DISK_MB",
    )


def end_descendants() -> None:
    """End what this process has left running, children of children too.

    They are stopped before they are ended, so that none starts another meanwhile.
    """
    for _ in range(_ROUNDS):
        found = _descendants(os.getpid())
        if not found:
            return
        for which in (signal.SIGSTOP, signal.SIGKILL):
            for pid in found:
                with suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, which)
        _bury()


def _bury() -> None:
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _descendants(root: int) -> dict[int, _Process]:
    """Return the living processes that a process started, and they in their turn."""
    children: dict[int, list[int]] = defaultdict(list)
    known = dict(_processes())
    for pid, process in known.items():
        children[process.parent].append(pid)
    found: dict[int, _Process] = {}
    waiting = list(children[root])
    while waiting:
        pid = waiting.pop()
        found[pid] = known[pid]
        waiting += children[pid]
    return found


def _processes() -> Iterator[tuple[int, _Process]]:
    """https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html."""
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            stat = (folder / "stat").read_bytes()
            statm = (folder / "statm").read_bytes().split()
        except OSError:
            continue
        fields = stat.rpartition(b")")[2].split()
        if fields[0] in b"ZX":
            continue
        own = max(0, int(statm[1]) - int(statm[2]))
        yield (
            int(folder.name),
            _Process(
                parent=int(fields[1]), memory=own * _PAGE, threads=int(fields[17])
            ),
        )


def _size(place: Path, over: threading.Event) -> int:
    """Return the bytes that a folder takes on the disk."""
    total = 0
    for folder, _, files in os.walk(place):
        for name in files:
            with suppress(OSError):
                total += os.lstat(f"{folder}/{name}").st_blocks * 512
        if over.is_set():
            break
    return total


def _told(size: int) -> str:
    return f"{size / 2**30:.3g} GiB" if size >= 2**30 else f"{size / 2**20:.3g} MiB"
