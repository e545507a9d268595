"""The Python version in a `.python-version` file, which uv reads.

https://docs.astral.sh/uv/concepts/python-versions/#python-version-files
"""

import re
from collections.abc import Iterator
from itertools import takewhile
from typing import Final

from service.definitions.closure_builder import Reading
from service.definitions.formats.toml_json import canonical, remark_syntax
from service.definitions.paths import ResolvedPath, join_path
from service.definitions.python.interpreters import (
    EVER,
    check_interpreter,
    has_interpreter,
)
from service.definitions.python.versions import from_version, specifier
from service.definitions.queries import Asking
from service.definitions.text import show
from service.domain.findings import Severity

__all__ = ["follow_python_version"]

_RELEASE: Final = r"(?P<version>\d{1,3}|\d+\.\d+(?:\.\d+)?)"
_PLAIN: Final = re.compile(rf"(?:v|(?:c?python|cp)@?)?{_RELEASE}", re.IGNORECASE)
_KEY: Final = re.compile(
    rf"(?:(?:cpython|cp|any)-)?v?{_RELEASE}(?P<platform>-.*)?", re.IGNORECASE
)
"""A version with a platform: `cpython-3.12-linux-x86_64-gnu`; unlike a plain version,
uv does not know it by the name `python`."""
_RANGE: Final = re.compile(
    r"(?:(?:c?python|cp)@?|(?:cpython|cp|any)-)?(?P<range>[<>=!~].*)", re.IGNORECASE
)
_LINUX: Final = re.compile(
    r"-(?:linux|any)(?:-(?:x86_64|aarch64|any)(?:-(?:gnu|musl|any))?)?", re.IGNORECASE
)
_OTHER: Final = re.compile(
    r"(?:pypy|pp|graalpy|gp|pyodide)\d*(?:[@.-].*)?"
    r"|(?:v|(?:c?python|cp)@?|(?:cpython|cp|any)-)?\d[\d.]*"
    r"(?:t|d|\+freethreaded|\+debug|(?:a|b|rc)\d+)"
    r"|[^/].*/.*",
    re.IGNORECASE,
)
"""Python implementations, builds and paths that images do not have."""
_ANY: Final = re.compile("any|default|cpython|cp", re.IGNORECASE)
_OTHER_SYSTEM: Final = re.compile(r"macos|darwin|windows", re.IGNORECASE)


def follow_python_version(reading: Reading) -> Asking[None]:
    """Read .python-version, or .python-versions if it is missing."""
    for name in (".python-version", ".python-versions"):
        path = join_path(reading.context_dir, name) or name
        found = yield from reading.take(path, "python")
        if not found.is_file:
            reading.mean_bytes(found)
            continue
        raw = yield from reading.read(found)
        if raw is not None:
            _read(reading, found, raw)
        return


def _read(reading: Reading, found: ResolvedPath, raw: bytes) -> None:
    try:
        requests = list(_requests(raw.decode("utf-8")))
    except UnicodeDecodeError as exc:
        line = raw.count(b"\n", 0, exc.start) + 1
        remark_syntax(reading, found.path, "it is not UTF-8", line)
        reading.mean_bytes(found)
        return
    # uv uses the first request that it understands.
    ignored = list(takewhile(lambda one: not _is_understood(one[1]), requests))
    used = len(ignored) + 1
    reading.mean("python-version", canonical([text for _, text in requests[:used]]))
    if ignored:
        line, request = ignored[0]
        _remark(
            reading,
            found,
            line,
            "python_ignored",
            f"asks for {show(request)}, which uv ignores: it is no version of Python."
            " Name one, such as 3.12",
            severity=Severity.WARNING,
        )
    if len(requests) < used:
        return
    line, request = requests[used - 1]
    wanted = _specifier(request)
    if wanted is not None:
        allowed = reading.python
        if not _overlap(wanted, allowed):
            _remark(
                reading,
                found,
                line,
                "python_conflict",
                f"asks for Python {show(request)}, and requires-python in"
                f" pyproject.toml is {allowed}; the build would fail. Let them agree",
            )
        else:
            check_interpreter(reading, found.path, wanted, line)
        reading.python = wanted
    elif _OTHER.fullmatch(request) or _is_of_other_system(request):
        _remark(
            reading,
            found,
            line,
            "no_interpreter",
            f"asks for {show(request)}, which builds do not have; the build would"
            " fail. Name a version of Python, such as 3.12",
        )


def _requests(content: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(content.splitlines(), start=1):
        if (request := line.strip()) and not request.startswith("#"):
            yield number, request


def _specifier(request: str) -> str | None:
    """Return a request as a version specifier; None when it is no version."""
    if match := _RANGE.fullmatch(request):
        return specifier(match["range"])
    match = _PLAIN.fullmatch(request)
    if match is None:
        match = _KEY.fullmatch(request)
        if match is None or not _LINUX.fullmatch(match["platform"] or "-any"):
            return None
    version = match["version"]
    if "." not in version and version[1:]:  # as in cp312
        version = f"{version[0]}.{version[1:]}"
    return from_version(version)


def _is_understood(request: str) -> bool:
    """Return whether uv surely chooses a Python by a request.

    Others it takes for the name of a program, and ignores: what stands behind one of
    them counts too.
    """
    is_other = _ANY.fullmatch(request) or _OTHER.fullmatch(request)
    return bool(is_other) or _is_of_other_system(request) or bool(_specifier(request))


def _is_of_other_system(request: str) -> bool:
    match = _KEY.fullmatch(request)
    return bool(match and match["platform"] and _OTHER_SYSTEM.search(match["platform"]))


def _overlap(wanted: str, allowed: str | None) -> bool:
    """Return whether some release satisfies both a request and requires-python."""
    return (
        allowed is None
        or not has_interpreter(wanted, EVER)
        or has_interpreter(f"{wanted},{allowed}", EVER)
    )


def _remark(
    reading: Reading,
    found: ResolvedPath,
    line: int,
    code: str,
    what: str,
    *,
    severity: Severity = Severity.ERROR,
) -> None:
    reading.remark(
        severity,
        code,
        f"{show(found.path)} {what}.",
        path=found.path,
        line=line,
    )
