"""The sources under [tool.uv]: where a dependency is taken from.

https://docs.astral.sh/uv/concepts/projects/dependencies/#dependency-sources
"""

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Final, Self

from packaging.markers import (
    Marker,
)
from pydantic import BaseModel, ConfigDict, model_validator

from service.definitions.declared import IMAGES
from service.definitions.formats.toml_lines import Keys
from service.definitions.formats.values import Table, text
from service.definitions.uv.fitting import TOLERANT, find_twins, fit_table
from service.definitions.uv.scalars import (
    IndexName,
    Marker as MarkerText,
    Name,
    Url,
    Workspace,
    is_name,
)

__all__ = ["find_source_misfits"]

_BESIDE: Final = {
    "git": ("index", "workspace", "url", "editable", "package"),
    "url": (
        *("index", "workspace", "path", "rev", "tag", "branch"),
        *("editable", "package"),
    ),
    "path": ("index", "workspace", "rev", "tag", "branch"),
    "index": ("workspace", "rev", "tag", "branch", "editable", "package"),
    "workspace": ("rev", "tag", "branch", "package"),
}
"""The kinds of sources, in the order in which uv looks, and what none may have."""
_REVISIONS: Final = ("rev", "tag", "branch")
_SYSTEMS: Final = tuple(
    {**image, "os_name": os, "platform_system": system, "sys_platform": platform}
    for image in IMAGES
    for os, system, platform in (
        ("posix", "Linux", "linux"),
        ("posix", "Darwin", "darwin"),
        ("nt", "Windows", "win32"),
    )
)


class _Table(BaseModel):
    model_config = TOLERANT


class _Source(_Table):
    model_config = ConfigDict(extra="forbid")

    git: Url = ""
    url: Url = ""
    path: str = ""
    index: IndexName = ""
    workspace: Workspace = False
    subdirectory: str = ""
    rev: str = ""
    tag: str = ""
    branch: str = ""
    lfs: bool = False
    editable: bool = False
    package: bool = True
    marker: MarkerText = ""
    extra: Name = ""
    group: Name = ""

    @model_validator(mode="after")
    def _is_of_one_kind(self) -> Self:
        given = self.model_fields_set
        kind = next((kind for kind in _BESIDE if kind in given), None)
        if kind is None:
            raise ValueError(f"expected one of {', '.join(_BESIDE)}")
        beside = [key for key in _BESIDE[kind] if key in given]
        if beside:
            raise ValueError(f"{kind} and {beside[0]} exclude each other")
        if sum(key in given for key in _REVISIONS) > 1:
            raise ValueError("expected at most one of rev, tag and branch")
        if {"extra", "group"} <= given:
            raise ValueError("extra and group exclude each other")
        if kind == "git" and {"subdirectory", "path"} <= given:
            raise ValueError("subdirectory and path exclude each other")
        if self.editable and not self.package:
            raise ValueError("what is editable has to be a package")
        return self


def find_source_misfits(sources: object) -> Iterator[tuple[Keys, str]]:
    """Yield the keys of `sources` that uv refuses, and why."""
    if not isinstance(sources, Mapping):
        yield ("sources",), "expected a table"
        return
    yield from find_twins(sources, "sources")
    for name, source in sources.items():
        place = ("sources", name)
        if not is_name(name):
            yield place, "it is no name of a package"
        alternatives = source if isinstance(source, list) else [source]
        misfits = [
            misfit
            for item in alternatives
            for misfit in fit_table(_Source, item, place)
        ]
        yield from misfits
        if isinstance(source, list) and not misfits:
            yield from ((place, why) for why in _find_overlaps(source))


def _find_overlaps(sources: list[Table]) -> Iterator[str]:
    """Yield why uv cannot choose between the alternatives of a source."""
    if not sources:
        yield "expected at least one source"
    for one, other in pairwise(sources):
        if any(one.get(key) != other.get(key) for key in ("extra", "group")):
            continue
        markers = [text(source.get("marker")) or "" for source in (one, other)]
        if not _may_hold_together(*markers):
            continue
        if all(markers):
            yield "two of its sources have markers that may hold together"
        else:
            yield "of several sources each needs a marker, and one has none"


def _may_hold_together(one: str, other: str) -> bool:
    """Return whether two markers hold on one of the common systems."""
    try:
        conditions = [Marker(marker) for marker in (one, other) if marker]
        return any(
            all(condition.evaluate(system) for condition in conditions)
            for system in _SYSTEMS
        )
    except ValueError:  # also of a number with too many digits
        return False
