"""Describe one kind of definition: which files are its, and how they are read."""

import posixpath
from collections.abc import Callable, Collection
from dataclasses import dataclass

from service.definitions.closure_builder import Reading
from service.definitions.formats.toml_json import Table
from service.definitions.paths import ResolvedPath
from service.definitions.queries import Asking
from service.domain.definition import Kind

__all__ = ["Choice", "KindSpec"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The file that defines the environment."""

    kind: Kind
    found: ResolvedPath
    document: Table | None = None
    """Of a pyproject.toml that could be parsed."""
    others: tuple[ResolvedPath, ...] = ()
    """Files of lower precedence that would define an environment, too."""

    @property
    def name(self) -> str:
        """Return the name of the file."""
        return posixpath.basename(self.found.path)


@dataclass(frozen=True, slots=True, kw_only=True)
class KindSpec:
    """Hold everything that reading knows about one kind of definition."""

    kind: Kind
    follow: Callable[[Reading, Choice], Asking[None]]
    """Add what the chosen file pulls in, what it means and what is wrong with it."""
    names: tuple[str, ...] = ()
    """Files that define an environment by being there, in order of precedence."""
    locks: tuple[str, ...] = ()
    """Files that can decide whose a pyproject.toml is, and define nothing alone."""
    claims: Callable[[Table | None, Collection[str]], bool] | None = None
    """Whether a pyproject.toml (None when it cannot be parsed) is of this kind, given
    the locks of all kinds that are beside it. Asked in order of precedence."""
    installs_declared: bool = False
    """Whether every image of this kind contains all distributions that the definition
    declares. Conda packages need not be Python distributions, and uv may create its
    environment only in the session."""
    instead: str = "use another builder"
    """What a person does where a builder cannot build this kind."""
