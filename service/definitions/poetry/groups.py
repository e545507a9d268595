"""The dependencies that a [tool.poetry] table names, group by group."""

from collections.abc import Iterator
from dataclasses import dataclass

from service.definitions.formats.toml_json import Table, list_tables, table
from service.definitions.formats.toml_lines import Keys

__all__ = ["Dependency", "list_dependencies"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dependency:
    """A name in one group, and what is wanted of it."""

    keys: Keys
    name: str
    wanted: object
    """A version, a table, or a list of both."""

    @property
    def is_main(self) -> bool:
        """Whether it is of the main group, which poetry writes into the metadata."""
        return self.keys[2] == "dependencies" or self.keys[2:4] == ("group", "main")

    @property
    def is_python(self) -> bool:
        """Whether it is the version of Python, which poetry reads apart."""
        return self.name.lower() == "python"

    @property
    def forms(self) -> list[Table]:
        """Its alternatives as tables; a plain version is a table with that alone."""
        if isinstance(self.wanted, str):
            return [{"version": self.wanted}]
        if isinstance(self.wanted, list):
            plain = [item for item in self.wanted if isinstance(item, str)]
            return [*({"version": item} for item in plain), *list_tables(self.wanted)]
        return [table(self.wanted)]


def list_dependencies(poetry: Table) -> Iterator[Dependency]:
    """Yield the dependencies of every group of a [tool.poetry] table."""
    groups: list[Keys] = [("dependencies",), ("dev-dependencies",)]
    groups += [("group", name, "dependencies") for name in table(poetry, "group")]
    for group in groups:
        for name, wanted in table(poetry, *group).items():
            keys = ("tool", "poetry", *group, name)
            yield Dependency(keys=keys, name=name, wanted=wanted)
