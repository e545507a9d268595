"""The files of a locked package: which of them a Linux can install."""

import posixpath
import re
from collections.abc import Iterable, Iterator
from typing import Final

from service.definitions.formats.values import Table, text

__all__ = ["for_linux"]

_ELSEWHERE: Final = re.compile(r"win32|win_\w+|(?:macosx|ios|android)_\w+")
"""Platform tags of other systems:
https://packaging.python.org/en/latest/specifications/platform-compatibility-tags/"""


def for_linux(files: Iterable[Table]) -> Iterator[Table]:
    """Yield the files of a lock without the wheels of other systems.

    A package gets such wheels long after its release, and the next `lock` lists them.
    """
    for file in files:
        named = text(file.get("file")) or text(file.get("filename"))
        name = named or text(file.get("url")) or text(file.get("path")) or ""
        if not _is_of_another_system(posixpath.basename(name)):
            yield file


def _is_of_another_system(name: str) -> bool:
    if not name.endswith(".whl"):
        return False
    tags = name.removesuffix(".whl").rpartition("-")[2].split(".")
    return all(_ELSEWHERE.fullmatch(tag) for tag in tags)
