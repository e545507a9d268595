"""Checks of uv.lock: whether uv can read it, and whether it fits the project.

Every rule was tried with uv itself. A lock that uv wrote passes them all; one that was
merged or edited by hand may not.
"""

from typing import Final

from packaging.utils import canonicalize_name

from service.definitions.closure_builder import Reading
from service.definitions.declared import may_hold
from service.definitions.formats.toml_json import Table, list_tables, table, text, texts
from service.definitions.formats.toml_lines import TomlLines
from service.definitions.paths import join_path
from service.definitions.python.interpreters import has_interpreter
from service.definitions.queries import Asking
from service.definitions.text import show
from service.definitions.uv.lock_faults import LockFault, find_lock_fault
from service.domain.findings import Severity

__all__ = ["check_uv_lock"]

LOCK_SCHEMA: Final = 1
"""The only schema version so far: https://docs.astral.sh/uv/reference/internals/resolver/."""
LOCK_REVISION: Final = 5
"""The last revision that was compared with uv. Later ones may hold more, and are read
by every uv: https://docs.astral.sh/uv/reference/internals/resolver/."""


def check_uv_lock(reading: Reading, lock: Table, document: Table) -> Asking[bool]:
    """Return whether uv accepts a lock; report why it does not."""
    path = join_path(reading.context_dir, "uv.lock") or "uv.lock"
    fault = _find_fault(reading, lock, document)
    if fault is None:
        return True
    found = (yield from reading.files.find([path]))[path]
    raw = yield from reading.files.content(found.entry.oid, found.real)
    lines = TomlLines(raw or b"") if fault.keys else None
    line = lines.line_of(*fault.keys, word=fault.word) if lines else None
    reading.remark(
        Severity.ERROR,
        fault.code,
        f"{show(path)} {fault.why}; run `uv lock` and commit the result. The build"
        " would fail.",
        path=path,
        line=line or 1,
    )
    return False


def _find_fault(reading: Reading, lock: Table, document: Table) -> LockFault | None:
    schema, revision = lock.get("version"), lock.get("revision", 0)
    if schema != LOCK_SCHEMA or isinstance(schema, bool):
        seen = "no schema version" if schema is None else f"schema version {schema}"
        why = f"has {show(seen)}, and uv reads version {LOCK_SCHEMA}"
        return LockFault(code="lock_schema", why=why)
    is_known = not isinstance(revision, int) or revision <= LOCK_REVISION
    if is_known and (fault := find_lock_fault(lock)):
        return fault
    if why := _find_other_platform(reading, lock):
        return LockFault(code="lock_platform", why=why)
    name = text(table(document, "project").get("name"))
    names = {text(package.get("name")) for package in list_tables(lock.get("package"))}
    if name and canonicalize_name(name) not in names:
        why = f"does not hold the project {show(name)}"
        return LockFault(code="stale_lock", why=why)
    return None


def _find_other_platform(reading: Reading, lock: Table) -> str:
    """Return why a lock supports no image; empty when it supports one."""
    python = text(lock.get("requires-python")) or ""
    if not has_interpreter(python, reading.tools.pythons):
        return f"is for Python {show(python)}, which builds do not have"
    markers = texts(lock.get("supported-markers"))
    if markers and not any(may_hold(marker) for marker in markers):
        return (
            f"is for {show(' or '.join(markers))} alone, and images are Linux's; add"
            " sys_platform == 'linux' to environments under [tool.uv]"
        )
    return ""
