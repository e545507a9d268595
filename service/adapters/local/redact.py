"""Keep credentials out of logs."""

import re
from typing import Final

__all__ = ["redacted"]

_CREDENTIALS: Final = re.compile(r"(?<=://)[^\s/?#\"'<>]+@")
"""The user part of a URL; up to the last @, for passwords may hold one."""


def redacted(text: str) -> str:
    """Replace the credentials of every URL in a text."""
    return _CREDENTIALS.sub("…@", text)
