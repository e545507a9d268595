"""What uv refuses in a uv.lock, whatever its project is: the first fault of it.

https://github.com/astral-sh/uv/blob/main/crates/uv-resolver/src/lock/mod.rs
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote

from packaging.utils import canonicalize_name
from packaging.version import Version
from pydantic import ValidationError
from pydantic_core import Url as AnyUrl

from service.definitions.formats.toml_lines import Keys
from service.definitions.formats.values import Table, text
from service.definitions.text import show
from service.definitions.uv.fitting import explain
from service.definitions.uv.lock_schema import (
    Dependency,
    LockedPackage,
    Source,
    UvLock,
    Wheel,
)

__all__ = ["LockFault", "find_lock_fault"]

_Id = tuple[str, Version | None, Source]
_TREES: Final = ("directory", "editable", "virtual")
"""Sources that are directories; a lock leaves out a version that is dynamic there."""


_ENTRY: Final = 2
"""How many tables are around the key of a package: itself, and the lock."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LockFault:
    """Why uv refuses a lock, and where."""

    code: str
    why: str
    keys: Keys = ()
    word: str = ""
    """A text on the line, where the value of a key takes several."""


def find_lock_fault(lock: Table) -> LockFault | None:
    """Return the first fault for which uv refuses a lock of its schema version."""
    try:
        read = UvLock.model_validate(lock)
    except ValidationError as exc:
        return _of_schema(lock, exc)
    except RecursionError:
        return None
    return next(_find_faults(read), None)


def _of_schema(lock: Table, error: ValidationError) -> LockFault:
    keys, why = next(explain(error))
    tables = list(_walk(lock, keys))
    where, word = ".".join(keys), ""
    if keys[0] == "package" and len(tables) > 1:
        package = text(tables[1].get("name")) or f"package {keys[1]}"
        where = " of ".join((".".join(keys[2:]), package) if keys[2:] else (package,))
    if len(tables) > _ENTRY:
        word = next(filter(None, map(text, tables[-1].values())), "")
    return LockFault(
        code="lock_schema",
        why=f"has what uv cannot read, {show(where)}: {why}",
        keys=keys,
        word=word,
    )


def _walk(value: object, keys: Keys) -> Iterator[Table]:
    """Yield the tables on the way to a key, from the outermost."""
    for key in keys:
        if isinstance(value, Mapping):
            yield value
            value = value.get(key)
        elif isinstance(value, list) and key.isdigit() and int(key) < len(value):
            value = value[int(key)]
        else:
            return


def _find_faults(lock: UvLock) -> Iterator[LockFault]:
    """Yield what does not fit together in a lock of which every value is right."""
    count = Counter(canonicalize_name(package.name) for package in lock.packages)
    single: dict[str, LockedPackage] = {
        canonicalize_name(package.name): package
        for package in lock.packages
        if count[canonicalize_name(package.name)] == 1
    }
    known: set[_Id] = set()
    for place, package in enumerate(lock.packages):
        keys = ("package", str(place))
        yield from _find_own_faults(package, keys)
        if _id_of(package) in known:
            why = f"holds {_show(package)} twice"
            yield LockFault(code="lock_schema", why=why, keys=keys)
        known.add(_id_of(package))
    for place, package in enumerate(lock.packages):
        for wanted, owner in _wanted_by(package):
            found = _find_dependency_faults(package, wanted, single, known)
            for code, name, why in found:
                where = ("package", str(place), *owner)
                yield LockFault(code=code, why=why, keys=where, word=f'"{name}"')


def _find_own_faults(package: LockedPackage, keys: Keys) -> Iterator[LockFault]:
    if package.source[0] == "registry" and package.version is None:
        why = f"has {show(package.name)} from a registry without its version"
        yield LockFault(code="lock_schema", why=why, keys=keys)
    needs_hash = _needs_hash(package.source)
    version = str(package.version or "")
    for wheel in package.wheels:
        name = _file_name(wheel)
        why = ""
        if version and not _is_of(name, version):
            why = f"has {show(name)} under {_show(package)}"
        elif needs_hash is not None and needs_hash != (wheel.hash is not None):
            what = "a" if wheel.hash else "no"
            source = f"a source of the kind {package.source[0]}"
            why = f"has {what} hash for {show(name)}, a wheel from {source}"
        if why:
            where = (*keys, "wheels")
            yield LockFault(code="lock_schema", why=why, keys=where, word=name)


def _find_dependency_faults(
    package: LockedPackage,
    wanted: Sequence[Dependency],
    single: Mapping[str, LockedPackage],
    known: set[_Id],
) -> Iterator[tuple[str, str, str]]:
    """Yield the code of what is wrong with dependencies, the name of one, and why."""
    seen = set()
    for dependency in wanted:
        name = canonicalize_name(dependency.name)
        only = single.get(name)
        source = dependency.source or (only.source if only else None)
        version = dependency.version or (only.version if only else None)
        extras = frozenset(map(canonicalize_name, dependency.extra))
        entry = (name, version, source, extras, dependency.marker)
        needed = (dependency.name, package.name)
        if (name, version, source) not in known:
            is_there = any(name == other for other, *_ in known)
            yield (
                "lock_incomplete",
                dependency.name,
                _missing(needed, is_there=is_there),
            )
        elif entry in seen:
            why = f"names {show(needed[0])} twice among what {show(needed[1])} needs"
            yield "lock_schema", dependency.name, why
        seen.add(entry)


def _missing(needed: tuple[str, str], *, is_there: bool) -> str:
    name, by = map(show, needed)
    if is_there:
        return f"has several {name}, and does not name the one that {by} needs"
    return f"lacks {name}, which {by} needs"


def _wanted_by(package: LockedPackage) -> Iterator[tuple[Sequence[Dependency], Keys]]:
    yield package.dependencies, ("dependencies",)
    for extra, wanted in package.optional_dependencies.items():
        yield wanted, ("optional-dependencies", extra)
    for group, wanted in package.dev_dependencies.items():
        yield wanted, ("dev-dependencies", group)


def _needs_hash(source: Source) -> bool | None:
    """Return whether wheels of a source have hashes; None where either is right."""
    match source[0]:
        case "registry":
            return None
        case "git":
            return _is_archive(source[1])
        case kind:
            return kind not in _TREES


def _is_archive(url: str) -> bool:
    """Return whether the URL of a commit names an archive in it."""
    return any(key == "path" for key, _ in AnyUrl(url).query_params())


def _is_of(wheel: str, version: str) -> bool:
    """Return whether the name of a wheel has a version, with its local part or not."""
    written = wheel.split("-")[1]
    if written == version:
        return True
    try:
        found = Version(written.replace("_", "-"))
        return Version(version) in (found, Version(found.public))
    except ValueError:  # also of a number with too many digits
        return False


def _file_name(wheel: Wheel) -> str:
    if wheel.url:
        wheel_url = wheel.url.partition("?")[0].partition("#")[0]
        return unquote(wheel_url.rpartition("/")[2])
    return wheel.path.rpartition("/")[2] or wheel.filename


def _id_of(package: LockedPackage) -> _Id:
    return canonicalize_name(package.name), package.version, package.source


def _show(package: LockedPackage) -> str:
    return show(f"{package.name} {package.version or ''}".strip())
