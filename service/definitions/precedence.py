"""Which file of a directory is its definition.

The order is the buildpacks': their groups look for `Pipfile`, `requirements.txt`,
`package-list.txt` or `environment.yml`, a pyproject.toml for poetry, and `uv.lock`, in
this order, and the first one that matches builds. All are looked for in the context
directory only, by their exact names. Where conda builds, it reads package-list.txt and
nothing else as soon as that is there:
https://github.com/paketo-buildpacks/conda-env-update/blob/main/conda_runner.go
"""

import posixpath
from dataclasses import dataclass, replace
from typing import Final

from service.definitions.links import Found, joined
from service.definitions.pyproject import is_of_poetry
from service.definitions.questions import Asking
from service.definitions.reading import Reading
from service.definitions.tables import Table, peek_toml, read_toml
from service.definitions.words import show
from service.domain.definition import Kind
from service.domain.findings import Severity

__all__ = ["CANDIDATES", "Choice", "choose", "remark_others", "settle_directory"]

_BY_NAME: Final = {
    "Pipfile": Kind.PIPENV,
    "requirements.txt": Kind.PIP,
    "package-list.txt": Kind.CONDA,
    "environment.yml": Kind.CONDA,
}
CANDIDATES: Final = (*_BY_NAME, "pyproject.toml", "uv.lock")
"""In order of precedence."""

_MISNAMED: Final = "environment.yaml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The file that defines the environment."""

    kind: Kind
    found: Found
    document: Table | None = None
    """Of a pyproject.toml that could be parsed."""
    others: tuple[Found, ...] = ()
    """Files of lower precedence that would define an environment, too."""

    @property
    def is_list(self) -> bool:
        """Say whether it is conda's list of packages, and no environment file."""
        return posixpath.basename(self.found.path) == "package-list.txt"


def choose(reading: Reading) -> Asking[Choice | None]:
    """Choose the definition; None when there is none.

    The candidates before it become items, absent or useless as they are: that one of
    them appears is a change of the definition.
    """
    names = (*CANDIDATES, _MISNAMED)
    found = yield from _find(reading, names)
    choice = None
    for name, kind in _BY_NAME.items():
        if found[name].is_file:
            choice = Choice(kind=kind, found=found[name])
            break
        _pass_over(reading, found[name])
    if choice is None:
        choice = yield from _choose_pyproject(reading, found)
    _remark_misnamed(reading, found, choice)
    if choice is None:
        return None
    reading.add(choice.found, "definition")
    return replace(choice, others=(yield from _others(reading, found, choice)))


def settle_directory(reading: Reading) -> Asking[None]:
    """Take a context directory that is a link for the directory it leads to.

    Installers run in there, and `..` is above where they are.
    """
    named = reading.context_dir
    paths = (joined(named, name) or name for name in (*CANDIDATES, _MISNAMED))
    found = (yield from reading.files.find([named, *paths]))[named]
    if found.is_directory and found.links:
        reading.context_dir = found.real
        reading.add(found, "context", whole=False)


def remark_others(reading: Reading, choice: Choice) -> None:
    """Say which one wins when a person may think of another.

    Files that the definition itself pulls in are not in its way.
    """
    winner = posixpath.basename(choice.found.path)
    others = [
        posixpath.basename(it.path) for it in choice.others if not reading.has(it.path)
    ]
    if others:
        reading.remark(
            Severity.WARNING,
            "several_definitions",
            f"{winner} and {' and '.join(others)} are both here; {winner} wins,"
            " because the build looks for it first, and the rest defines nothing."
            f" Remove {winner} to build from {others[0]}.",
            path=choice.found.path,
        )


def _find(reading: Reading, names: tuple[str, ...]) -> Asking[dict[str, Found]]:
    paths = {name: joined(reading.context_dir, name) or name for name in names}
    found = yield from reading.files.find(paths.values())
    return {name: found[path] for name, path in paths.items()}


def _choose_pyproject(
    reading: Reading, found: dict[str, Found]
) -> Asking[Choice | None]:
    pyproject, lock = found["pyproject.toml"], found["uv.lock"]
    if not pyproject.is_file:
        _pass_over(reading, pyproject)
        _pass_over(reading, lock)
        if lock.is_file:
            _remark_lonely_lock(reading, lock)
        return None
    document = yield from read_toml(reading, pyproject)
    kind = _kind(document, has_lock=lock.is_file)
    if kind is None:
        reading.add(pyproject, "candidate")
        _pass_over(reading, lock)
        return None
    if not lock.is_file and not is_of_poetry(document or {}):
        # A lock would hand the project to uv.
        _pass_over(reading, lock)
    return Choice(kind=kind, found=pyproject, document=document)


def _kind(document: Table | None, *, has_lock: bool) -> Kind | None:
    """Say what installs from a pyproject.toml; None when nothing does.

    The buildpacks' poetry group matches any pyproject.toml that names a Python
    version, whoever it was written for, and stands before the uv group; read to the
    letter, no uv project would ever be built by uv. Yet the platform documents and
    ships uv projects (pyproject.toml with uv.lock). So poetry gets what is poetry's:
    a [tool.poetry] table or poetry's build backend. Of the rest, uv gets what it has
    locked, and any other [project] goes to poetry as the letter says, with a finding
    that poetry will refuse it. A file of tool tables only defines no environment.
    """
    if document is None:
        return Kind.UV if has_lock else Kind.POETRY
    if is_of_poetry(document):
        return Kind.POETRY
    if has_lock:
        return Kind.UV
    return Kind.POETRY if "project" in document else None


def _pass_over(reading: Reading, found: Found) -> None:
    """Make a candidate that was not chosen part of the closure."""
    reading.add(found, "candidate", whole=found.is_file)
    if found.is_absent or found.is_file or found.trouble is not None:
        return
    reading.remark(
        Severity.WARNING,
        "not_a_file",
        f"{show(found.path)} is a directory, so it is no definition; rename it if"
        " it is not meant to be one.",
        path=found.path,
    )


def _remark_misnamed(
    reading: Reading, found: dict[str, Found], choice: Choice | None
) -> None:
    misnamed = found[_MISNAMED]
    if not misnamed.is_file or found["environment.yml"].is_file:
        return
    reading.remark(
        Severity.WARNING if choice else Severity.ERROR,
        "environment_yaml_name",
        f"{show(misnamed.path)} is not read, because the build only knows the name"
        " environment.yml; rename it.",
        path=misnamed.path,
    )


def _remark_lonely_lock(reading: Reading, lock: Found) -> None:
    reading.remark(
        Severity.ERROR,
        "uv_lock_alone",
        f"{show(lock.path)} is here without its pyproject.toml, so uv cannot install"
        " from it; commit pyproject.toml beside it.",
        path=lock.path,
    )


def _others(
    reading: Reading, found: dict[str, Found], choice: Choice
) -> Asking[tuple[Found, ...]]:
    winner = posixpath.basename(choice.found.path)
    names = CANDIDATES[CANDIDATES.index(winner) + 1 : -1]
    others = [name for name in names if found[name].is_file]
    if "pyproject.toml" in others and not (yield from _is_definition(reading, found)):
        others.remove("pyproject.toml")
    return tuple(found[name] for name in others)


def _is_definition(reading: Reading, found: dict[str, Found]) -> Asking[bool]:
    """Say whether pyproject.toml would define an environment if it were alone."""
    it = found["pyproject.toml"]
    raw = yield from reading.files.content(it.entry.oid, it.real)
    document = peek_toml(raw)
    has_lock = found["uv.lock"].is_file
    return document is not None and _kind(document, has_lock=has_lock) is not None
