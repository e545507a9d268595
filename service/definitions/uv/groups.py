"""[dependency-groups] of a project, of which uv reads every one, installed or not.

https://peps.python.org/pep-0735/
"""

from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from typing import Annotated, Final

from packaging.requirements import InvalidRequirement
from packaging.utils import canonicalize_name
from pydantic import BaseModel, ConfigDict

from service.definitions.formats.values import Table, list_tables, table, text, texts
from service.definitions.local.project_file import ProjectFile
from service.definitions.text import show
from service.definitions.uv.fitting import (
    AS_TABLE,
    AS_TEXT,
    BY_KIND,
    TOLERANT,
    find_twins,
    fit_table,
    refuse_misfits,
)
from service.definitions.uv.scalars import Name, parse_requirement

__all__ = ["check_groups"]

_KEY: Final = "dependency-groups"


class _Table(BaseModel):
    model_config = TOLERANT


class _Inclusion(_Table):
    model_config = ConfigDict(extra="forbid")

    include_group: Name


_Item = Annotated[Annotated[str, AS_TEXT] | Annotated[_Inclusion, AS_TABLE], BY_KIND]


class _Groups(_Table):
    dependency_groups: dict[Name, list[_Item]] = {}


def check_groups(project: ProjectFile) -> None:
    """Report groups that uv cannot read, or that include what it does not find."""
    refuse_misfits(project, "group_invalid", fit_table(_Groups, project.document, ()))
    groups = table(project.document, _KEY)
    refuse_misfits(project, "group_invalid", find_twins(groups, _KEY))
    for group, wanted in groups.items():
        _check_group(project, group, wanted)
    _check_cycle(project, groups)
    _check_named(project, groups)


def _check_group(project: ProjectFile, group: str, wanted: object) -> None:
    names = _names(table(project.document, _KEY))
    for requirement in texts(wanted):
        try:
            parse_requirement(requirement)
        except (InvalidRequirement, RecursionError):
            project.error(
                "requirement_invalid",
                f"{show(repr(requirement))} in the group {show(group)} is no"
                ' requirement; write one such as "six>=1.16"',
                *(_KEY, group),
                word=requirement,
            )
    for name in _included(wanted):
        if canonicalize_name(name) not in names:
            project.error(
                "group_missing",
                f"the group {show(group)} includes {show(name)}, which is not in"
                " [dependency-groups]; add or remove it",
                *(_KEY, group),
                word=name,
            )


def _check_cycle(project: ProjectFile, groups: Table) -> None:
    spelled = {canonicalize_name(name): name for name in groups}
    includes = {
        canonicalize_name(name): {*map(canonicalize_name, _included(wanted))}
        for name, wanted in groups.items()
    }
    try:
        TopologicalSorter(includes).prepare()
    except CycleError as exc:
        cycle = list(reversed(exc.args[1]))
        way = " -> ".join(show(name) for name in cycle)
        project.error(
            "group_cycle",
            f"the groups {way} include each other in a circle; remove one include",
            *(_KEY, spelled.get(cycle[0], cycle[0])),
        )


def _check_named(project: ProjectFile, groups: Table) -> None:
    """Check that the groups are there that [tool.uv] names."""
    uv = table(project.document, "tool", "uv")
    names = _names(groups)
    for name in table(uv, _KEY):
        if canonicalize_name(name) not in names:
            project.error(
                "group_missing",
                f"tool.uv.dependency-groups has {show(name)}, which is not in"
                " [dependency-groups]; add or remove it",
                *("tool", "uv", _KEY, name),
            )
    known = names | {"dev"}
    for name in texts(uv.get("default-groups")):
        if name != "all" and canonicalize_name(name) not in known:
            project.error(
                "group_missing",
                f"the default group {show(name)} is not in [dependency-groups]; add or"
                " remove it",
                *("tool", "uv", "default-groups"),
            )


def _included(wanted: object) -> Iterator[str]:
    for included in list_tables(wanted):
        name = text(included.get("include-group"))
        if name is not None:
            yield name


def _names(groups: Table) -> set[str]:
    return {canonicalize_name(name) for name in groups}
