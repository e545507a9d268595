"""Linux process attributes: memory protection and the child subreaper."""

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
    """Become the parent of all orphaned descendants, so that they can be killed.

    https://man7.org/linux/man-pages/man2/PR_SET_CHILD_SUBREAPER.2const.html
    """
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def _prctl(option: int, value: int) -> None:
    # Systems without this call, such as macOS, have no `/proc` to protect, either.
    call = getattr(_LIBC, "prctl", None)
    if call is not None:
        call(option, ctypes.c_ulong(value), *_UNUSED)


_LIBC: Final = ctypes.CDLL(None, use_errno=True)
_UNUSED: Final = (ctypes.c_ulong(0),) * 3
