"""The extras of local projects: they count where somebody asks for one of them."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from service.definitions.formats.values import Table, canonical, table, text, texts

__all__ = ["OptionalDependencies"]


@dataclass(slots=True)
class OptionalDependencies:
    """Collects the extras that projects offer, and those that are asked for.

    A requirement may come before or after the project whose extra it asks for, so the
    two are put together at the end.
    """

    _offered: dict[str, tuple[str | None, str]] = field(default_factory=dict)
    """By directory: the name of the project, if it is known, and its extras."""
    _asked: set[str] = field(default_factory=set)
    _directories: set[str] = field(default_factory=set)
    _projects: set[str] = field(default_factory=set)
    _is_all: bool = False

    def enter(self, directory: str) -> None:
        """Note that the project in a directory is installed.

        What a setup.py asks for is not read, so of several projects each may ask for
        extras of the others.
        """
        self._projects.add(directory)

    def offer(self, directory: str, document: Table) -> None:
        """Add the extras of a project, and what its own dependencies ask for."""
        project = table(document, "project")
        name = text(project.get("name"))
        extras = project.get("optional-dependencies")
        poetry = table(document, "tool", "poetry")
        if extras:
            own = canonicalize_name(name) if name else None
            self._offered[directory] = own, canonical(extras)
        if "dependencies" in texts(project.get("dynamic")):
            self.ask_in(directory)  # it may ask for extras of its own
        for requirement in texts(project.get("dependencies")):
            try:
                wanted = Requirement(requirement)
            except (InvalidRequirement, RecursionError):
                continue
            self.ask(wanted.name, wanted.extras)
        for other, wanted_by_poetry in table(poetry, "dependencies").items():
            self.ask(other, texts(table(wanted_by_poetry).get("extras")))

    def ask(self, name: str, extras: Collection[str]) -> None:
        """Note which extras of a distribution are asked for."""
        if extras:
            self._asked.add(canonicalize_name(name))

    def ask_in(self, directory: str) -> None:
        """Note that extras of the project in a directory are asked for."""
        self._directories.add(directory)

    def ask_all(self) -> None:
        """Count the extras of every project."""
        self._is_all = True

    def rows(self) -> Iterator[tuple[str, str, str]]:
        """Yield the meaning of the extras that count."""
        for directory, (name, extras) in self._offered.items():
            is_asked = name is None or name in self._asked or len(self._projects) > 1
            if is_asked or directory in self._directories or self._is_all:
                yield "extras", directory, extras
