"""The schema of uv.toml; uv fails for anything else in it.

https://docs.astral.sh/uv/reference/settings/. For the same keys under [tool.uv] of a
pyproject.toml uv only warns.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Final, Literal

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, create_model

from service.definitions.uv.table_schema import (
    Keys,
    Requirement,
    Requirements,
    fit_table,
)

__all__ = ["find_settings_misfits"]

_OF_PROJECTS: Final = frozenset(
    {
        "build-backend",
        "conflicts",
        "default-groups",
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

_NAME: Final = re.compile(r"[A-Za-z0-9](?:[\w.-]*[A-Za-z0-9])?", re.ASCII)
_SPAN: Final = re.compile(
    r"\d{4}-\d{2}-\d{2}.*|P.+|\s*\d+\s*(?:years?|months?|weeks?|days?|hours?|minutes?"
    r"|seconds?|[ymwdhs]|mo|hrs?|mins?|secs?)\b.*",
    re.IGNORECASE | re.DOTALL,
)


def _name(value: str) -> str:
    if not _NAME.fullmatch(value):
        raise ValueError("it is no name of a package")
    return value


def _span(value: str) -> str:
    if not _SPAN.fullmatch(value):
        raise ValueError("expected a date such as 2026-01-31, or a time such as 3 days")
    return value


def _versions(value: str) -> str:
    try:
        SpecifierSet(value if re.match(r"\s*[<>=!~]", value) else f"=={value}")
    except InvalidSpecifier:
        raise ValueError("it is no version of uv") from None
    return value


def _text(value: str) -> str:
    if not value:
        raise ValueError("it is empty")
    return value


_Name = Annotated[str, AfterValidator(_name)]
_Names = list[_Name]
_Texts = list[str]
_Count = Annotated[int, Field(gt=0)]
_Newer = Annotated[str, AfterValidator(_span)] | Literal[False]
_Settings = dict[str, str | _Texts]
_Features = bool | _Texts


class _Index(BaseModel):
    model_config = ConfigDict(
        extra="ignore", strict=True, alias_generator=_TABLE["alias_generator"]
    )

    url: str
    name: Annotated[str, Field(pattern=r"^[\w.-]*$")] = ""
    default: bool = False
    explicit: bool = False
    format: Literal["simple", "flat"] = "simple"
    authenticate: Literal["auto", "always", "never"] = "auto"
    publish_url: str = ""


def _named(index: _Index) -> _Index:
    if index.explicit and not index.name:
        raise ValueError("an index that is explicit needs a name")
    return index


class _Metadata(BaseModel):
    model_config = _TABLE

    name: _Name
    version: str = ""
    requires_dist: Requirements = []
    requires_python: str | None = None
    provides_extra: _Names = []
    provides_extras: _Names = []


class _CacheKey(BaseModel):
    model_config = _TABLE

    file: str = ""
    dir: str = ""
    env: str = ""
    git: bool | dict[str, Any] = False


_Resolution = Literal["highest", "lowest", "lowest-direct"]
_Prerelease = Literal[
    "disallow", "allow", "if-necessary", "explicit", "if-necessary-or-explicit"
]
_BOTH: Final[dict[str, Any]] = {
    "index-url": str,
    "extra-index-url": _Texts,
    "no-index": bool,
    "find-links": _Texts,
    "index-strategy": Literal[
        "first-index", "unsafe-any-match", "unsafe-first-match", "unsafe-best-match"
    ],
    "keyring-provider": Literal["disabled", "subprocess"],
    "no-build-isolation": bool,
    "require-build-hashes": bool,
    "no-build-isolation-package": _Names,
    "extra-build-dependencies": dict[str, list[Requirement | dict[str, Any]]],
    "extra-build-variables": dict[str, dict[str, str]],
    "resolution": _Resolution,
    "prerelease": _Prerelease,
    "fork-strategy": Literal["fewest", "requires-python"],
    "dependency-metadata": list[_Metadata],
    "config-settings": _Settings,
    "config-settings-package": dict[str, _Settings],
    "exclude-newer": _Newer,
    "exclude-newer-package": dict[str, _Newer],
    "link-mode": Literal["clone", "reflink", "copy", "hardlink", "symlink"],
    "compile-bytecode": bool,
    "no-sources": bool,
    "no-sources-package": _Names,
    "upgrade": bool,
    "upgrade-package": Requirements,
    "reinstall": bool,
    "reinstall-package": _Names,
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
    **dict.fromkeys(("extra", "no-extra", "no-emit-package"), _Names),
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
    "index": list[Annotated[_Index, AfterValidator(_named)]],
    **dict.fromkeys(("http-proxy", "https-proxy", "check-url"), str),
    **dict.fromkeys(("no-proxy", "allow-insecure-host"), _Texts),
    "trusted-host": _Texts,
    "prerelease-package": dict[str, _Prerelease],
    **dict.fromkeys(("no-build", "no-binary"), bool),
    **dict.fromkeys(("no-build-package", "no-binary-package"), _Names),
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
    "publish-url": Annotated[str, Field(pattern=r"^[A-Za-z][\w+.-]*:")],
    "trusted-publishing": Literal["automatic", "always", "never"],
    "add-bounds": Literal["lower", "major", "minor", "exact"],
    "audit": dict[str, Any],
    "cache-keys": list[str | _CacheKey],
    "override-dependencies": Requirements,
    "exclude-dependencies": _Names,
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
