"""Patterns by which a project file may take an entry of its directory along.

Backends read patterns in several dialects. What is found here is at least what one of
them takes: a doubt counts as a yes.
"""

import fnmatch
import re
from collections.abc import Iterator, Mapping
from typing import Final

from service.definitions.formats.toml_json import peek_toml
from service.definitions.formats.values import table

__all__ = ["may_take", "may_take_along", "strings"]

_ONE: Final = re.compile(r"\\.|\[[!^]?\]?[^\]]*\]")
"""Parts of a pattern that stand for one character."""
_MAX_LENGTH: Final = 300
"""Longer patterns than any name; nobody writes them."""
_OTHERS: Final = frozenset({"dev-mode-dirs", "exclude", "excludes", "sdist"})
"""Keys of patterns by which no wheel gets a file."""


def may_take(name: str, word: str) -> bool:
    """Return whether a pattern or path may mean an entry of the directory itself."""
    return any(_matches(name, spelled) for spelled in {word, word.replace("\\", "/")})


def may_take_along(
    name: str, path: str, raw: bytes | None, *, is_directory: bool
) -> bool:
    """Return whether a table of a backend may bring an entry into the package.

    Args:
        name: The entry, such as ".github".
        path: The path of a file that can name others.
        raw: Its content.
        is_directory: Whether files below the entry count, too.
    """
    if not path.endswith(".toml"):
        return False
    document = peek_toml(raw) or {}
    tools = table(document, "tool")
    hatch = document if path.endswith("hatch.toml") else table(tools, "hatch")
    poetry = table(tools, "poetry")
    read = [hatch.get("build"), table(tools, "pdm", "build")]
    read += [poetry.get("include"), poetry.get("packages")]
    if not name.startswith("."):
        # Setuptools matches no name with a dot by a pattern.
        read.append(table(tools, "setuptools", "data-files"))
    return any(
        (is_directory and _is_wide(word)) or may_take(name, word)
        for word in strings(read, without=_OTHERS)
    )


def strings(value: object, *, without: frozenset[str] = frozenset()) -> Iterator[str]:
    """Return the keys and texts of a document, but what stands under some keys."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            if key not in without:
                yield key
                yield from strings(item, without=without)
    elif isinstance(value, list):
        for item in value:
            yield from strings(item, without=without)


def _matches(name: str, word: str) -> bool:
    parts = [
        part for part in word.removeprefix("!").split("/") if part not in {"", "."}
    ]
    if ".." in parts:
        return True
    while parts and parts[0] == "**":
        parts.pop(0)
    if not parts:
        # The directory itself, or all files below it.
        return True
    if len(parts) > 1 and parts[1:] != ["**"] * len(parts[1:]):
        # Below another directory, unless the name stands in a path of its own.
        return parts[-1] == name
    return _is_glob_of(name, parts[0])


def _is_glob_of(name: str, pattern: str) -> bool:
    pattern = _ONE.sub("?", pattern) if len(pattern) < _MAX_LENGTH else pattern
    if pattern == name or not {"*", "?"} & {*pattern}:
        return pattern == name
    return len(pattern) >= _MAX_LENGTH or fnmatch.fnmatchcase(name, pattern)


def _is_wide(word: str) -> bool:
    """Return whether a pattern may match files at any depth."""
    is_any = word.startswith(("**/", "/**")) or "/" not in word
    return is_any and "*" in word
