"""The Python that a conda environment asks for."""

import re
from collections.abc import Iterable

from service.definitions.conda.findings import CondaRemarks
from service.definitions.conda.match_specs import (
    MalformedSpecError,
    normalize_spec,
    read_spec,
)
from service.definitions.python.interpreters import EVER, has_interpreter
from service.definitions.python.versions import from_conda
from service.domain.findings import Severity

__all__ = [
    "asked_pythons",
    "check_pythons",
    "check_word",
    "names_python",
    "series_of",
]

_PYTHON = re.compile(r"\s*(?:\S*::)?python\s*=", re.IGNORECASE)
_MAY_ASK = re.compile(r"\s*(?:\S*::)?python(?:$|[\s=<>!~\[])", re.IGNORECASE)
_OTHERS = re.compile(r"pypy|graalpy", re.IGNORECASE)
"""Other implementations of Python, by package or by build."""

_WORD = re.compile(
    r"\s*(?:\S*::)?(?P<name>[\w.-]+)(?:\s*={1,2}\s*|\s+)"
    r"(?P<word>[a-z]+|\d+(?:\.\d+)*\.x)\s*",
    re.IGNORECASE,
)
"""A version that conda compares as a text, and no release has."""
_NEWEST = frozenset({"any", "latest", "newest"})


def names_python(dependency: object) -> bool:
    """Return whether a dependency gives the version of Python."""
    return isinstance(dependency, str) and _PYTHON.match(dependency) is not None


def asked_pythons(dependencies: Iterable[object]) -> list[str]:
    """Return the versions of Python that are asked for, as specifiers, each once."""
    asked = set()
    for dependency in dependencies:
        if isinstance(dependency, str) and _MAY_ASK.match(dependency):
            try:
                wanted = from_conda(normalize_spec(read_spec(dependency).text))
            except MalformedSpecError:  # reported by its own check
                continue
            asked |= {wanted} if wanted else set()
    return sorted(asked)


def series_of(dependencies: Iterable[object]) -> tuple[str, ...]:
    """Return the series of CPython of which conda installs one; none where any may."""
    named = [item for item in dependencies if isinstance(item, str)]
    asked = asked_pythons(named)
    if not asked or any(_OTHERS.search(item) for item in named):
        return ()
    return tuple(
        series
        for series in EVER
        if all(has_interpreter(wanted, (series,)) for wanted in asked)
    )


def check_word(remarks: CondaRemarks, dependency: str, place: int) -> None:
    """Report a word in place of a version."""
    match = _WORD.fullmatch(dependency)
    if match is None:
        return
    name, word = match["name"].lower(), match["word"].lower()
    if name != "python" and word not in _NEWEST:
        return
    fix = f"write {name} alone for any version"
    if word.endswith(".x"):
        fix = f"write python={word.removesuffix('.x')} for all of its releases"
    remarks.remark(
        Severity.ERROR if name == "python" else Severity.WARNING,
        "no_interpreter" if name == "python" else "no_version",
        f"no channel has a {name} of the version “{word}”, so the build would fail;"
        f" {fix}.",
        "dependencies",
        place,
    )


def check_pythons(remarks: CondaRemarks, asked: list[str]) -> None:
    """Report a Python that no channel has, and one that is asked for twice."""
    if len(asked) == 1 and not has_interpreter(asked[0], EVER):
        remarks.remark(
            Severity.ERROR,
            "no_interpreter",
            f"there is no Python {asked[0]} in any channel, so the build"
            " would fail; name one that there is.",
            "dependencies",
        )
    elif len(asked) == 1 and not has_interpreter(asked[0], EVER[1:]):
        remarks.remark(
            Severity.WARNING,
            "old_interpreter",
            "it asks for Python 2, of which channels have old releases only, and whose"
            " sessions no current JupyterLab can run; move to a Python 3.",
            "dependencies",
        )
    if len(asked) > 1:
        remarks.remark(
            Severity.WARNING,
            "python_conflict",
            f"python is asked for more than once ({' and '.join(asked)}); keep"
            " one of them.",
            "dependencies",
        )
