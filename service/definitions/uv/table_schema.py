"""The schema of the [tool.uv] table, as far as uv fails for an invalid one.

https://docs.astral.sh/uv/reference/settings/. Much of the table is also parsed as
settings, where an invalid value is only a warning; these keys are in
`service.definitions.uv.settings`.
"""

from collections.abc import Iterator, Mapping
from typing import Annotated

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
)

from service.definitions.formats.toml_lines import Keys
from service.definitions.uv.conflicts import Conflict, differ
from service.definitions.uv.fitting import (
    AS_TABLE,
    AS_TEXT,
    BY_KIND,
    TOLERANT,
    fit_table,
)
from service.definitions.uv.indexes import Index, fit_together
from service.definitions.uv.scalars import (
    Glob,
    Marker,
    Name,
    Names,
    Requirement,
    Requirements,
    Specifiers,
    Version,
)
from service.definitions.uv.sources import find_source_misfits

__all__ = ["Exclusions", "Markers", "Overrides", "Target", "find_uv_misfits"]


def _listed(value: object) -> object:
    """Treat a text as a list with one item, as uv does."""
    return [value] if isinstance(value, str) else value


def _all(value: object) -> object:
    """Treat "all" as a list; it is the one text that uv reads as groups."""
    if isinstance(value, str) and value != "all":
        raise ValueError('expected an array, or "all"')
    return [] if value == "all" else value


Markers = Annotated[list[Marker], BeforeValidator(_listed)]


class _Table(BaseModel):
    model_config = TOLERANT


class _Strict(_Table):
    model_config = ConfigDict(extra="forbid")


class Target(_Strict):
    """A package, or one version of it."""

    name: Name
    version: Version = ""


class _Override(_Strict):
    """What one package is made to ask for."""

    package: Target
    dependencies: Requirements


class _Exclusion(_Strict):
    """What one package does without."""

    package: Target
    dependencies: Names


Overrides = list[
    Annotated[Annotated[Requirement, AS_TEXT] | Annotated[_Override, AS_TABLE], BY_KIND]
]
Exclusions = list[
    Annotated[Annotated[Name, AS_TEXT] | Annotated[_Exclusion, AS_TABLE], BY_KIND]
]


class _Workspace(_Strict):
    members: list[Glob] = []
    exclude: list[Glob] = []


class _OfGroup(_Table):
    requires_python: Specifiers = ""


class _Uv(_Table):
    managed: bool = True
    package: bool = True
    default_groups: Annotated[Names, BeforeValidator(_all)] = []
    dependency_groups: dict[Name, _OfGroup] = {}
    dev_dependencies: Requirements = []
    override_dependencies: Overrides = []
    exclude_dependencies: Exclusions = []
    constraint_dependencies: Requirements = []
    build_constraint_dependencies: Requirements = []
    environments: Markers = []
    required_environments: Markers = []
    conflicts: list[Annotated[list[Conflict], AfterValidator(differ)]] = []
    index: Annotated[list[Index], AfterValidator(fit_together)] = []
    workspace: _Workspace = _Workspace()


def find_uv_misfits(uv: Mapping[str, object]) -> Iterator[tuple[Keys, str]]:
    """Yield the keys of a [tool.uv] table that uv refuses, and why."""
    yield from fit_table(_Uv, uv, ())
    yield from find_source_misfits(uv.get("sources", {}))
