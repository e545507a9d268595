"""What Linux lets a process ask for about itself."""

import ctypes
from typing import Final

__all__ = ["adopt_orphans", "close_to_others"]

_PR_SET_DUMPABLE: Final = 4
_PR_SET_CHILD_SUBREAPER: Final = 36


def close_to_others() -> None:
    """Keep other processes of this user out of this one's memory and descriptors.

    https://man7.org/linux/man-pages/man2/PR_SET_DUMPABLE.2const.html
    """
    _prctl(_PR_SET_DUMPABLE, 0)


def adopt_orphans() -> None:
    """Become the parent of whatever outlives its own parent below this process.

    https://man7.org/linux/man-pages/man2/PR_SET_CHILD_SUBREAPER.2const.html
    """
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def _prctl(option: int, value: int) -> None:
    # Where there is no such call, as on macOS, there is no `/proc` to hide from.
    call = getattr(_LIBC, "prctl", None)
    if call is not None:
        call(option, ctypes.c_ulong(value), *_UNUSED)


_LIBC: Final = ctypes.CDLL(None, use_errno=True)
_UNUSED: Final = (ctypes.c_ulong(0),) * 3
