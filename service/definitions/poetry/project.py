"""A pyproject.toml that poetry installs, with its findings."""

from dataclasses import dataclass

from service.definitions.closure_builder import Reading
from service.definitions.formats.toml_json import Table, table, text
from service.definitions.formats.toml_lines import TomlLines
from service.definitions.paths import ResolvedPath
from service.definitions.text import show
from service.domain.findings import Severity

__all__ = ["PoetryProject", "package_name"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PoetryProject:
    """The document, and what its checks need."""

    reading: Reading
    found: ResolvedPath
    document: Table
    lines: TomlLines

    @property
    def version(self) -> str:
        """The version of poetry that builds use."""
        return self.reading.tools.poetry

    @property
    def major(self) -> int:
        """Its major version."""
        return self.reading.tools.poetry_major

    @property
    def is_modern(self) -> bool:
        """Whether poetry reads [project]."""
        return self.reading.tools.reads_project

    @property
    def poetry(self) -> Table:
        """The table [tool.poetry]."""
        return table(self.document, "tool", "poetry")

    @property
    def project(self) -> Table:
        """The table [project]."""
        return table(self.document, "project")

    @property
    def is_package(self) -> bool:
        """Whether poetry installs the project itself."""
        return self.poetry.get("package-mode") is not False

    def error(self, code: str, message: str, *keys: str, word: str = "") -> None:
        """Add an error, at the line of a key.

        Args:
            code: A machine-readable code.
            message: The problem and its fix, without the file's name.
            keys: The path of the key from the root of the document.
            word: An entry below the key, whose line is used instead.
        """
        why = f"{message}. The build would fail"
        self.remark(Severity.ERROR, code, why, *keys, word=word)

    def remark(
        self, severity: Severity, code: str, message: str, *keys: str, word: str = ""
    ) -> None:
        """Add a finding, at the line of a key."""
        self.reading.remark(
            severity,
            code,
            f"{show(self.found.path)}: {message}.",
            path=self.found.path,
            line=self.lines.line_of(*keys, word=word),
        )


def package_name(reading: Reading, document: Table) -> str | None:
    """Return the name by which poetry looks for the package of a project.

    Since version 2 that of [project], which [tool.poetry] only stands in for.
    """
    name = None
    if reading.tools.reads_project:
        name = text(table(document, "project").get("name"))
    return name or text(table(document, "tool", "poetry").get("name"))
