"""The `[tool]` tables of a pyproject.toml: which of them a build can read."""

import re
from collections.abc import Mapping
from typing import Final

from packaging.utils import canonicalize_name

from service.definitions.formats.values import Table, table, text, texts

__all__ = [
    "BYSTANDERS",
    "find_builders",
    "has_known_builders",
    "has_own_backend",
    "takes_history",
    "unread_tables",
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
"""Build requirements, with the tables of `[tool]` that each reads."""
_BACKENDS: Final[Mapping[str, frozenset[str]]] = {
    "flit_core.buildapi": frozenset({"flit-core"}),
    "hatchling.build": frozenset({"hatchling"}),
    "pdm.backend": frozenset({"pdm-backend"}),
    "poetry.core.masonry.api": frozenset({"poetry-core", "poetry"}),
    "poetry.masonry.api": frozenset({"poetry"}),
    "setuptools.build_meta": frozenset({"setuptools"}),
    "setuptools.build_meta:__legacy__": frozenset({"setuptools"}),
    "uv_build": frozenset({"uv-build"}),
}
"""The backends of known build requirements, with those that bring each."""

BYSTANDERS: Final = frozenset(
    {
        "autoflake",
        "autopep8",
        "bandit",
        "basedpyright",
        "black",
        "blacken-docs",
        "bump-my-version",
        "bumpver",
        "bumpversion",
        "changelog",
        "check-manifest",
        "check-sdist",
        "check-wheel-contents",
        "cibuildwheel",
        "codeflash",
        "codespell",
        "commitizen",
        "conda-lock",
        "copier",
        "coverage",
        "creosote",
        "cruft",
        "curlylint",
        "cz",
        "deptry",
        "django-stubs",
        "djlint",
        "doc8",
        "docformatter",
        "docsig",
        "docstr-coverage",
        "fixit",
        "flake8",
        "flynt",
        "git-cliff",
        "importlinter",
        "inline-snapshot",
        "interrogate",
        "ipython",
        "isort",
        "jupyter-book",
        "jupytext",
        "liccheck",
        "marimo",
        "mdformat",
        "mutmut",
        "mypy",
        "nbqa",
        "nbstripout",
        "nitpick",
        "nox",
        "numpydoc_validation",
        "pdoc",
        "pip-audit",
        "pip-tools",
        "pixi",
        "poe",
        "poethepoet",
        "pre-commit",
        "pycln",
        "pydoclint",
        "pydocstyle",
        "pylint",
        "pymarkdown",
        "pyproject-fmt",
        "pyre",
        "pyrefly",
        "pyright",
        "pytest",
        "pytest-watcher",
        "pytest_env",
        "python-semantic-release",
        "pytype",
        "pyupgrade",
        "refurb",
        "repo-review",
        "rope",
        "rstcheck",
        "ruff",
        "rye",
        "safety",
        "scriv",
        "semantic_release",
        "shed",
        "slipcover",
        "slotscheck",
        "snakefmt",
        "sourcery",
        "sphinx",
        "sphinx-pyproject",
        "spin",
        "sqlfluff",
        "taskipy",
        "tbump",
        "tomlsort",
        "towncrier",
        "tox",
        "ty",
        "unasync",
        "unimport",
        "usort",
        "vermin",
        "vulture",
        "ward",
        "xdoctest",
        "yamlfix",
        "yapf",
        "zimports",
        "zuban",
    }
)
"""Tables of linters, formatters and similar tools, which no build backend reads."""

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
"""Build requirements that read the version or the list of files from git's history."""


def unread_tables(document: Table, *, is_built: bool) -> frozenset[str]:
    """Return the names of the tables that no build of the project reads."""
    names = frozenset(table(document, "tool"))
    if not is_built:
        return names
    if has_own_backend(document):
        return frozenset()
    if not has_known_builders(document):
        return names & BYSTANDERS
    readers = (_READ_BY[builder] for builder in find_builders(document))
    return names - frozenset().union(*readers)


def find_builders(document: Table) -> frozenset[str]:
    """Return the canonical names of the build requirements."""
    requires = texts(table(document, "build-system").get("requires"))
    return frozenset(_name(require) for require in requires) or frozenset(
        {"setuptools"}
    )


def has_known_builders(document: Table) -> bool:
    """Return whether it is known what the backend and all build requirements read."""
    builders = find_builders(document)
    if has_own_backend(document) or not builders <= _READ_BY.keys():
        return False
    backend = text(table(document, "build-system").get("build-backend"))
    # Without one, pip takes that of setuptools.
    return backend is None or not builders.isdisjoint(_BACKENDS.get(backend, ()))


def has_own_backend(document: Table) -> bool:
    """Return whether a project is built by a backend in its own directory.

    That is a program like any other, so it may read every table.
    """
    return "backend-path" in table(document, "build-system")


def takes_history(document: Table) -> bool:
    """Return whether building the project reads git's history."""
    version = table(document, "tool", "pdm", "version")
    is_pdm = version.get("source") == "scm" or "use_scm" in version
    is_dynamic = "version" not in table(document, "project")
    return not _HISTORIANS.isdisjoint(find_builders(document)) or (
        is_pdm and is_dynamic
    )


def _name(requirement: str) -> str:
    match = re.match(r"\s*([A-Za-z0-9][\w.-]*)", requirement)
    return canonicalize_name(match[1]) if match else requirement
