"""The files that definitions start from, by name alone: for who reads no definition.

Importing the kinds themselves takes a fifth of a second and every parser.
"""

from typing import Final

__all__ = ["CANDIDATES", "LOCKS", "PROJECT", "RULES_ABOVE"]

PROJECT: Final = "pyproject.toml"
CANDIDATES: Final = (
    "Pipfile",
    "requirements.txt",
    "package-list.txt",
    "environment.yml",
    PROJECT,
)
"""Files that define an environment, in order of precedence."""
LOCKS: Final = ("uv.lock",)
"""Files that decide whose a pyproject.toml is."""
RULES_ABOVE: Final = (".gitattributes", ".gitignore", ".hgignore", ".gitmodules")
"""Files in the parent directories of a project that change its content: git converts
files by the first, build backends exclude files by the next two, and the last one names
the URLs of submodules."""
