"""Pipenv: a Pipfile for people, Pipfile.lock for machines."""

from typing import Final

from service.definitions.closure_builder import Reading
from service.definitions.declared import declare_pipfile
from service.definitions.formats.local_paths import LocalPath
from service.definitions.formats.toml_json import (
    Table,
    canonical,
    list_tables,
    read_toml,
    table,
    text,
)
from service.definitions.kinds.lock_files import (
    check_lock,
    follow_lock,
    follow_locked,
)
from service.definitions.kinds.spec import Choice, KindSpec
from service.definitions.local.projects import (
    follow_paths,
)
from service.definitions.locks.files import is_pipfile_lock_stale, lock_meaning
from service.definitions.locks.meaning import (
    pipfile_lock_meaning,
    pipfile_meaning,
)
from service.definitions.python.interpreters import check_interpreter
from service.definitions.python.versions import from_version
from service.definitions.queries import Asking
from service.domain.definition import Kind

__all__ = ["SPEC"]


def _follow(reading: Reading, choice: Choice) -> Asking[None]:
    """Read a Pipfile and Pipfile.lock."""
    found = choice.found
    pipfile = yield from read_toml(reading, found, is_chosen=True)
    if pipfile is not None:
        declare_pipfile(reading, pipfile)
        requires = table(pipfile, "requires")
        reading.python = from_version(
            text(requires.get("python_full_version"))
            or text(requires.get("python_version"))
        )
        check_interpreter(reading, found.path, reading.python, None)
    lock = yield from follow_lock(reading, "Pipfile.lock")
    if lock is not None and pipfile is not None:
        is_stale = is_pipfile_lock_stale(pipfile, lock)
        check_lock(reading, "Pipfile.lock", is_stale=is_stale)
    _mean(reading, pipfile, lock)
    reading.optional.ask_all()
    if pipfile is not None:
        paths = _pipfile_paths(pipfile, is_locked=lock is not None)
        yield from follow_paths(reading, reading.context_dir, found.path, paths)
    if lock is not None:
        paths = _pipfile_paths(lock, is_locked=True)
        yield from follow_locked(reading, "Pipfile.lock", paths)


def _mean(reading: Reading, pipfile: Table | None, lock: Table | None) -> None:
    is_settled = (
        pipfile is not None
        and lock is not None
        and "sha256" in table(lock, "_meta", "hash")
        and "source" in pipfile
        and not is_pipfile_lock_stale(pipfile, lock)
        and not reading.has_errors
    )
    if pipfile is not None:
        # Scripts are run by people, not by an installation.
        read = {key: item for key, item in pipfile.items() if key != "scripts"}
        settled = pipfile_meaning(pipfile)
        reading.mean("pipfile", settled if is_settled else canonical(read))
    if lock is not None:
        read_lock = pipfile_lock_meaning if is_settled else lock_meaning
        reading.mean("lock", "Pipfile.lock", read_lock(lock))


def _pipfile_paths(document: Table, *, is_locked: bool) -> list[LocalPath]:
    """List the projects and archives of a Pipfile, or of its lock.

    Once there is a lock, a build needs what the lock names for it, and no other.
    """
    paths = []
    for group, wanted in document.items():
        is_needed = group == "default" or not is_locked
        for entry in list_tables(
            list(wanted.values()) if isinstance(wanted, dict) else []
        ):
            path = text(entry.get("path")) or text(entry.get("file"))
            if path and "://" not in path:
                is_editable = entry.get("editable") is True
                paths.append(
                    LocalPath(path=path, is_editable=is_editable, is_needed=is_needed)
                )
    return paths


SPEC: Final = KindSpec(
    kind=Kind.PIPENV,
    names=("Pipfile",),
    follow=_follow,
    installs_declared=True,
    instead="export it with `pipenv requirements > requirements.txt` and remove the "
    "Pipfile, or use another builder",
)
