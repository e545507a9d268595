"""Programs of an installed project that mean less than their bytes.

A setup.py and a file that holds the version mean their syntax tree, of which comments
are no part. That holds where no file of the build may read the program as a text.
"""

import ast
import hashlib
import posixpath
import re
import tokenize
from collections.abc import Collection, Mapping
from io import BytesIO
from typing import Final

from service.definitions.formats.toml_json import peek_toml
from service.definitions.formats.tool_tables import has_known_builders
from service.definitions.formats.values import table

__all__ = ["VERSION_FILES", "is_text_read", "program_meaning"]

VERSION_FILES: Final = ("version.py", "_version.py", "__version__.py", "__about__.py")
"""Programs that hold the version of a package."""
_READS_TEXTS: Final = re.compile(
    rb"\bopen\b|\bread\b|read_text|read_bytes|readlines|getsource|\bfile:|tokenize"
    rb"|get_data|loadtxt"
)
_TAKES_APART: Final = re.compile(rb"\bre\b|split\(|readlines|startswith|\bfor\b|strip")
_MANY: Final = re.compile(
    rb"glob|\bwalk\b|listdir|iterdir|scandir|subprocess|check_output"
)
_OWN_FILE: Final = re.compile(
    rb"\bPath\(\s*__file__\s*\)(?:\.(?:resolve|absolute)\(\))?\.parent\b"
    rb"|\bdirname\((?:(?:os\.)?path\.)?(?:(?:abspath|realpath)\()?__file__"
)
_HOOKS: Final = frozenset(
    {"build.py", "hatch.toml", "hatch_build.py", "pdm_build.py", "versioneer.py"}
)


def program_meaning(raw: bytes | None) -> str | None:
    """Return a digest of a program without its comments; None if it is none."""
    if raw is None:
        return None
    try:
        encoding, _ = tokenize.detect_encoding(BytesIO(raw).readline)
        dumped = ast.dump(ast.parse(raw.decode(encoding)))
    except (SyntaxError, ValueError, LookupError, RecursionError, MemoryError):
        return None
    # A first line for the shell is a comment to Python, and no word to others.
    shebang = raw.partition(b"\n")[0] if raw.startswith(b"#!") else b""
    content = shebang + b"\0" + dumped.encode("utf-8", "replace")
    return hashlib.sha256(content).hexdigest()


def is_text_read(
    name: str, texts: Mapping[str, bytes | None], names: Collection[str]
) -> bool:
    """Return whether a build may read a program as a text, in which comments are words.

    Args:
        name: The name of the program.
        texts: The files of the project that can name others, by path.
        names: All names in the project's directory.
    """
    if _HOOKS & set(names):
        return True
    for path, raw in texts.items():
        other = posixpath.basename(path)
        if raw is None or _may_read(name, other, raw):
            return True
        if other == "setup.py" and _find_helpers(raw, names):
            return True
    return False


def _find_helpers(raw: bytes, names: Collection[str]) -> set[str]:
    """Return the modules beside a setup.py that it seems to import."""
    words = {word.decode("utf-8", "replace") for word in re.findall(rb"\w+", raw)}
    helpers = {f"{word}.py" for word in words} & set(names)
    return helpers - {"setup.py", *VERSION_FILES}


def _may_read(name: str, other: str, raw: bytes) -> bool:
    if other == "pyproject.toml":
        return _reads_by_table(raw)
    if not _READS_TEXTS.search(raw):
        return False
    if _MANY.search(raw):
        return True
    if name == "setup.py":
        own = other == "setup.py" and b"__file__" in _OWN_FILE.sub(b"", raw)
        return own or b"setup.py" in raw
    # What is executed is read as a program, unless the text is taken apart, too.
    is_executed = b"exec(" in raw and not _TAKES_APART.search(raw)
    return b".py" in raw.replace(b"setup.py", b"") and not is_executed


def _reads_by_table(raw: bytes) -> bool:
    """Return whether a backend may read a version file by a pattern.

    Setuptools evaluates what `attr` names; hatch and PDM search a file's lines.
    """
    document = peek_toml(raw)
    if document is None or not has_known_builders(document):
        return True
    tools = table(document, "tool")
    dynamic = table(tools, "setuptools", "dynamic", "version")
    return (
        "version" in table(tools, "hatch")
        or "version" in table(tools, "pdm")
        or "file" in dynamic
    )
