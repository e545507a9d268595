"""Texts that a build at most encloses in a package's metadata: CHANGELOG, LICENSE."""

import ast
import posixpath
import re
from collections.abc import Iterable, Mapping
from typing import Final

from service.definitions.formats.toml_json import peek_toml
from service.definitions.formats.tool_tables import has_known_builders
from service.definitions.formats.values import Table, table
from service.definitions.local.globs import may_take, strings

__all__ = ["find_enclosed", "is_for_people"]

_FOR_PEOPLE: Final = re.compile(
    r"(?:CHANGE(?:S|LOG)|HISTORY|RELEASES|RELEASE[_-]NOTES|NEWS|LICEN[CS]E|COPYING"
    r"|NOTICE|AUTHORS|CONTRIBUTORS|CONTRIBUTING|CODE_OF_CONDUCT|SECURITY|CITATION)"
    r"(?![A-Za-z])",
    re.IGNORECASE,
)
_TEXTS: Final = frozenset({"", ".md", ".rst", ".txt", ".cff", ".markdown", ".mit"})
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
_SEPARATORS: Final = re.compile(r"[\s,;]+")
_BUILDERS: Final = ("poetry", "setuptools", "hatch", "flit", "pdm", "uv")
_HOOKS: Final = frozenset(
    {"__init__.py", "hatch.toml", "hatch_build.py", "build.py", "pdm_build.py"}
)
"""Files by which the directory is a package itself, or a program chooses its files."""
_MANY: Final = re.compile(r"glob|\bwalk\b|listdir|iterdir|scandir|[\[:]\s*(?:''|\"\")")
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
    candidates = {name for name in names if is_for_people(name)}
    if not candidates or names & _HOOKS:
        return frozenset()
    words = set[str]()
    for path, raw in texts.items():
        read = _read_words(posixpath.basename(path), raw)
        if read is None:
            return frozenset()
        words |= read
    return frozenset(
        name for name in candidates if not any(may_take(name, word) for word in words)
    )


def is_for_people(name: str) -> bool:
    """Return whether a file is a text such as CHANGELOG or LICENSE, by its name."""
    ending = posixpath.splitext(name)[1].lower()
    return ending in _TEXTS and _FOR_PEOPLE.match(name) is not None


def _read_words(name: str, raw: bytes | None) -> set[str] | None:
    """Return what a file of the project may name others by; None if that is unknown."""
    if raw is None:
        return None
    if name == "pyproject.toml":
        document = peek_toml(raw)
        is_known = document is not None and has_known_builders(document)
        return set(strings(_build_tables(document or {}))) if is_known else None
    if name == "MANIFEST.in":
        # Of the project's own directory it names files of a source distribution; a
        # wheel gets only those inside packages.
        return set()
    if name == "setup.cfg":
        raw = _IN_CFG.sub(b"", raw)
    read = raw.decode("utf-8", "replace")
    patterns = _texts_of(read) if name == "setup.py" else _values_of(read)
    if patterns is None:
        return None
    split = {part for text in patterns for part in _SEPARATORS.split(text) if part}
    return {*_WORDS.findall(read), *patterns, *split}


def _values_of(cfg: str) -> set[str]:
    """Return the lines of a setup.cfg that may be values, whole."""
    lines = [line.strip() for line in cfg.splitlines()]
    values = [value for line in lines for value in (line, *re.split("[=:]", line))]
    return {value.strip() for value in values if value.strip()}


def _texts_of(program: str) -> set[str] | None:
    """Return the texts in a program; None where it may take any file along."""
    if _MANY.search(program):
        return None
    try:
        nodes = [*ast.walk(ast.parse(program))]
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    texts = [node.value for node in nodes if isinstance(node, ast.Constant)]
    return {text for text in texts if isinstance(text, str) and text}


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
