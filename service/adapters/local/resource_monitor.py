"""Monitor the memory, processes and disk space of a build, and stop it over a limit.

The kernel's limits apply to each process, and many small ones exhaust a machine as
well as a big one. So their sum is polled, often enough that it cannot grow far
between two polls.
"""

import os
import resource
import shutil
import signal
import subprocess
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from service.adapters.local.errors import StoppedError
from service.adapters.local.folders import walk_tree
from service.adapters.local.job import Job
from service.domain.building.failure import FailureClass

__all__ = ["ResourceMonitor", "descendants", "end_descendants", "too_large"]

_STEP: Final = 0.2
"""Seconds between two polls of processes; one can fill about 400 MB meanwhile."""
_PAUSES: Final = 20
"""The pause after a poll of the disk, in multiples of its duration."""
_DISK_STEP: Final = 1.0
_LEAST: Final = 4096
"""Bytes that any file, link or folder counts: an empty one takes an inode, and a disk
has a number of them."""
_LONGEST: Final = 3500
"""Bytes of a folder's path: what lies below longer ones than the system takes, 4096,
could not be counted."""
_FEW_INODES: Final = 50
"""A disk is nearly full when only one in so many is free."""
_PAGE: Final = resource.getpagesize()
_ROUNDS: Final = 50
_EMPTY_LOOKS: Final = 2
"""A look reads one process after the other: a child whose parent ends meanwhile may be
below nobody that is left. The next look finds it, adopted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Process:
    parent: int
    memory: int
    threads: int


class _TooDeepError(Exception):
    """A folder's path is longer than `_LONGEST`."""


class ResourceMonitor:
    """Monitor the descendants of this process while a tool runs.

    Args:
        job: Has the limits.
        folders: The folders that the tool writes to.
        process: The tool; over a limit, it and its descendants are killed.
        seconds: How long the tool may take; None for as long as the build.
    """

    def __init__(
        self,
        job: Job,
        folders: Collection[Path],
        process: subprocess.Popen[bytes],
        seconds: float | None = None,
    ) -> None:
        self._job = job
        self._places = folders
        self._process = process
        self._end = None if seconds is None else time.monotonic() + seconds
        self._over = threading.Event()
        self.error: StoppedError | None = None
        """Why the tool was stopped, if it was."""
        self._threads = [
            threading.Thread(target=self._monitor_processes, daemon=True),
            threading.Thread(target=self._monitor_disk, daemon=True),
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _monitor_processes(self) -> None:
        while not self._over.wait(_STEP):
            if self._process.poll() is not None:
                # An orphan would keep the pipe open, and we would read it for ever.
                end_descendants()
                return
            if self._end is not None and time.monotonic() > self._end:
                self._stop(
                    FailureClass.DEADLINE, "a step of the build took too long", ""
                )
            processes = descendants(os.getpid())
            memory = sum(process.memory for process in processes.values())
            number = sum(process.threads for process in processes.values())
            if memory > self._job.memory:
                self._stop(
                    FailureClass.OUT_OF_MEMORY,
                    f"the build took more than {_format_size(self._job.memory)} of"
                    " memory and was stopped",
                    "ask for packages that need no compiling, or raise "
                    "RELAUNCH_LOCAL_MEMORY_MB",
                )
            if number > self._job.processes:
                self._stop(
                    FailureClass.PROCESS_LIMIT,
                    f"the build started more than {self._job.processes} processes and "
                    "threads and was stopped",
                    "RELAUNCH_LOCAL_PROCESSES sets the limit",
                )

    def _monitor_disk(self) -> None:
        pause = _DISK_STEP
        while not self._over.wait(pause):
            started = time.monotonic()
            try:
                size = sum(_size(place, self._over) for place in self._places)
            except _TooDeepError:
                self._stop(
                    FailureClass.DISK_LIMIT,
                    "the build put folders into each other until their path had more"
                    f" than {_LONGEST} bytes, and was stopped",
                    "what lies so deep cannot be counted; let it write less deep",
                )
                return
            pause = max(_DISK_STEP, _PAUSES * (time.monotonic() - started))
            if size > self._job.disk:
                self._stop(*too_large(self._job))
            elif _is_nearly_full(self._job.root, self._job.min_free_disk // 4):
                self._stop(
                    FailureClass.OUT_OF_DISK,
                    "the builder's disk is nearly full; the build was stopped",
                    "free some space; the build is tried again",
                )

    def _stop(self, kind: FailureClass, message: str, hint: str) -> None:
        if self.error is None:
            self.error = StoppedError(kind, message, hint=hint)
        self._over.set()
        self._process.kill()
        end_descendants()


def too_large(job: Job) -> tuple[FailureClass, str, str]:
    """Describe the failure of a build that wrote too much."""
    return (
        FailureClass.DISK_LIMIT,
        f"the build wrote more than {_format_size(job.disk)} and was stopped",
        "ask for fewer packages, or raise RELAUNCH_LOCAL_DISK_MB",
    )


def descendants(root: int) -> dict[int, _Process]:
    """Return the living descendants of a process."""
    children: dict[int, list[int]] = defaultdict(list)
    known = dict(_processes())
    for pid, process in known.items():
        children[process.parent].append(pid)
    processes: dict[int, _Process] = {}
    waiting = list(children[root])
    while waiting:
        pid = waiting.pop()
        processes[pid] = known[pid]
        waiting += children[pid]
    return processes


def end_descendants(
    root: int | None = None, *, look: Callable[[int], Collection[int]] = descendants
) -> None:
    """Kill all descendants of a process; by default of this one, and reap them."""
    # They are stopped before they are killed, so that none forks meanwhile; and again,
    # because some may have forked before their signal arrived.
    looks = 0
    for _ in range(_ROUNDS):
        processes = look(root or os.getpid())
        looks = 0 if processes else looks + 1
        if looks == _EMPTY_LOOKS:
            return
        for which in (signal.SIGSTOP, signal.SIGKILL):
            for pid in processes:
                with suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, which)
        if root is None:
            _reap_children()


def _reap_children() -> None:
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


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
    """Return the disk space that a folder takes, in bytes; raises `_TooDeepError`."""
    total = 0
    for here, folders, files in walk_tree(place):
        if len(os.fsencode(here)) > _LONGEST:
            raise _TooDeepError
        for name in (*folders, *files):
            with suppress(OSError):
                total += max(os.lstat(f"{here}/{name}").st_blocks * 512, _LEAST)
        if over.is_set():
            break
    return total


def _is_nearly_full(root: Path, wanted: int) -> bool:
    # Some file systems make inodes as they are needed, and give no number of them.
    found = os.statvfs(root)
    return (
        shutil.disk_usage(root).free < wanted
        or found.f_favail < found.f_files // _FEW_INODES
    )


def _format_size(size: int) -> str:
    return f"{size / 2**30:.3g} GiB" if size >= 2**30 else f"{size / 2**20:.3g} MiB"
