"""A pyproject.toml that poetry is to install, and the place to say what is wrong."""

from dataclasses import dataclass

from service.definitions.links import Found
from service.definitions.reading import Reading
from service.definitions.tables import Table, table
from service.definitions.toml_lines import TomlLines
from service.definitions.words import show
from service.domain.findings import Severity

__all__ = ["PoetryProject"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PoetryProject:
    """The document, and what checking it needs."""

    reading: Reading
    found: Found
    document: Table
    lines: TomlLines

    @property
    def version(self) -> str:
        """The poetry that builds."""
        return self.reading.tools.poetry

    @property
    def major(self) -> int:
        """Its major version."""
        return self.reading.tools.poetry_major

    @property
    def is_modern(self) -> bool:
        """Whether [project] counts."""
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
        """Say why the build would fail, at the line of a key.

        Args:
            code: A machine word.
            message: What was seen, what follows and what to do; without the file.
            keys: From the root of the document.
            word: An entry below the key that it is about.
        """
        why = f"{message}. The build would fail"
        self.remark(Severity.ERROR, code, why, *keys, word=word)

    def remark(
        self, severity: Severity, code: str, message: str, *keys: str, word: str = ""
    ) -> None:
        """Say something, at the line of a key."""
        self.reading.remark(
            severity,
            code,
            f"{show(self.found.path)}: {message}.",
            path=self.found.path,
            line=self.lines.line_of(*keys, word=word),
        )
