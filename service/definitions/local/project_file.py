"""A file of a project that is checked, and where its findings stand."""

from dataclasses import dataclass

from service.definitions.closure_builder import Reading
from service.definitions.formats.toml_json import Table
from service.definitions.formats.toml_lines import TomlLines
from service.definitions.paths import ResolvedPath
from service.definitions.queries import Asking
from service.definitions.text import show
from service.domain.findings import Severity

__all__ = ["ProjectFile", "open_project_file"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectFile:
    """A pyproject.toml or a uv.toml, its content and the lines of its keys."""

    reading: Reading
    found: ResolvedPath
    document: Table
    lines: TomlLines

    def error(self, code: str, message: str, *keys: str, word: str = "") -> None:
        """Report that the build would fail, with the line of a key."""
        self.reading.remark(
            Severity.ERROR,
            code,
            f"{show(self.found.path)}: {message}. The build would fail.",
            path=self.found.path,
            line=self.lines.line_of(*keys, word=word) or 1,
        )

    def warn(self, code: str, message: str, *keys: str) -> None:
        """Report what the build does otherwise than the file asks for."""
        self.reading.remark(
            Severity.WARNING,
            code,
            f"{show(self.found.path)}: {message}.",
            path=self.found.path,
            line=self.lines.line_of(*keys) or 1,
        )


def open_project_file(
    reading: Reading, found: ResolvedPath, document: Table
) -> Asking[ProjectFile]:
    """Make a parsed file ready for its checks: its bytes give the lines."""
    raw = yield from reading.files.content(found.entry.oid, found.real)
    return ProjectFile(
        reading=reading, found=found, document=document, lines=TomlLines(raw or b"")
    )
