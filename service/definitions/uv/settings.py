"""The schema of uv.toml; uv fails for anything else in it.

https://docs.astral.sh/uv/reference/settings/. For the same keys under [tool.uv] of a
pyproject.toml uv only warns, and ignores them all.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Final, Literal, Self

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    create_model,
    model_validator,
)

from service.definitions.formats.toml_lines import Keys
from service.definitions.uv.fitting import AS_TABLE, AS_TEXT, BY_KIND, fit_table
from service.definitions.uv.indexes import Index
from service.definitions.uv.scalars import (
    IndexLocation,
    Name,
    Names,
    Newer,
    Requirement,
    Requirements,
    Specifiers,
    Url,
    Version,
)
from service.definitions.uv.table_schema import Exclusions, Overrides

__all__ = ["StaticMetadata", "find_ignored_settings", "find_settings_misfits"]

_OF_PROJECTS: Final = frozenset(
    {
        "build-backend",
        "conflicts",
        "default-groups",
        "dependency-groups",
        "dev-dependencies",
        "environments",
        "managed",
        "minimum-libc-version",
        "package",
        "required-environments",
        "sources",
        "workspace",
    }
)
"""Keys of [tool.uv] that uv reads in a pyproject.toml only."""
_TABLES: Final = frozenset({"build-system", "dependency-groups", "project", "tool"})
"""Tables that are copied by mistake from a pyproject.toml."""
_FOREIGN: Final = (
    "[{}] is for pyproject.toml; the keys of its [tool.uv] are at the top of a uv.toml,"
    " outside any table"
)

_TABLE: Final = ConfigDict(
    extra="forbid",
    strict=True,
    frozen=True,
    alias_generator=lambda name: name.replace("_", "-"),
)


def _versions(value: str) -> str:
    try:
        SpecifierSet(value if re.match(r"\s*(?:$|[<>=!~])", value) else f"=={value}")
    except InvalidSpecifier:
        raise ValueError("it is no version of uv") from None
    return value


def _text(value: str) -> str:
    if not value:
        raise ValueError("it is empty")
    return value


_Texts = list[str]
_Count = Annotated[int, Field(gt=0)]
_Settings = dict[str, str | _Texts]
_Features = bool | _Texts


class StaticMetadata(BaseModel):
    """What uv takes for the metadata of a package, instead of reading it."""

    model_config = _TABLE

    name: Name
    version: Version = "0"
    requires_dist: Requirements = []
    requires_python: Specifiers = ""
    provides_extra: Names = []
    provides_extras: Names = []


class _CacheKey(BaseModel):
    model_config = _TABLE

    file: str = ""
    dir: str = ""
    env: str = ""
    git: bool | dict[str, Any] = False

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if len(self.model_fields_set) != 1:
            raise ValueError("expected one of file, dir, env and git")
        return self


class _BuildDependency(BaseModel):
    model_config = _TABLE

    requirement: Requirement
    match_runtime: bool


_CacheKeys = Annotated[
    Annotated[str, AS_TEXT] | Annotated[_CacheKey, AS_TABLE], BY_KIND
]
_BuildDependencies = list[
    Annotated[
        Annotated[Requirement, AS_TEXT] | Annotated[_BuildDependency, AS_TABLE], BY_KIND
    ]
]
_Resolution = Literal["highest", "lowest", "lowest-direct"]
_Prerelease = Literal[
    "disallow", "allow", "if-necessary", "explicit", "if-necessary-or-explicit"
]
_BOTH: Final[dict[str, Any]] = {
    "index-url": IndexLocation,
    "extra-index-url": list[IndexLocation],
    "no-index": bool,
    "find-links": list[IndexLocation],
    "index-strategy": Literal[
        "first-index", "unsafe-any-match", "unsafe-first-match", "unsafe-best-match"
    ],
    "keyring-provider": Literal["disabled", "subprocess"],
    "no-build-isolation": bool,
    "require-build-hashes": bool,
    "no-build-isolation-package": Names,
    "extra-build-dependencies": dict[Name, _BuildDependencies],
    "extra-build-variables": dict[str, dict[str, str]],
    "resolution": _Resolution,
    "prerelease": _Prerelease,
    "fork-strategy": Literal["fewest", "requires-python"],
    "dependency-metadata": list[StaticMetadata],
    "config-settings": _Settings,
    "config-settings-package": dict[str, _Settings],
    "exclude-newer": Newer,
    "exclude-newer-package": dict[str, Newer],
    "link-mode": Literal["clone", "reflink", "copy", "hardlink", "symlink"],
    "compile-bytecode": bool,
    "no-sources": bool,
    "no-sources-package": Names,
    "upgrade": bool,
    "upgrade-package": Requirements,
    "reinstall": bool,
    "reinstall-package": Names,
    "torch-backend": Annotated[str, Field(pattern=r"^(auto|cpu|cu\d+|rocm.+|xpu)$")],
}
"""Keys that are valid both at the top and under [pip]."""
_PIP: Final[dict[str, Any]] = {
    **dict.fromkeys(("python", "target", "prefix", "output-file"), str),
    **dict.fromkeys(("custom-compile-command", "python-platform"), str),
    **dict.fromkeys(("system", "break-system-packages", "strict", "all-extras"), bool),
    **dict.fromkeys(("no-deps", "allow-empty-requirements", "universal"), bool),
    **dict.fromkeys(("no-strip-extras", "no-strip-markers", "no-annotate"), bool),
    **dict.fromkeys(("no-header", "generate-hashes", "emit-index-url"), bool),
    **dict.fromkeys(("emit-find-links", "emit-build-options"), bool),
    **dict.fromkeys(("emit-marker-expression", "emit-index-annotation"), bool),
    **dict.fromkeys(("no-build", "require-hashes", "verify-hashes"), bool),
    **dict.fromkeys(("no-binary", "only-binary"), _Texts),
    **dict.fromkeys(("extra", "no-extra", "no-emit-package"), Names),
    "group": _Texts,
    "python-version": Annotated[str, Field(pattern=r"^\d+(\.\d+)*")],
    "annotation-style": Literal["line", "split"],
}
_TOP: Final[dict[str, Any]] = {
    "required-version": Annotated[str, AfterValidator(_versions)],
    **dict.fromkeys(("system-certs", "native-tls", "offline", "no-cache"), bool),
    "cache-dir": Annotated[str, AfterValidator(_text)],
    "preview": bool,
    "preview-features": _Features,
    "python-preference": Literal["only-managed", "managed", "system", "only-system"],
    "python-downloads": Literal["auto", "automatic", "manual", "never"],
    "concurrent-downloads": _Count,
    "concurrent-builds": _Count,
    "concurrent-installs": _Count,
    "index": list[Index],
    **dict.fromkeys(("http-proxy", "https-proxy", "check-url"), str),
    **dict.fromkeys(("no-proxy", "allow-insecure-host"), _Texts),
    "prerelease-package": dict[str, _Prerelease],
    **dict.fromkeys(("no-build", "no-binary"), bool),
    **dict.fromkeys(("no-build-package", "no-binary-package"), Names),
    **dict.fromkeys(
        (
            "python-install-mirror",
            "pypy-install-mirror",
            "graalpy-install-mirror",
            "pyodide-install-mirror",
            "python-downloads-json-url",
        ),
        str,
    ),
    "publish-url": Url,
    "trusted-publishing": Literal["automatic", "always", "never"],
    "add-bounds": Literal["lower", "major", "minor", "exact"],
    "audit": dict[str, Any],
    "cache-keys": list[
        Annotated[Annotated[str, AS_TEXT] | Annotated[_CacheKey, AS_TABLE], BY_KIND]
    ],
    "override-dependencies": Overrides,
    "exclude-dependencies": Exclusions,
    "constraint-dependencies": Requirements,
    "build-constraint-dependencies": Requirements,
}


def _model(name: str, fields: Mapping[str, Any]) -> type[BaseModel]:
    """Make a model with optional keys."""
    given: dict[str, Any] = {
        key.replace("-", "_"): (kind, Field(default=None))
        for key, kind in fields.items()
    }
    return create_model(name, __config__=_TABLE, **given)


_Pip: Final = _model("_Pip", {**_BOTH, **_PIP})
_Uv: Final = _model("_Uv", {**_BOTH, **_TOP, "pip": _Pip})


def find_ignored_settings(uv: Mapping[str, object]) -> Iterator[tuple[Keys, str]]:
    """Yield the keys for which uv ignores every setting of a [tool.uv], and why.

    uv reads the table twice: as a project, and as the settings that a uv.toml has. Of
    settings that it cannot read it warns, and goes on without all of them.
    """
    read = {key: value for key, value in uv.items() if key not in _OF_PROJECTS}
    yield from fit_table(_Uv, read, ())


def find_settings_misfits(settings: Mapping[str, object]) -> Iterator[tuple[Keys, str]]:
    """Yield the keys of a uv.toml that uv refuses, and why."""
    read: dict[str, object] = {}
    for key, value in settings.items():
        if key in _TABLES:
            yield (key,), _FOREIGN.format(key)
        elif key in _OF_PROJECTS:
            yield (key,), "uv reads it in pyproject.toml only, under [tool.uv]"
        else:
            read[key] = value
    yield from fit_table(_Uv, read, ())
