"""Processor time, as a busy machine has less influence on it than on a clock."""

import gc
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["processor_time"]


@contextmanager
def processor_time() -> Iterator[Callable[[], float]]:
    """Give what this process has taken since the block began, in seconds.

    The collector rests meanwhile: once it looked at all that a process of thousands of
    tests holds, a small answer took a third of a second.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    began = time.process_time()
    try:
        yield lambda: time.process_time() - began
    finally:
        if was_enabled:
            gc.enable()
