"""What installers read in a pyproject.toml, and what is only there for other tools.

https://packaging.python.org/en/latest/specifications/pyproject-toml/
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from packaging.utils import canonicalize_name

from service.definitions.tables import Table, canonical, table, tables, text, texts

__all__ = [
    "LocalPath",
    "is_of_poetry",
    "leads_out",
    "meaning",
    "poetry_paths",
    "project_meaning",
    "takes_history",
    "uv_paths",
]

_READ_BY: Final[Mapping[str, frozenset[str]]] = {
    "poetry-core": frozenset({"poetry"}),
    "poetry": frozenset({"poetry"}),
    "setuptools": frozenset({"setuptools", "distutils"}),
    "setuptools-scm": frozenset({"setuptools_scm"}),
    "wheel": frozenset(),
    "hatchling": frozenset({"hatch"}),
    "flit-core": frozenset({"flit"}),
    "pdm-backend": frozenset({"pdm"}),
    "uv-build": frozenset({"uv"}),
}
"""Build requirements, and the tables of `[tool]` that each of them reads."""

_BYSTANDERS: Final = frozenset(
    {
        "bandit",
        "basedpyright",
        "black",
        "bumpver",
        "bumpversion",
        "codespell",
        "commitizen",
        "coverage",
        "cruft",
        "deptry",
        "docformatter",
        "flake8",
        "importlinter",
        "interrogate",
        "ipython",
        "isort",
        "jupytext",
        "marimo",
        "mypy",
        "nbqa",
        "nox",
        "poe",
        "pydocstyle",
        "pydoclint",
        "pylint",
        "pyright",
        "pytest",
        "pyupgrade",
        "refurb",
        "ruff",
        "semantic_release",
        "taskipy",
        "towncrier",
        "tox",
        "ty",
        "vulture",
        "yapf",
        "yamlfix",
    }
)
"""Tables of checkers, formatters and the like. No build reads them, whoever builds."""

_TOLD: Final = frozenset({"description", "keywords"})
"""Texts that are copied and never interpreted."""
_HISTORIANS: Final = frozenset(
    {
        "dunamai",
        "hatch-vcs",
        "pbr",
        "poetry-dynamic-versioning",
        "setuptools-git",
        "setuptools-git-versioning",
        "setuptools-scm",
        "uv-dynamic-versioning",
        "vcs-versioning",
        "versioneer",
        "versioningit",
    }
)
"""Build requirements that take a version, or the list of files, from git's history."""
_LINKING: Final = ("dependencies", "dev-dependencies", "group")
"""Tables of poetry that name other projects by their path; those are followed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalPath:
    """A dependency that is a directory or an archive of the repository."""

    path: str
    """Relative to the file that names it."""
    is_editable: bool
    is_needed: bool = True
    """Whether a build fails without it; what only other groups name may be gone."""
    is_virtual: bool = False
    """It is not installed itself; what it depends on is."""


def is_of_poetry(document: Table) -> bool:
    """Say whether a project is poetry's, by its table or by what builds it."""
    builder = text(table(document, "build-system").get("build-backend")) or ""
    has_table = "poetry" in table(document, "tool")
    return has_table or builder.partition(".")[0] == "poetry"


def meaning(document: Table, *, installer: str, is_built: bool) -> str:
    """Write what an installer reads, so that equal readings look alike.

    Everything counts but the `[tool]` tables that nobody involved reads. Who is
    involved is known when every build requirement is known; when one is not, only
    tables that no build reads are left out.

    Args:
        document: The parsed file.
        installer: The `[tool]` table of the program that installs; empty for pip.
        is_built: Whether the project itself is built and installed.
    """
    tools = table(document, "tool")
    unread = _unread(document, is_built=is_built) - {installer}
    kept = {name: it for name, it in tools.items() if name not in unread}
    if "poetry" in kept:
        kept["poetry"] = _untold(table(tools, "poetry"))
    read: dict[str, object] = {
        name: it for name, it in document.items() if name != "tool"
    }
    read["tool"] = kept
    if "project" in read:
        read["project"] = _untold(table(document, "project"))
    return canonical(read)


