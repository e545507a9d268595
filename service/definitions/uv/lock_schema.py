"""The schema of uv.lock, as far as uv fails for a lock that does not fit it.

uv documents no schema: this one was made from its `LockWire`, and tried with mutated
locks. Keys that uv does not know are ignored, as it ignores them.
https://github.com/astral-sh/uv/blob/main/crates/uv-resolver/src/lock/mod.rs
"""

import re
from collections.abc import Mapping
from typing import Annotated, Final, Literal, Self, TypeVar

from packaging.version import Version
from pydantic import (
    AfterValidator,
    AliasChoices,
    BaseModel,
    BeforeValidator,
    Discriminator,
    FailFast,
    Field,
    PlainValidator,
    model_validator,
)
from pydantic_core import Url as AnyUrl

from service.definitions.uv.conflicts import Conflict, differ
from service.definitions.uv.fitting import AS_TABLE, AS_TEXT, TOLERANT
from service.definitions.uv.scalars import Marker, Name, Names, Newer, Specifiers, Url
from service.definitions.uv.settings import StaticMetadata
from service.definitions.uv.table_schema import Exclusions, Target

__all__ = ["Dependency", "LockedPackage", "Source", "UvLock", "Wheel"]

Source = tuple[str, ...]
"""A kind, and where: ("registry", "https://…"). uv compares sources by both."""

_KINDS: Final = ("registry", "git", "url", "path", "directory", "editable", "virtual")
"""The kinds of sources, in the order in which uv looks for them."""
_COMMIT: Final = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}", re.IGNORECASE)
_DIGEST: Final = (
    r"^(?i-u:md5:[\da-f]{32}|sha256:[\da-f]{64}|sha384:[\da-f]{96}"
    r"|sha512:[\da-f]{128}|blake2b:[\da-f]{64})$"
)
_INSTANT: Final = (
    r"^[+-]?\d{4,6}-?(?:0[1-9]|1[0-2])-?(?:0[1-9]|[12]\d|3[01])[Tt ](?:[01]\d|2[0-3])"
    r".*(?:[Zz]|[+-]\d\d[:\d]*)(?:\[.*\])?$"
)
"""https://docs.rs/jiff/latest/jiff/fmt/temporal/index.html"""
_WHEEL: Final = r"[A-Za-z0-9._%]+-[^/?#-]+(?:-[^/?#-]+){3,4}\.whl"
"""https://packaging.python.org/en/latest/specifications/binary-distribution-format/"""

_FILE: Final = re.compile(_WHEEL)


def _version(value: object) -> Version:
    if not isinstance(value, str):
        raise ValueError("expected a version in quotes")  # noqa: TRY004 - for pydantic
    try:
        return Version(value)
    except ValueError:  # also of a number with too many digits
        raise ValueError("it is no version") from None


def _source(value: object) -> Source:
    source = value if isinstance(value, Mapping) else {}
    kind = next((kind for kind in _KINDS if isinstance(source.get(kind), str)), None)
    subdirectory = source.get("subdirectory", "")
    if kind is None or (kind == "url" and not isinstance(subdirectory, str)):
        raise ValueError(f"expected a table with one of {', '.join(_KINDS)}")
    if kind == "git":
        _check_commit(source[kind])
    return (kind, source[kind], subdirectory) if kind == "url" else (kind, source[kind])


def _check_commit(url: str) -> None:
    try:
        commit = AnyUrl(url).fragment
    except ValueError:
        raise ValueError("git is no URL") from None
    if not _COMMIT.fullmatch(commit or ""):
        raise ValueError("the URL of git does not end with # and a commit")


def _git(value: object) -> object:
    """Check a URL; uv takes anything but a text for a key that it does not know."""
    if isinstance(value, str):
        AnyUrl(value)
    return value


def _choose_override(value: object) -> str:
    is_scoped = isinstance(value, Mapping) and "package" in value
    return (AS_TABLE if is_scoped else AS_TEXT).tag


def _none(value: object) -> object:
    """Read an empty array as a table without keys, as uv does."""
    return {} if value == [] else value


_Item = TypeVar("_Item")
_List = Annotated[list[_Item], FailFast()]
"""An array, read up to its first fault: a hostile lock might have a million."""
_Version = Annotated[Version, PlainValidator(_version)]
_Git = Annotated[object, PlainValidator(_git)]
_Source = Annotated[Source, PlainValidator(_source)]
_Hash = Annotated[str, Field(pattern=_DIGEST)]
_Size = Annotated[int, Field(ge=0)]
_Instant = Annotated[str, Field(pattern=_INSTANT)]
_WheelUrl = Annotated[str, Field(pattern=rf"^(?:[^?#]*/)?{_WHEEL}(?:[?#].*)?$")]
_WheelName = Annotated[str, Field(pattern=rf"^{_WHEEL}$")]
_Uploaded = Annotated[
    _Instant, Field(validation_alias=AliasChoices("upload-time", "upload_time"))
]


