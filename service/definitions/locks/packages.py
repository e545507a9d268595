"""The packages of a lock file that a build installs: those the main group needs.

A dependency counts with the extras it asks for, and not at all when its marker holds on
no Linux. A package that is locked more than once counts with every one of its versions.
"""

from collections.abc import Iterable, Iterator, Mapping

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from service.definitions.formats.toml_json import Table, list_tables, table, text, texts
from service.definitions.python.markers import may_hold_on_linux

__all__ = ["find_reachable", "is_default_group", "needed_by_poetry", "needed_by_uv"]

_Node = tuple[str, str]
"""A distribution and one of its extras; the empty one is the distribution itself."""
_Edges = Mapping[_Node, set[_Node]]


def needed_by_poetry(document: Table, lock: Table) -> frozenset[str]:
    """Return the names that `poetry install --only main` may install."""
    edges: dict[_Node, set[_Node]] = {}
    for package in list_tables(lock.get("package")):
        for node, wanted in _edges_of_poetry(package):
            edges.setdefault(node, set()).update(wanted)
    roots = set(_requested(texts(table(document, "project").get("dependencies"))))
    poetry = table(document, "tool", "poetry")
    for group in (poetry, table(poetry, "group", "main")):
        roots |= _required(table(group, "dependencies"))
    return find_reachable(roots, edges)


def _edges_of_poetry(package: Table) -> Iterator[tuple[_Node, set[_Node]]]:
    name, wanted = _name(package), table(package, "dependencies")
    yield (name, ""), _required(wanted)
    # What an extra adds is listed by name; its own extras stand where it is optional.
    all_of: dict[str, set[_Node]] = {
        canonicalize_name(other): {
            node for way in _ways(item) for node in _nodes(other, _extras(way))
        }
        for other, item in wanted.items()
    }
    for extra, named in table(package, "extras").items():
        nodes = set(_requested(texts(named)))
        for other, _ in tuple(nodes):
            nodes |= all_of.get(other, set())
        yield (name, canonicalize_name(extra)), nodes


def _required(wanted: Table) -> set[_Node]:
    """Return what is installed of dependencies without any extra."""
    return {
        node
        for name, item in wanted.items()
        for way in _ways(item)
        if way.get("optional") is not True
        and may_hold_on_linux(text(way.get("markers")) or "")
        for node in _nodes(name, _extras(way))
    }


def needed_by_uv(document: Table, lock: Table) -> frozenset[str] | None:
    """Return the names that `uv sync --no-dev` may install; None for any of them."""
    name = text(table(document, "project").get("name"))
    if name is None:
        return None  # a workspace root without a project: all members count
    own = canonicalize_name(name)
    default = table(document, "tool", "uv").get("default-groups")
    edges: dict[_Node, set[_Node]] = {}
    for package in list_tables(lock.get("package")):
        node = _name(package), ""
        edges.setdefault(node, set()).update(_of_uv(package.get("dependencies")))
        for extra, wanted in table(package, "optional-dependencies").items():
            key = node[0], canonicalize_name(extra)
            edges.setdefault(key, set()).update(_of_uv(wanted))
        if node[0] == own:
            for group, wanted in table(package, "dev-dependencies").items():
                if is_default_group(group, default):
                    edges[node].update(_of_uv(wanted))
    return find_reachable({(own, "")}, edges)


def is_default_group(group: str, default: object) -> bool:
    """Return whether `uv sync --no-dev` installs a group, by `default-groups`."""
    names = {canonicalize_name(name) for name in texts(default)}
    name = canonicalize_name(group)
    return name != "dev" and (default == "all" or name in names)


def _ways(wanted: object) -> Iterator[Table]:
    """Yield the alternatives of one of poetry's dependencies."""
    if isinstance(wanted, Mapping):
        yield wanted
    elif isinstance(wanted, list):
        yield from list_tables(wanted)
        if not all(isinstance(item, Mapping) for item in wanted):
            yield {}
    else:
        yield {}


def _extras(way: Table) -> tuple[str, ...]:
    return texts(way.get("extras"))


def _of_uv(wanted: object) -> Iterator[_Node]:
    for entry in list_tables(wanted):
        if may_hold_on_linux(text(entry.get("marker")) or ""):
            yield from _nodes(_name(entry), texts(entry.get("extra")))


def _requested(requirements: Iterable[str]) -> Iterator[_Node]:
    for requirement in requirements:
        try:
            wanted = Requirement(requirement)
        except (InvalidRequirement, RecursionError):
            # Poetry writes constraints of its own in the extras of a lock, of which
            # only the name before them is of use here.
            yield from _nodes(requirement.partition(" ")[0].partition("[")[0], ())
            continue
        yield from _nodes(wanted.name, wanted.extras)


def _nodes(name: str, extras: Iterable[str]) -> Iterator[_Node]:
    yield canonicalize_name(name), ""
    for extra in extras:
        yield canonicalize_name(name), canonicalize_name(extra)


def _name(package: Table) -> str:
    return canonicalize_name(text(package.get("name")) or "")


def find_reachable(roots: Iterable[_Node], edges: _Edges) -> frozenset[str]:
    """Return the distributions that are reached from some, themselves included."""
    todo = list(roots)
    reached: set[_Node] = set()
    while todo:
        node = todo.pop()
        if node not in reached:
            reached.add(node)
            todo.extend(edges.get(node, ()))
    return frozenset(name for name, _ in reached)
