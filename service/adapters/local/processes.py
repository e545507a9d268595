"""What Linux lets a process ask for about itself."""

import ctypes
from typing import Final

__all__ = ["close_to_others", "drop_rights"]

_PR_SET_DUMPABLE: Final = 4
_PR_CAPBSET_DROP: Final = 24
_PR_SET_NO_NEW_PRIVS: Final = 38
_MOST_CAPABILITIES: Final = 64
_CAPABILITY_VERSION_3: Final = 0x20080522


def close_to_others() -> None:
    """Keep other processes of this user out of this one's memory and descriptors.

    https://man7.org/linux/man-pages/man2/PR_SET_DUMPABLE.2const.html
    """
    _prctl(_PR_SET_DUMPABLE, 0)


def drop_rights() -> None:
    """Give up what root may do beyond other users, for good and for all children.

    Without it, code that runs as root could open the descriptors of any process.
    https://man7.org/linux/man-pages/man7/capabilities.7.html
    """
    for capability in range(_MOST_CAPABILITIES):
        _prctl(_PR_CAPBSET_DROP, capability)
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    nothing = (ctypes.c_uint32 * 6)()
    capset = getattr(_LIBC, "capset", None)
    if capset is not None:
        capset(header, nothing)


def _prctl(option: int, value: int) -> None:
    # Where there is no such call, as on macOS, there is no `/proc` to hide from.
    call = getattr(_LIBC, "prctl", None)
    if call is not None:
        call(option, ctypes.c_ulong(value), *_UNUSED)


_LIBC: Final = ctypes.CDLL(None, use_errno=True)
_UNUSED: Final = (ctypes.c_ulong(0),) * 3
