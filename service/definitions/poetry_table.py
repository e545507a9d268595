"""What poetry takes for a valid [tool.poetry] table: one model per major version.

https://python-poetry.org/docs/1.8/pyproject/, https://python-poetry.org/docs/pyproject/.
Poetry ships a JSON schema of it inside each release; no two of them can be installed
together, so these are its facts, and the tests hold them against the real releases.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Final, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    ValidationError,
)
from pydantic_core import ErrorDetails

from service.definitions.words import show

__all__ = ["Misfit", "misfits"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Misfit:
    """One thing in a table that poetry refuses."""

    keys: tuple[str, ...]
    """Where, from the table."""
    why: str


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
    """What [tool.poetry] adds to a dependency of [project], since version 2."""

    python: str = ""
    platform: str = ""
    markers: str = ""
    allow_prereleases: bool = False
    source: str = ""
    develop: bool = False


_TAG: Final = "as "
"""Begins the names of alternatives, which are no keys of the document."""
_FORMS: Final = ("git", "file", "path", "url", "version")


def _form(value: object) -> str:
    """Tell which alternative a dependency is written as."""
    if isinstance(value, str):
        return f"{_TAG}text"
    if isinstance(value, list):
        return f"{_TAG}list"
    if isinstance(value, Mapping):
        kind = next((key for key in _FORMS if key in value), "options")
        return f"{_TAG}{kind}"
    return f"{_TAG}text"


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
        return f"{_TAG}text"
    is_reference = "reference" in value or "type" in value
    return f"{_TAG}{'reference' if is_reference else 'callable'}"


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
    """What both versions read in the same way."""

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
    extras: dict[str, Texts] = {}
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


def misfits(table: Mapping[str, object], *, major: int) -> Iterator[Misfit]:
    """Yield what poetry of a major version refuses in a [tool.poetry] table."""
    model: type[BaseModel] = _Poetry2
    if major < 2:  # noqa: PLR2004 - the version itself
        model = _Virtual1 if table.get("package-mode") is False else _Poetry1
    try:
        model.model_validate(dict(table))
    except ValidationError as exc:
        # Of alternatives, each says what it misses; the first is the usual one.
        found = [_misfit(error) for error in exc.errors(include_url=False)]
        yield from {misfit.keys: misfit for misfit in reversed(found)}.values()


def _is_alternative(part: str | int) -> bool:
    """Say whether a part of a place names an alternative of the model."""
    return isinstance(part, str) and part.startswith((_TAG, "list[", "literal[", "_"))


_WORDS: Final = {
    "extra_forbidden": "poetry does not know this key here",
    "missing": "it is missing",
    "union_tag_invalid": "expected one of version, git, path, file and url in it",
    "too_short": "expected at least one entry",
}


def _misfit(error: ErrorDetails) -> Misfit:
    keys = tuple(str(part) for part in error["loc"] if not _is_alternative(part))
    why = _WORDS.get(error["type"])
    if why is None:
        wanted = error["msg"].removeprefix("Value error, ")
        wanted = wanted.replace("Input should be", "expected")
        why = f"{wanted}, found {show(repr(error['input']), limit=60)}"
    return Misfit(keys=keys, why=why)
