"""Texts that a build at most encloses in a package's metadata: CHANGELOG, LICENSE."""

import fnmatch
import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from service.definitions.formats.toml_json import peek_toml
from service.definitions.formats.tool_tables import has_known_builders
from service.definitions.formats.values import Table, table

__all__ = ["find_enclosed"]

_FOR_PEOPLE: Final = re.compile(
    r"(?:CHANGE(?:S|LOG)|HISTORY|RELEASES|RELEASE[_-]NOTES|NEWS|LICEN[CS]E|COPYING"
    r"|NOTICE|AUTHORS|CONTRIBUTORS|CONTRIBUTING|CODE_OF_CONDUCT|SECURITY|CITATION)"
    r"(?![A-Za-z])",
    re.IGNORECASE,
)
_TEXTS: Final = frozenset({"", ".md", ".rst", ".txt", ".cff", ".markdown", ".mit"})
_EVERYTHING: Final = frozenset({".", "./", "/", "", "*", "**", "**/*"})
"""Patterns and directories by which the project's own directory may be a package."""
_METADATA: Final = frozenset(
    {"description", "keywords", "license", "license-files", "readme", "urls"}
)
"""Keys whose files and words only a package's metadata holds."""
_IN_CFG: Final = re.compile(
    rb"^(?:long[_-]description|license[_-]files?|description[_-]file)\s*=.*"
    rb"(?:\n[ \t]+.*)*",
    re.MULTILINE,
)
_WORDS: Final = re.compile(r"[^\s'\",;()\[\]{}=:]+")
_BUILDERS: Final = ("poetry", "setuptools", "hatch", "flit", "pdm", "uv")
_HOOKS: Final = frozenset({"__init__.py", "hatch_build.py", "build.py", "pdm_build.py"})
"""Files by which the directory is a package itself, or a program chooses its files."""
_MANY: Final = re.compile(rb"glob|\bwalk\b|listdir|iterdir|scandir|[\[:]\s*(?:''|\"\")")
"""Ways to take many files along; a package of the empty name is the directory."""


def find_enclosed(
    names: Iterable[str], texts: Mapping[str, bytes | None]
) -> frozenset[str]:
    """Return the entries of a project's directory whose texts do not count.

    Args:
        names: The names in it.
        texts: The files that can name others, by path; None for one that is too large.
    """
    names = frozenset(names)
    candidates = {
        name
        for name in names
        if _FOR_PEOPLE.match(name) and posixpath.splitext(name)[1].lower() in _TEXTS
    }
    if not candidates or names & _HOOKS:
        return frozenset()
    words = set[str]()
    for path, raw in texts.items():
        read = _read_words(posixpath.basename(path), raw)
        if read is None:
            return frozenset()
        words |= read
    if words & _EVERYTHING:
        return frozenset()
    return frozenset(name for name in candidates if not _is_named(name, words))


def _is_named(name: str, words: Iterable[str]) -> bool:
    return any(
        posixpath.basename(word) == name or fnmatch.fnmatch(name, word)
        for word in words
    )


def _read_words(name: str, raw: bytes | None) -> set[str] | None:
    """Return what a file of the project may name others by; None if that is unknown."""
    if raw is None:
        return None
    if name == "pyproject.toml":
        document = peek_toml(raw)
        if document is None or not has_known_builders(document):
            return None
        return set(_strings(_build_tables(document)))
    if name == "MANIFEST.in":
        # Of the project's own directory it names files of a source distribution; a
        # wheel gets only those inside packages.
        return set()
    if name == "setup.py" and _MANY.search(raw):
        return None
    if name == "setup.cfg":
        raw = _IN_CFG.sub(b"", raw)
    return set(_WORDS.findall(raw.decode("utf-8", "replace")))


def _build_tables(document: Table) -> list[object]:
    tools = table(document, "tool")
    read = [document.get("project"), *(tools.get(name) for name in _BUILDERS)]
    return [_without_metadata(item) for item in read]


def _without_metadata(value: object) -> object:
    if not isinstance(value, Mapping):
        return value
    return {
        key: _without_metadata(item)
        for key, item in value.items()
        if key not in _METADATA
    }


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield key
            yield from _strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item)
