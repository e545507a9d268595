"""Patterns of workspace members, as uv's parser reads them.

https://docs.rs/glob/latest/glob/struct.Pattern.html
"""

import re
from typing import Final

__all__ = ["find_glob_fault"]

_CLASS: Final = re.compile(r"\[(?:!.[^\]]*|[^!][^\]]*)\]", re.DOTALL)
_STARS: Final = re.compile(r"\*{2,}")
_RECURSIVE: Final = 2


def find_glob_fault(pattern: str) -> str:
    """Return why uv cannot read a pattern; empty when it can."""
    # A class may hold any character, so that stars and brackets in it mean nothing.
    rest = _CLASS.sub("x", pattern)
    if "[" in rest:
        return "[ without its ]"
    for stars in _STARS.finditer(rest):
        if len(stars[0]) > _RECURSIVE:
            return "*** is neither * nor **"
        around = rest[: stars.start()][-1:] + rest[stars.end() :][:1]
        if around.strip("/"):
            return "** has to stand alone between slashes"
    return ""
