"""How long tests wait: by what a machine does, not by the clock alone."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

__all__ = ["Patience", "wait_until"]

_LOAD: Final = Path("/proc/loadavg")
"""https://man7.org/linux/man-pages/man5/proc_loadavg.5.html"""


class Patience:
    """Seconds of a calm machine; a second that three programs share counts a third.

    A limit by the clock is right for what hangs, and wrong for what waits its turn: a
    start of one second takes twenty beside the twenty times as much that others run.

    Args:
        seconds: How long on a calm machine.
    """

    def __init__(self, seconds: float) -> None:
        self._left = seconds
        self._seen = time.monotonic()

    def is_over(self) -> bool:
        """Say whether they have passed; ask a few times a second."""
        now = time.monotonic()
        self._left -= (now - self._seen) / _share()
        self._seen = now
        return self._left <= 0


def wait_until(holds: Callable[[], bool], what: str, seconds: float) -> None:
    """Return once something holds; fail after so many seconds of a calm machine."""
    patience = Patience(seconds)
    while not holds():
        assert not patience.is_over(), f"waited {seconds} s for {what}"
        time.sleep(0.1)


def _share() -> float:
    """Return how many want each processor, one at least."""
    wanting = int(_LOAD.read_text().split()[3].partition("/")[0])
    return max(1.0, wanting / len(os.sched_getaffinity(0)))
