"""Poetry: a pyproject.toml for people, poetry.lock for machines."""

from collections.abc import Collection
from dataclasses import replace
from typing import Final

from service.definitions.closure_builder import Reading
from service.definitions.declared import declare_poetry
from service.definitions.formats.local_paths import poetry_paths
from service.definitions.formats.project_meaning import meaning
from service.definitions.formats.pyproject import is_of_poetry
from service.definitions.formats.toml_json import (
    Table,
    table,
    text,
)
from service.definitions.kinds.lock_files import (
    follow_lock,
    follow_locked,
    follow_settings,
)
from service.definitions.kinds.spec import Choice, KindSpec
from service.definitions.local.projects import (
    follow_paths,
    follow_project,
)
from service.definitions.locks.files import lock_meaning, poetry_lock_paths
from service.definitions.locks.meaning import (
    drop_package_keys,
    poetry_lock_meaning,
    poetry_meaning,
)
from service.definitions.locks.packages import needed_by_poetry
from service.definitions.paths import join_path
from service.definitions.poetry.lock import check_poetry_lock
from service.definitions.poetry.package import default_paths
from service.definitions.poetry.project import package_name
from service.definitions.poetry.validation import check_poetry
from service.definitions.python.versions import from_poetry, specifier
from service.definitions.queries import Asking
from service.domain.definition import Kind

__all__ = ["SPEC"]

_READ: Final = ("poetry.lock", "poetry.toml")
"""What is read for its meaning, so that its bytes do not count in a project's code."""


def _claims(document: Table | None, locks: Collection[str]) -> bool:
    """Claim what is poetry's, and any other [project] that nobody has locked.

    The buildpacks' poetry group matches any pyproject.toml that names a Python
    version, whoever it was written for, and stands before the uv group; read to the
    letter, no uv project would ever be built by uv. Yet the platform documents and
    ships uv projects (pyproject.toml with uv.lock). So poetry gets what is poetry's:
    a [tool.poetry] table or poetry's build backend. Of the rest, uv gets what it has
    locked, and any other [project] is passed to poetry nevertheless, with a finding
    that poetry will refuse it. A file of tool tables only defines no environment.
    """
    if document is None:
        return not locks
    return is_of_poetry(document) or ("project" in document and not locks)


def _follow(reading: Reading, choice: Choice) -> Asking[None]:
    """Read a pyproject.toml that poetry installs, and poetry.lock."""
    found, parsed = choice.found, choice.document
    document = parsed or {}
    poetry = table(document, "tool", "poetry")
    is_built = poetry.get("package-mode") is not False
    wanted = text(table(poetry, "dependencies").get("python"))
    requires = text(table(document, "project").get("requires-python"))
    reading.python = from_poetry(wanted) or specifier(requires)
    declare_poetry(reading, document)
    if parsed is not None:
        yield from check_poetry(reading, found, document)
    yield from follow_settings(reading, "poetry.toml")
    lock = yield from follow_lock(reading, "poetry.lock")
    if lock is not None and parsed is not None:
        check_poetry_lock(reading, document, lock)
    is_settled = lock is not None and parsed is not None and not reading.has_errors
    is_built = is_built and (yield from _has_package(reading, document))
    _mean(reading, document, lock, is_built=is_built, is_settled=is_settled)
    if is_built:
        yield from follow_project(
            reading, reading.context_dir, understood=_READ, is_locked=is_settled
        )
    yield from _follow_paths(reading, choice, lock, is_settled=is_settled)


def _mean(
    reading: Reading,
    document: Table,
    lock: Table | None,
    *,
    is_built: bool,
    is_settled: bool,
) -> None:
    if lock is None or not is_settled:
        if "poetry" in table(document, "tool") and not (is_built or reading.has_errors):
            document = drop_package_keys(document)
        read = meaning(document, installer="poetry", is_built=is_built)
        reading.mean("pyproject", read)
        if lock is not None:
            reading.mean("lock", "poetry.lock", lock_meaning(lock))
        return
    reading.mean("pyproject", poetry_meaning(document, lock))
    reading.mean("lock", "poetry.lock", poetry_lock_meaning(document, lock))


def _follow_paths(
    reading: Reading, choice: Choice, lock: Table | None, *, is_settled: bool
) -> Asking[None]:
    """Follow the projects and archives that poetry installs, or resolves with."""
    document = choice.document or {}
    paths = poetry_paths(document)
    if lock is None:
        # Poetry locks before it installs, and for that it reads every group.
        paths = (replace(path, is_needed=True) for path in paths)
        reading.optional.ask_all()
    owner = choice.found.path
    directory = reading.context_dir
    yield from follow_paths(
        reading, directory, owner, paths, is_code_of_all=not is_settled
    )
    if lock is not None:
        needed = needed_by_poetry(document, lock)
        locked = poetry_lock_paths(lock, needed=needed)
        yield from follow_locked(
            reading, "poetry.lock", locked, is_code_of_all=not is_settled
        )


def _has_package(reading: Reading, document: Table) -> Asking[bool]:
    """Return whether poetry has something to install; it continues otherwise.

    Tried with poetry 1.8.3, which runs a build script before it looks.
    """
    poetry = table(document, "tool", "poetry")
    name = package_name(reading, document)
    if not name or poetry.keys() & {"packages", "include", "build"}:
        return True
    paths = (join_path(reading.context_dir, place) for place in default_paths(name))
    found = yield from reading.files.find(path for path in paths if path is not None)
    for path in found.values():
        # Once one of them appears, the project is installed as well.
        reading.add(path, "package", whole=False)
    return any(not path.is_absent for path in found.values())


SPEC: Final = KindSpec(
    kind=Kind.POETRY, claims=_claims, follow=_follow, installs_declared=True
)