def _unread(document: Table, *, is_built: bool) -> frozenset[str]:
    names = frozenset(table(document, "tool"))
    if not is_built:
        return names
    requires = texts(table(document, "build-system").get("requires"))
    builders = {_name(it) for it in requires} or {"setuptools"}
    if not builders <= _READ_BY.keys():
        return names & _BYSTANDERS
    return names - frozenset().union(*(_READ_BY[it] for it in builders))


def _untold(project: Table) -> dict[str, object]:
    """Keep of mere descriptions only what can make a build fail: their form."""
    return {
        key: _form(it) if key in _TOLD else it for key, it in sorted(project.items())
    }


def _form(value: object) -> object:
    if isinstance(value, str):
        return ["lines" if "\n" in value else "line"]
    if isinstance(value, list):
        return sorted({type(it).__name__ for it in value})
    return value


def _name(requirement: str) -> str:
    match = re.match(r"\s*([A-Za-z0-9][\w.-]*)", requirement)
    return canonicalize_name(match[1]) if match else requirement


def poetry_paths(document: Table) -> Iterator[LocalPath]:
    """Yield poetry's path dependencies, of every group.

    https://python-poetry.org/docs/dependency-specification/#path-dependencies
    """
    poetry = table(document, "tool", "poetry")
    main = poetry.get("dependencies")
    groups = [main, poetry.get("dev-dependencies")]
    groups += [table(it).get("dependencies") for it in table(poetry, "group").values()]
    for group in groups:
        for wanted in table(group).values():
            alternatives = [table(wanted)] if isinstance(wanted, Mapping) else []
            for it in (*alternatives, *tables(wanted)):
                path = text(it.get("path")) or text(it.get("file"))
                if path:
                    yield LocalPath(
                        path=path,
                        is_editable=it.get("develop") is True,
                        is_needed=group is main and it.get("optional") is not True,
                    )


def uv_paths(document: Table) -> Iterator[LocalPath]:
    """Yield uv's path sources and the workspace members that are named outright.

    What is installed stands in uv.lock, so a build does without any of them there.
    Members named by a pattern stand in uv.lock. Links pages are paths, too.

    https://docs.astral.sh/uv/concepts/projects/dependencies/#dependency-sources
    """
    uv = table(document, "tool", "uv")
    for wanted in table(uv, "sources").values():
        alternatives = [table(wanted)] if isinstance(wanted, Mapping) else []
        for it in (*alternatives, *tables(wanted)):
            path = text(it.get("path"))
            if path:
                is_editable = it.get("editable") is True or it.get("package") is False
                yield LocalPath(path=path, is_editable=is_editable, is_needed=False)
    for member in texts(table(uv, "workspace").get("members")):
        if not re.search(r"[*?\[{]", member):
            yield LocalPath(path=member, is_editable=True, is_needed=False)
    for page in texts(uv.get("find-links")):
        if "://" not in page:
            yield LocalPath(path=page, is_editable=False)


def project_meaning(document: Table) -> str:
    """Write what counts of a project whose code is installed.

    The image has the file itself, so that programs can read any table of it, and the
    description of the package. Only what is there for checkers and formatters is left
    out, with comments and the order of keys.
    """
    tools = table(document, "tool")
    kept = {name: it for name, it in tools.items() if name not in _BYSTANDERS}
    rest = {name: it for name, it in document.items() if name != "tool"}
    return canonical([rest, kept])


def takes_history(document: Table) -> bool:
    """Say whether building the project reads git's history."""
    requires = texts(table(document, "build-system").get("requires"))
    return not _HISTORIANS.isdisjoint(_name(it) for it in requires)


def leads_out(document: Table) -> bool:
    """Say whether a project's build is told of paths above its directory.

    Dependencies of poetry and uv on other projects are followed by themselves.
    """
    tools = table(document, "tool")
    poetry = {
        name: it for name, it in table(tools, "poetry").items() if name not in _LINKING
    }
    kept = {
        name: it
        for name, it in tools.items()
        if name not in _BYSTANDERS and name not in {"poetry", "uv"}
    }
    read = [document.get("project"), document.get("build-system"), kept, poetry]
    return any(".." in re.split(r"[/\\]", word) for word in _words(read))


def _words(value: object) -> Iterator[str]:
    todo = [value]
    while todo:
        it = todo.pop()
        if isinstance(it, str):
            yield it
        elif isinstance(it, Mapping):
            todo.extend((*it, *it.values()))
        elif isinstance(it, list):
            todo.extend(it)