class _Table(BaseModel):
    model_config = TOLERANT


class _Artifact(_Table):
    hash: _Hash | None = None
    size: _Size = 0
    upload_time: _Uploaded = ""


class _Sdist(_Artifact):
    url: str = ""
    path: str = ""


class Wheel(_Artifact):
    """A wheel that may be installed: where it is, or what it is called."""

    url: _WheelUrl = ""
    path: str = ""
    filename: _WheelName = ""

    @model_validator(mode="after")
    def _is_somewhere(self) -> Self:
        if not {"url", "path", "filename"} & self.model_fields_set:
            raise ValueError("expected its url, path or filename")
        if not self.url and "path" in self.model_fields_set:
            name = self.path.rpartition("/")[2]
            if not _FILE.fullmatch(name):
                raise ValueError("its path is not that of a wheel")
        return self


class Dependency(_Table):
    """A package that another one needs; its source only where several could be it."""

    name: Name
    version: _Version | None = None
    source: _Source | None = None
    extra: Names = []
    marker: Marker = ""


class _Conflict(Conflict):
    package: Name


class _Wanted(_Table):
    """A requirement of a project, of a group or of the workspace."""

    name: Name
    extras: Names = []
    groups: Names = []
    marker: Marker = ""
    git: _Git = ""
    specifier: Specifiers = ""
    index: Url = ""


class _LockedOverride(_Table):
    """What one package is made to ask for."""

    package: Target
    dependencies: _List[_Wanted]


_Overriding = Annotated[
    Annotated[_Wanted, AS_TEXT] | Annotated[_LockedOverride, AS_TABLE],
    Discriminator(_choose_override),
]


class _Metadata(_Table):
    requires_dist: _List[_Wanted] = []
    provides_extras: Names = []
    requires_dev: Annotated[
        dict[Name, _List[_Wanted]],
        Field(validation_alias=AliasChoices("requires-dev", "dependency-groups")),
    ] = {}


class LockedPackage(_Table):
    """A package, where it comes from and what it needs."""

    name: Name
    version: _Version | None = None
    source: _Source
    metadata: Annotated[_Metadata | None, BeforeValidator(_none)] = None
    sdist: _Sdist | None = None
    wheels: _List[Wheel] = []
    resolution_markers: _List[Marker] = []
    dependencies: _List[Dependency] = []
    optional_dependencies: dict[Name, _List[Dependency]] = {}
    dev_dependencies: Annotated[
        dict[Name, _List[Dependency]],
        Field(validation_alias=AliasChoices("dev-dependencies", "dependency-groups")),
    ] = {}


class _ResolverOptions(_Table):
    resolution_mode: Literal["highest", "lowest", "lowest-direct"] = "highest"
    prerelease_mode: Literal[
        "disallow", "allow", "if-necessary", "explicit", "if-necessary-or-explicit"
    ] = "if-necessary-or-explicit"
    fork_strategy: Literal["fewest", "requires-python"] = "requires-python"
    exclude_newer: _Instant = ""
    exclude_newer_package: dict[Name, Newer] = {}


class _Manifest(_Table):
    members: Names = []
    requirements: _List[_Wanted] = []
    dependency_groups: dict[Name, _List[_Wanted]] = {}
    constraints: _List[_Wanted] = []
    build_constraints: _List[_Wanted] = []
    overrides: _List[_Overriding] = []
    excludes: Exclusions = []
    dependency_metadata: _List[StaticMetadata] = []


class UvLock(_Table):
    """A lock of the one schema version that uv reads."""

    requires_python: Specifiers
    revision: Annotated[int, Field(ge=0)] = 0
    resolution_markers: _List[Marker] = []
    supported_markers: _List[Marker] = []
    required_markers: _List[Marker] = []
    conflicts: _List[Annotated[_List[_Conflict], AfterValidator(differ)]] = []
    options: _ResolverOptions = _ResolverOptions()
    manifest: Annotated[_Manifest, BeforeValidator(_none)] = _Manifest()
    packages: Annotated[
        _List[LockedPackage],
        Field(validation_alias=AliasChoices("package", "distribution")),
    ] = []
