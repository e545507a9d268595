"""Schemas of the [tool.poetry] table: one model per major version of poetry.

https://python-poetry.org/docs/1.8/pyproject/, https://python-poetry.org/docs/pyproject/.
Each release of poetry contains a JSON schema of the table. Two releases cannot be
installed together, so the models repeat the schemas; tests compare them with the real
releases.
"""

import re
from collections.abc import Mapping
from typing import Annotated, Final, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
)

__all__ = ["TAG", "table_model"]


def _hyphenated(name: str) -> str:
    return name.rstrip("_").replace("_", "-")


class _Table(BaseModel):
    model_config = ConfigDict(
        extra="forbid", strict=True, alias_generator=_hyphenated, frozen=True
    )


def _url(value: str) -> str:
    if not re.fullmatch(r"\w+:/?/?\S+", value):
        raise ValueError("expected a URL with its scheme, such as https://…")
    return value


def _line(value: str) -> str:
    if "\n" in value:
        raise ValueError("expected a single line")
    return value


Url = Annotated[str, AfterValidator(_url)]
Line = Annotated[str, AfterValidator(_line)]
Texts = list[str]


def _name(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9._-]+", value):
        raise ValueError("expected the name of a package, and nothing else")
    return value


Names = list[Annotated[str, AfterValidator(_name)]]


class _Conditional(_Table):
    python: str = ""
    platform: str = ""
    markers: str = ""
    optional: bool = False
    extras: Texts = []


class _Released(_Conditional):
    version: str
    allow_prereleases: bool = False
    allows_prereleases: bool = False
    source: str = ""


class _Cloned(_Conditional):
    git: str
    branch: str = ""
    tag: str = ""
    rev: str = ""
    subdirectory: str = ""
    allow_prereleases: bool = False
    allows_prereleases: bool = False
    develop: bool = False


class _File(_Conditional):
    file: str
    subdirectory: str = ""


class _Path(_Conditional):
    path: str
    subdirectory: str = ""
    develop: bool = False


class _Linked(_Conditional):
    url: str
    subdirectory: str = ""


class _Options(_Table):
    """Options that [tool.poetry] adds to a dependency of [project] since version 2."""

    python: str = ""
    platform: str = ""
    markers: str = ""
    allow_prereleases: bool = False
    source: str = ""
    develop: bool = False


TAG: Final = "as "
"""The prefix of the models' tags, to separate them from keys of the document."""
_FORMS: Final = ("git", "file", "path", "url", "version")


def _form(value: object) -> str:
    """Return the tag of the form in which a dependency is written."""
    if isinstance(value, str):
        return f"{TAG}text"
    if isinstance(value, list):
        return f"{TAG}list"
    if isinstance(value, Mapping):
        kind = next((key for key in _FORMS if key in value), "options")
        return f"{TAG}{kind}"
    return f"{TAG}text"


_Tabled = (
    Annotated[str, Tag("as text")]
    | Annotated[_Released, Tag("as version")]
    | Annotated[_Cloned, Tag("as git")]
    | Annotated[_File, Tag("as file")]
    | Annotated[_Path, Tag("as path")]
    | Annotated[_Linked, Tag("as url")]
)
_One = Annotated[_Tabled, Discriminator(_form)]
_Two = Annotated[_Tabled | Annotated[_Options, Tag("as options")], Discriminator(_form)]
_Dependency1 = Annotated[
    _Tabled | Annotated[list[_One], Field(min_length=1), Tag("as list")],
    Discriminator(_form),
]
_Dependency2 = Annotated[
    _Tabled
    | Annotated[_Options, Tag("as options")]
    | Annotated[list[_Two], Field(min_length=1), Tag("as list")],
    Discriminator(_form),
]


class _Group1(_Table):
    dependencies: dict[str, _Dependency1]
    optional: bool = False


class _Group2(_Table):
    dependencies: dict[str, _Dependency2] = {}
    optional: bool = False
    include_groups: Texts = []


_Formats = Literal["sdist", "wheel"] | list[Literal["sdist", "wheel"]]


class _Package(_Table):
    include: str
    from_: str = ""
    to: str = ""
    format: _Formats = []


class _Include(_Table):
    path: str
    format: _Formats = []


class _Reference(_Table):
    reference: str
    type: Literal["file", "console"]
    extras: Texts = []


class _Callable(_Table):
    callable: str = ""
    extras: Texts = []


def _script_form(value: object) -> str:
    if not isinstance(value, Mapping):
        return f"{TAG}text"
    is_reference = "reference" in value or "type" in value
    return f"{TAG}{'reference' if is_reference else 'callable'}"


_Script = Annotated[
    Annotated[str, Tag("as text")]
    | Annotated[_Reference, Tag("as reference")]
    | Annotated[_Callable, Tag("as callable")],
    Discriminator(_script_form),
]


class _Build(_Table):
    script: str = ""
    generate_setup_file: bool = False


class _Source(_Table):
    name: str
    url: Url = "https:"
    links: bool = False
    indexed: bool = False


class _Source2(_Source):
    priority: Literal["primary", "supplemental", "explicit"] = "primary"


class _Source1(_Source):
    priority: Literal["primary", "default", "secondary", "supplemental", "explicit"] = (
        "primary"
    )
    default: bool = False
    secondary: bool = False


class _Described(_Table):
    """The keys that are equal in both versions."""

    package_mode: bool = True
    keywords: Texts = []
    homepage: Url = "https:"
    repository: Url = "https:"
    documentation: Url = "https:"
    license: str = ""
    maintainers: Texts = []
    readme: str | Texts = ""
    classifiers: list[object] = []
    packages: list[_Package] = []
    include: list[str | _Include] = []
    exclude: list[object] = []
    extras: dict[str, Names] = {}
    build: str | _Build = ""
    scripts: dict[str, _Script] = {}
    plugins: dict[str, dict[str, str]] = {}
    urls: dict[str, str] = {}


class _Poetry1(_Described):
    name: str
    version: str
    description: Line
    authors: Texts
    dependencies: dict[str, _Dependency1] = {}
    dev_dependencies: dict[str, _Dependency1] = {}
    group: dict[str, _Group1] = {}
    source: list[_Source1] = []


class _Virtual1(_Poetry1):
    """A project that is no package."""

    name: str = ""
    version: str = ""
    description: Line = ""
    authors: Texts = []


class _Poetry2(_Described):
    name: str = ""
    version: str = ""
    description: Line = ""
    authors: Texts = []
    dependencies: dict[str, _Dependency2] = {}
    dev_dependencies: dict[str, _Dependency2] = {}
    group: dict[str, _Group2] = {}
    source: list[_Source2] = []
    requires_poetry: str = ""
    requires_plugins: dict[str, object] = {}
    build_constraints: dict[str, object] = {}


def table_model(table: Mapping[str, object], *, major: int) -> type[BaseModel]:
    """Return the model of a [tool.poetry] table for a major version of poetry."""
    if major >= 2:  # noqa: PLR2004 - the version itself
        return _Poetry2
    return _Virtual1 if table.get("package-mode") is False else _Poetry1
