"""A thread pool for python-gitlab, which blocks."""

from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Final

__all__ = ["open_executor"]

MAX_CONNECTIONS: Final = 8
"""Threads, for all GitLab hosts together; further work is queued."""


@contextmanager
def open_executor() -> Iterator[Executor]:
    """Open a thread pool for python-gitlab alone, for the block."""
    executor = ThreadPoolExecutor(MAX_CONNECTIONS, thread_name_prefix="gitlab")
    try:
        yield executor
    finally:
        # Without waiting, which would block the event loop: a thread ends by itself,
        # at the latest at the deadline of its request.
        executor.shutdown(wait=False, cancel_futures=True)
