"""The schema of the [tool.uv] table, as far as uv fails for an invalid one.

https://docs.astral.sh/uv/reference/settings/. Much of the table is also parsed as
settings, where an invalid value is only a warning; these keys are left out.
"""

from collections.abc import Iterator, Mapping
from typing import Annotated, Final

from packaging import requirements
from packaging.markers import InvalidMarker, Marker
from packaging.requirements import InvalidRequirement
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    ValidationError,
)

from service.definitions.text import show

__all__ = ["Keys", "Requirement", "Requirements", "find_uv_misfits", "fit_table"]

Keys = tuple[str, ...]


def _requirement(value: str) -> str:
    try:
        requirements.Requirement(value)
    except InvalidRequirement as exc:
        raise ValueError(f"it is no requirement: {str(exc).splitlines()[0]}") from exc
    return value


def _marker(value: str) -> str:
    try:
        Marker(value)
    except InvalidMarker as exc:
        raise ValueError(f"it is no marker: {str(exc).splitlines()[0]}") from exc
    return value


Requirement = Annotated[str, AfterValidator(_requirement)]
Requirements = list[Requirement]
_Markers = list[Annotated[str, AfterValidator(_marker)]]


def _listed(value: object) -> object:
    """Treat a text as a list with one item, as uv does."""
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
    dev_dependencies: Requirements = []
    override_dependencies: Requirements = []
    constraint_dependencies: Requirements = []
    build_constraint_dependencies: Requirements = []
    environments: Annotated[_Markers, BeforeValidator(_listed)] = []
    index: Annotated[list[_Index], AfterValidator(_fitting)] = []
    workspace: _Workspace = _Workspace()


_WORDS: Final = {"missing": "it is missing", "extra_forbidden": "uv does not know it"}


def find_uv_misfits(uv: Mapping[str, object]) -> Iterator[tuple[Keys, str]]:
    """Yield the keys of a [tool.uv] table that uv refuses, and why."""
    yield from fit_table(_Uv, uv, ())
    sources = uv.get("sources", {})
    if not isinstance(sources, Mapping):
        yield ("sources",), "expected a table"
        return
    for name, source in sources.items():
        for item in source if isinstance(source, list) else [source]:
            yield from fit_table(_Source, item, ("sources", name))


def fit_table(
    model: type[BaseModel],
    value: object,
    place: Keys,
) -> Iterator[tuple[Keys, str]]:
    """Yield where a value does not fit a model, and why."""
    try:
        model.model_validate(value)
    except ValidationError as exc:
        for error in exc.errors(include_url=False):
            found = show(repr(error["input"]), limit=60)
            message = error["msg"].removeprefix("Value error, ")
            message = message.replace("Input should be", "expected")
            why = _WORDS.get(error["type"], f"{message}, found {found}")
            yield (*place, *(str(part) for part in error["loc"])), why
    except RecursionError:
        return
