"""The lines under [tool.poetry] that make version 1 install what [project] asks for.

People copy them as they are, so poetry has to read them, and what they leave out is
named.
"""

import re
from typing import Final
from urllib.parse import parse_qs

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from service.definitions.formats.toml_json import text
from service.definitions.poetry.project import PoetryProject
from service.definitions.poetry.versions import is_constraint
from service.definitions.text import show

__all__ = ["ANY_PYTHON", "MAX_NAMED", "is_suggested", "suggest_lines"]

ANY_PYTHON: Final = "~3.12"
"""For a project that names no Python. It has an upper limit: without one poetry 1 takes
an old release of each package that has a limit itself, such as numba."""
MAX_NAMED: Final = 8
"""Dependencies that one message lists."""

_EXACT: Final = re.compile(r"\s*={0,2}\s*(\d+(?:\.\d+)?)\s*")
"""A version that poetry takes for its first release alone: 3.11 is 3.11.0."""


def is_suggested(project: PoetryProject) -> bool:
    """Return whether lines are suggested that name a Python, beside other errors."""
    is_read = project.is_modern or "project" not in project.document
    return not is_read and "dependencies" not in project.poetry


def suggest_lines(project: PoetryProject) -> str:
    """Return the lines that make version 1 install the dependencies."""
    lines = []
    if project.poetry.get("package-mode") is not False:
        lines.append("package-mode = false")
    lost: list[str] = []
    if "dependencies" not in project.poetry:
        rows, lost = _take_over(project.project.get("dependencies"))
        rows = [f'python = "{_python(project)}"', *rows]
        lines.append(f"dependencies = {{ {', '.join(rows)} }}")
    return f"add under [tool.poetry]: {' and '.join(lines)}{_name_lost(lost)}"


def _name_lost(lost: list[str]) -> str:
    if not lost:
        return ""
    more = f" and {len(lost) - MAX_NAMED} more" if len(lost) > MAX_NAMED else ""
    names = ", ".join(show(name) for name in lost[:MAX_NAMED])
    return (
        f" (without {names}{more}, which [project] does not write as a list of"
        " requirements: name them there, too)"
    )


def _python(project: PoetryProject) -> str:
    wanted = text(project.project.get("requires-python")) or ""
    if exact := _EXACT.fullmatch(wanted):
        return f"~{exact[1]}" if "." in exact[1] else f"^{exact[1]}"
    if not wanted.strip() or not is_constraint(wanted, major=1):
        return ANY_PYTHON
    return show(wanted)


def _take_over(wanted: object) -> tuple[list[str], list[str]]:
    """Return dependencies as poetry writes them, and what cannot be written so."""
    if not isinstance(wanted, list):
        return [], [str(name) for name in (wanted if isinstance(wanted, dict) else ())]
    known: dict[str, list[Requirement]] = {}
    lost = []
    for each in wanted:
        asked = _readable(each)
        if asked is None:
            lost.append(str(each))
        else:
            known.setdefault(canonicalize_name(asked.name), []).append(asked)
    rows = [_row(asked) for asked in list(known.values())[:MAX_NAMED]]
    return [*rows, "…"] if len(known) > MAX_NAMED else rows, lost


def _readable(written: object) -> Requirement | None:
    """Return a requirement that poetry can have, too; None for any other."""
    try:
        asked = Requirement(str(written))
    except InvalidRequirement:
        return None
    if asked.url:
        return asked if re.match(r"(?:git\+\w+|https?)://", asked.url) else None
    return asked if is_constraint(str(asked.specifier) or "*", major=1) else None


def _row(asked: list[Requirement]) -> str:
    """Return the line of one name, which a table has once: several are an array."""
    name = asked[0].name
    # A bare key with a dot in it would be a table in a table.
    key = f'"{name}"' if "." in name else name
    if len(asked) > 1:
        return f"{key} = [{', '.join(map(_table, asked))}]"
    [only] = asked
    if only.url or only.extras or only.marker:
        return f"{key} = {_table(only)}"
    return f'{key} = "{_versions(only)}"'


def _table(asked: Requirement) -> str:
    fields = _origin(asked.url) if asked.url else [f'version = "{_versions(asked)}"']
    if asked.extras:
        names = ", ".join(f'"{extra}"' for extra in sorted(asked.extras))
        fields.append(f"extras = [{names}]")
    if asked.marker:
        fields.append(f"markers = '{str(asked.marker).replace(chr(39), chr(34))}'")
    return f"{{ {', '.join(fields)} }}"


def _versions(asked: Requirement) -> str:
    return str(asked.specifier) or "*"


def _origin(url: str) -> list[str]:
    """Return where a package comes from; poetry has a key for each part of the URL."""
    if not url.startswith("git+"):
        return [f'url = "{show(url, limit=None)}"']
    where, _, fragment = url.removeprefix("git+").partition("#")
    host, slash, path = where.partition("://")[2].partition("/")
    path, _, revision = path.partition("@")
    scheme = where.partition("://")[0]
    fields = [("git", f"{scheme}://{host}{slash}{path}"), ("rev", revision)]
    below = parse_qs(fragment).get("subdirectory", [])
    fields += [("subdirectory", folder) for folder in below[:1]]
    return [f'{key} = "{show(value, limit=None)}"' for key, value in fields if value]
