"""Threads for a library that blocks."""

from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Final

__all__ = ["open_threads"]

AT_ONCE: Final = 8
"""Threads, for every GitLab together; a burst waits rather than grows."""


@contextmanager
def open_threads() -> Iterator[Executor]:
    """Keep threads for python-gitlab, and for nothing else.

    Who leaves does not wait for them: they end by themselves, at the latest when the
    request they wait for meets its deadline.
    """
    threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="gitlab")
    try:
        yield threads
    finally:
        threads.shutdown(wait=False, cancel_futures=True)
