"""The Python version in a `.python-version` file, which uv reads.

https://docs.astral.sh/uv/concepts/python-versions/#python-version-files
"""

import re
from collections.abc import Iterator
from typing import Final

from service.definitions.closure_builder import Reading
from service.definitions.formats.toml_json import canonical
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

_VERSION: Final = re.compile(
    r"(?:v|(?:c?python|cp|py)[-@]?)?(?P<version>\d+(?:\.\d+){0,2})(?P<rest>-.*)?",
    re.IGNORECASE,
)
_OTHER: Final = re.compile(
    r"(?:pypy|pp|graalpy|gp|pyodide)\d*(?:[@.-].*)?|.*\d(?:t|\+freethreaded)"
    r"|[\d.]+(?:a|b|rc)\d+|[^/].*/.*",
    re.IGNORECASE,
)
"""Python implementations, builds and paths that images do not have."""
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
    requests = list(_requests(raw))
    # uv uses the first request only.
    reading.mean("python-version", canonical([text for _, text in requests[:1]]))
    if not requests:
        return
    line, request = requests[0]
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


def _requests(raw: bytes) -> Iterator[tuple[int, str]]:
    lines = raw.decode("utf-8", "replace").splitlines()
    for number, line in enumerate(lines, start=1):
        if (request := line.strip()) and not request.startswith("#"):
            yield number, request


def _specifier(request: str) -> str | None:
    """Return a request as a version specifier; None when it is no version."""
    if request[0] in "<>=~!":
        return specifier(request)
    match = _VERSION.fullmatch(request)
    if match is None or (match["rest"] and not _is_platform(match["rest"])):
        return None
    version = match["version"]
    if "." not in version and version[1:]:  # as in cp312
        version = f"{version[0]}.{version[1:]}"
    return from_version(version)


def _is_platform(rest: str) -> bool:
    return rest.startswith("-linux")


def _is_of_other_system(request: str) -> bool:
    match = _VERSION.fullmatch(request)
    return bool(match and match["rest"] and _OTHER_SYSTEM.search(match["rest"]))


def _overlap(wanted: str, allowed: str | None) -> bool:
    """Return whether some release satisfies both a request and requires-python."""
    return (
        allowed is None
        or not has_interpreter(wanted, EVER)
        or has_interpreter(f"{wanted},{allowed}", EVER)
    )


def _remark(
    reading: Reading, found: ResolvedPath, line: int, code: str, what: str
) -> None:
    reading.remark(
        Severity.ERROR,
        code,
        f"{show(found.path)} {what}.",
        path=found.path,
        line=line,
    )
