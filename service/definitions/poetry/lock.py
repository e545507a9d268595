"""Checks of poetry.lock: whether it can be read, is current and is complete.

Every rule was tried with poetry 1.8.3 and 2.5.1. A lock that poetry wrote passes them
all; one that was merged or edited by hand may not, and poetry then says little more
than the name of the key that it misses.
"""

from collections.abc import Iterator

from packaging.utils import canonicalize_name

from service.definitions.closure_builder import Reading
from service.definitions.formats.toml_json import Table, list_tables, table, text
from service.definitions.locks.files import is_poetry_lock_stale
from service.definitions.paths import join_path
from service.definitions.poetry.versions import is_constraint, is_version
from service.definitions.text import show
from service.domain.findings import Severity

__all__ = ["check_poetry_lock"]

_REQUIRED = ("name", "version", "optional", "python-versions")
_CONDITIONS = ("markers", "platform", "python")
"""Keys by which poetry may pass over a dependency when it solves."""


def check_poetry_lock(reading: Reading, document: Table, lock: Table) -> None:
    """Report a lock file that poetry would refuse.

    Version 1 accepts locks of version 2 with a warning; both refuse a stale digest.
    """
    code, why = _find_trouble(reading, document, lock)
    if not code:
        return
    path = join_path(reading.context_dir, "poetry.lock") or "poetry.lock"
    if code == "stale_lock" and is_poetry_lock_stale(document, lock, is_modern=True):
        # By no version's digest: whatever else is edited, poetry gets no further.
        reading.refuse("poetry.lock", code)
    reading.remark(
        Severity.ERROR,
        code,
        f"{show(path)} {why}, and poetry {reading.tools.poetry} refuses it; run"
        " `poetry lock` with that version and commit the result. The build would fail.",
        path=path,
        line=1,
    )


def _find_trouble(reading: Reading, document: Table, lock: Table) -> tuple[str, str]:
    """Return the code of the first trouble, and what it is; empty without any."""
    metadata = table(lock, "metadata")
    version = metadata.get("lock-version", "1.0")
    if "metadata" not in lock:
        return "lock_schema", "has no [metadata]"
    if not isinstance(version, str) or not version.startswith(("1.", "2.")):
        return "lock_schema", f"has lock-version {show(str(version))}"
    if is_poetry_lock_stale(document, lock, is_modern=reading.tools.reads_project):
        return "stale_lock", "was not made from this pyproject.toml"
    why = _find_gap(lock, is_modern=reading.tools.reads_project)
    if why:
        return "lock_schema", why
    # Of a lock that says which group needs what, poetry 2 installs what is there and
    # solves nothing.
    is_solved = not (reading.tools.reads_project and version == "2.1")
    missing = next(_find_missing(document, lock), None)
    if is_solved and missing is not None:
        return "lock_incomplete", f"lacks {show(missing)}"
    return "", ""


def _find_gap(lock: Table, *, is_modern: bool) -> str:
    """Return what poetry cannot read in a lock; empty when there is nothing."""
    if not isinstance(lock.get("package"), list):
        return "has no list of packages"
    metadata = table(lock, "metadata")
    has_files = "files" in metadata
    has_groups = is_modern and metadata.get("lock-version") == "2.1"
    others = ("groups",) if has_groups else ()
    for package in list_tables(lock["package"]):
        why = (
            _find_missing_key(package, has_files=has_files, others=others)
            or _find_bad_version(package)
            or _find_bad_source(package)
        )
        if why:
            return f"has {show(str(package.get('name', 'a package')))} {why}"
    return ""


def _find_missing_key(
    package: Table, *, has_files: bool, others: tuple[str, ...]
) -> str:
    required = [*_REQUIRED, *([] if has_files else ["files"])]
    missing = [key for key in [*required, *others] if key not in package]
    return f"without its {missing[0]}" if missing else ""


def _find_bad_version(package: Table) -> str:
    if not is_version(str(package["version"])):
        return f"in the version {show(str(package['version']))}"
    wanted = [("Python", package.get("python-versions", "*"))]
    wanted += table(package, "dependencies").items()
    for name, constraint in wanted:
        # Locks write every version as poetry 1 did; tables and lists are not checked.
        if isinstance(constraint, dict | list):
            continue
        if not isinstance(constraint, str) or not is_constraint(constraint, major=1):
            return f"that wants {show(name)} {show(repr(constraint))}"
    return ""


def _find_bad_source(package: Table) -> str:
    source = table(package, "source")
    if "source" in package and not (text(source.get("type")) and "url" in source):
        return "from a source without its type or URL"
    return ""


def _find_missing(document: Table, lock: Table) -> Iterator[str]:
    """Yield packages that poetry cannot solve without, and the lock lacks.

    Poetry solves the main group with its optional dependencies, asked for or not. Early
    releases left setuptools out of the lock, and every later one refuses that.
    """
    packages: dict[str, Table] = {
        canonicalize_name(text(package.get("name")) or ""): package
        for package in list_tables(lock.get("package"))
    }
    main = table(document, "tool", "poetry", "dependencies")
    wanted: list[str] = [*_always(main, _CONDITIONS)]
    seen: set[str] = {"python"}
    while wanted:
        name = wanted.pop(0)
        if name in seen:
            continue
        seen.add(name)
        if name not in packages:
            yield name
            continue
        inner = table(packages[name], "dependencies")
        wanted += _always(inner, (*_CONDITIONS, "optional"))


def _always(dependencies: Table, conditions: tuple[str, ...]) -> Iterator[str]:
    """Yield the names of dependencies without any of the conditions."""
    for name, wanted in dependencies.items():
        if isinstance(wanted, str) or (
            isinstance(wanted, dict) and not any(key in wanted for key in conditions)
        ):
            yield canonicalize_name(name)
