"""Thread pools for python-gitlab, which blocks: one for each host."""

from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Final

__all__ = ["MAX_CONNECTIONS", "HostExecutors", "open_executors"]

MAX_CONNECTIONS: Final = 8
"""Threads for one host; further work is queued."""


# Not one pool for all: a GitLab that keeps silent would hold its threads, and every
# other one would wait for its deadlines.
class HostExecutors:
    """The pools of a process, each made when its host is asked for the first time."""

    def __init__(self) -> None:
        self._executors: dict[str, ThreadPoolExecutor] = {}

    def of(self, host: str) -> Executor:
        """Return the pool of a host; settings name hosts, so there are few."""
        if host not in self._executors:
            self._executors[host] = ThreadPoolExecutor(
                MAX_CONNECTIONS, thread_name_prefix=f"gitlab {host}"
            )
        return self._executors[host]

    def close(self) -> None:
        """End all pools without waiting, which would block the event loop.

        A thread ends by itself, at the latest at the deadline of its request.
        """
        for executor in self._executors.values():
            executor.shutdown(wait=False, cancel_futures=True)


@contextmanager
def open_executors() -> Iterator[HostExecutors]:
    """Open the pools for the block."""
    executors = HostExecutors()
    try:
        yield executors
    finally:
        executors.close()
