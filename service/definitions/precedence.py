"""Choose which file of a directory is its definition.

`service.definitions.registry` has the order. All candidates are looked for in the
context directory only, by their exact names.
"""

import posixpath
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Final

from service.definitions.closure_builder import Reading
from service.definitions.formats.toml_json import Table, peek_toml, read_toml
from service.definitions.kinds.names import CANDIDATES, LOCKS, PROJECT
from service.definitions.kinds.spec import Choice
from service.definitions.paths import ResolvedPath, join_path
from service.definitions.queries import Asking
from service.definitions.registry import KINDS
from service.definitions.text import show
from service.domain.definition import Kind
from service.domain.findings import Severity

__all__ = ["choose", "remark_others", "settle_directory"]

_MISNAMED: Final = "environment.yaml"
_LOOKED_FOR: Final = (*CANDIDATES, *LOCKS, _MISNAMED)
_BY_NAME: Final = tuple((name, spec.kind) for spec in KINDS for name in spec.names)


def choose(reading: Reading) -> Asking[Choice | None]:
    """Choose the definition; None when there is none.

    The candidates before it become items, absent or useless as they are: that one of
    them appears is a change of the definition.
    """
    found = yield from _find(reading, _LOOKED_FOR)
    choice = None
    # The order is that of the build's own detection; another one here would watch a
    # file that the build does not install from.
    for name, kind in _BY_NAME:
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
    paths = (join_path(named, name) or name for name in _LOOKED_FOR)
    found = (yield from reading.files.find([named, *paths]))[named]
    if found.is_directory and found.links:
        reading.context_dir = found.real
        reading.add(found, "context", whole=False)


def remark_others(reading: Reading, choice: Choice) -> None:
    """Report which definition wins over the others that exist.

    Files that the definition itself pulls in are not in its way.
    """
    winner = choice.name
    others = [
        posixpath.basename(path.path)
        for path in choice.others
        if not reading.has(path.path)
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


def _find(reading: Reading, names: tuple[str, ...]) -> Asking[dict[str, ResolvedPath]]:
    paths = {name: join_path(reading.context_dir, name) or name for name in names}
    found = yield from reading.files.find(paths.values())
    return {name: found[path] for name, path in paths.items()}


def _choose_pyproject(
    reading: Reading, found: dict[str, ResolvedPath]
) -> Asking[Choice | None]:
    pyproject, present = found[PROJECT], _locks_in(found)
    if not pyproject.is_file:
        for path in (pyproject, *(found[name] for name in LOCKS)):
            _pass_over(reading, path)
        _remark_lonely_locks(reading, found)
        return None
    is_of_uv = "uv.lock" in present
    document = yield from read_toml(
        reading, pyproject, is_chosen=True, is_of_uv=is_of_uv
    )
    kind = _kind(document, present)
    if kind is None:
        reading.add(pyproject, "candidate")
        _remark_no_project(reading, pyproject)
    for name in LOCKS:
        # A lock that appears would hand the project to another installer.
        # Only those locks that would change the installer: others would make an
        # unrelated file part of the definition.
        if kind is None or (
            name not in present and _kind(document, {*present, name}) is not kind
        ):
            _pass_over(reading, found[name])
    if is_of_uv and document is not None and kind is not Kind.UV:
        # By the rules of who reads it: poetry and pip refuse a byte order mark.
        document = yield from read_toml(reading, pyproject, is_chosen=True)
    return Choice(kind=kind, found=pyproject, document=document) if kind else None


def _kind(document: Table | None, locks: Collection[str]) -> Kind | None:
    """Return what installs from a pyproject.toml; None when nothing does."""
    claims = (spec for spec in KINDS if spec.claims and spec.claims(document, locks))
    return next((spec.kind for spec in claims), None)


def _locks_in(found: Mapping[str, ResolvedPath]) -> Collection[str]:
    return frozenset(name for name in LOCKS if found[name].is_file)


def _pass_over(reading: Reading, found: ResolvedPath) -> None:
    """Make a candidate that was not chosen part of the closure."""
    # A directory counts by its presence alone; its id changes with every file in it.
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
    reading: Reading, found: dict[str, ResolvedPath], choice: Choice | None
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


def _remark_no_project(reading: Reading, pyproject: ResolvedPath) -> None:
    reading.remark(
        Severity.WARNING,
        "not_a_definition",
        f"{show(pyproject.path)} is here, but nothing is installed from it, because it"
        " has neither a table [project] nor a table [tool.poetry]; add one, or correct"
        " its name.",
        path=pyproject.path,
    )


def _remark_lonely_locks(reading: Reading, found: Mapping[str, ResolvedPath]) -> None:
    locks = [(spec.kind.value, name) for spec in KINDS for name in spec.locks]
    for installer, name in locks:
        if found[name].is_file:
            reading.remark(
                Severity.ERROR,
                f"{installer}_lock_alone",
                f"{show(found[name].path)} is here without its {PROJECT}, so"
                f" {installer} cannot install from it; commit {PROJECT} beside it.",
                path=found[name].path,
            )


def _others(
    reading: Reading, found: dict[str, ResolvedPath], choice: Choice
) -> Asking[tuple[ResolvedPath, ...]]:
    winner = choice.name
    names = CANDIDATES[CANDIDATES.index(winner) + 1 :]
    others = [name for name in names if found[name].is_file]
    if PROJECT in others and not (yield from _is_definition(reading, found)):
        others.remove(PROJECT)
    return tuple(found[name] for name in others)


def _is_definition(reading: Reading, found: dict[str, ResolvedPath]) -> Asking[bool]:
    """Return whether pyproject.toml would define an environment if it were alone."""
    pyproject = found[PROJECT]
    raw = yield from reading.files.content(pyproject.entry.oid, pyproject.real)
    document = peek_toml(raw)
    return document is not None and _kind(document, _locks_in(found)) is not None
