"""Which locked packages a build installs: those that the main dependencies lead to."""

from collections.abc import Iterable, Mapping

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from service.definitions.tables import Table, table, tables, text, texts

__all__ = ["needed_by_poetry", "needed_by_uv"]


def needed_by_poetry(document: Table, lock: Table) -> frozenset[str]:
    """Return the names that `poetry install --only main` may install."""
    packages = tables(lock.get("package"))
    edges = {
        _name(package): set(table(package, "dependencies")) for package in packages
    }
    roots = {
        name
        for name, wanted in table(document, "tool", "poetry", "dependencies").items()
        if table(wanted).get("optional") is not True
    }
    for requirement in texts(table(document, "project").get("dependencies")):
        try:
            roots.add(Requirement(requirement).name)
        except (InvalidRequirement, RecursionError):
            continue
    return _reached(roots, edges)


def needed_by_uv(document: Table, lock: Table) -> frozenset[str] | None:
    """Return the names that `uv sync --no-dev` may install; None for any of them."""
    name = text(table(document, "project").get("name"))
    if name is None:
        return None  # the root of a workspace alone: all its members count
    groups = set(texts(table(document, "tool", "uv").get("default-groups"))) - {"dev"}
    edges: dict[str, set[str]] = {}
    for package in tables(lock.get("package")):
        wanted = [package.get("dependencies")]
        if _name(package) != canonicalize_name(name):  # extras that others ask for
            wanted += table(package, "optional-dependencies").values()
        wanted += [table(package, "dev-dependencies").get(group) for group in groups]
        edges.setdefault(_name(package), set()).update(
            _name(dependency) for list_ in wanted for dependency in tables(list_)
        )
    return _reached({name}, edges)


def _name(package: Table) -> str:
    return canonicalize_name(text(package.get("name")) or "")


def _reached(roots: Iterable[str], edges: Mapping[str, set[str]]) -> frozenset[str]:
    todo = [canonicalize_name(name) for name in roots]
    reached: set[str] = set()
    while todo:
        name = todo.pop()
        if name not in reached:
            reached.add(name)
            todo.extend(canonicalize_name(other) for other in edges.get(name, ()))
    return frozenset(reached)
