"""What uv takes for a valid [tool.uv] table, as far as a wrong one ends the build.

https://docs.astral.sh/uv/reference/settings/. Much of the table is read once more as
settings, and there a wrong value is a warning; those are left out.
"""

from collections.abc import Iterator, Mapping
from typing import Annotated, Final

from packaging.markers import InvalidMarker, Marker
from packaging.requirements import InvalidRequirement, Requirement
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    ValidationError,
)

from service.definitions.words import show

__all__ = ["uv_misfits"]

Keys = tuple[str, ...]


def _requirement(value: str) -> str:
    try:
        Requirement(value)
    except InvalidRequirement as exc:
        raise ValueError(f"it is no requirement: {str(exc).splitlines()[0]}") from exc
    return value


def _marker(value: str) -> str:
    try:
        Marker(value)
    except InvalidMarker as exc:
        raise ValueError(f"it is no marker: {str(exc).splitlines()[0]}") from exc
    return value


_Requirements = list[Annotated[str, AfterValidator(_requirement)]]
_Markers = list[Annotated[str, AfterValidator(_marker)]]


def _listed(value: object) -> object:
    """Take one text for a list of it, as uv does."""
    return [value] if isinstance(value, str) else value


class _Table(BaseModel):
    model_config = ConfigDict(
        extra="ignore",
        strict=True,
        frozen=True,
        alias_generator=lambda name: name.replace("_", "-"),
    )


class _Source(_Table):
    model_config = ConfigDict(extra="forbid")

    git: str = ""
    url: str = ""
    path: str = ""
    index: str = ""
    workspace: bool = False
    subdirectory: str = ""
    rev: str = ""
    tag: str = ""
    branch: str = ""
    lfs: bool = False
    editable: bool = False
    package: bool = False
    marker: str = ""
    extra: str = ""
    group: str = ""


class _Index(_Table):
    url: str
    name: str = ""
    default: bool = False
    explicit: bool = False


def _fitting(indexes: list[_Index]) -> list[_Index]:
    if sum(index.default for index in indexes) > 1:
        raise ValueError("only one index may be the default")
    names = [index.name for index in indexes if index.name]
    if len(names) > len(set(names)):
        raise ValueError("two indexes have one name")
    return indexes


class _Workspace(_Table):
    members: list[str] = []
    exclude: list[str] = []


class _Uv(_Table):
    managed: bool = True
    package: bool = True
    dev_dependencies: _Requirements = []
    override_dependencies: _Requirements = []
    constraint_dependencies: _Requirements = []
    build_constraint_dependencies: _Requirements = []
    environments: Annotated[_Markers, BeforeValidator(_listed)] = []
    index: Annotated[list[_Index], AfterValidator(_fitting)] = []
    workspace: _Workspace = _Workspace()


_WORDS: Final = {"missing": "it is missing", "extra_forbidden": "uv does not know it"}


def uv_misfits(uv: Mapping[str, object]) -> Iterator[tuple[Keys, str]]:
    """Yield the places in a [tool.uv] table that uv refuses, and why."""
    yield from _fitted(_Uv, uv, ())
    sources = uv.get("sources", {})
    if not isinstance(sources, Mapping):
        yield ("sources",), "expected a table"
        return
    for name, source in sources.items():
        for one in source if isinstance(source, list) else [source]:
            yield from _fitted(_Source, one, ("sources", name))


def _fitted(
    model: type[BaseModel],
    value: object,
    place: Keys,
) -> Iterator[tuple[Keys, str]]:
    try:
        model.model_validate(value)
    except ValidationError as exc:
        for error in exc.errors(include_url=False):
            found = show(repr(error["input"]), limit=60)
            said = error["msg"].removeprefix("Value error, ")
            said = said.replace("Input should be", "expected")
            why = _WORDS.get(error["type"], f"{said}, found {found}")
            yield (*place, *(str(part) for part in error["loc"])), why
    except RecursionError:
        return
