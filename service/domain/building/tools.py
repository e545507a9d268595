"""The versions of the install tools, as far as reading a definition depends on them."""

import re
from dataclasses import dataclass
from typing import Final

__all__ = ["DEFAULT_TOOLS", "Tools"]

MODERN_POETRY: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """The versions of poetry, uv and Python that builds use."""

    poetry: str = "1.8.3"
    uv: str = ""
    """Empty when it is not known."""
    pip_python: str = "3.10"
    """The Python for a requirements.txt, which cannot request one."""
    pythons: tuple[str, ...] = ("3.10", "3.11", "3.12", "3.13", "3.14")
    """The minor versions of CPython that builds can use."""

    @property
    def reads_project(self) -> bool:
        """Whether poetry reads the [project] table: since version 2."""
        return self.poetry_major >= MODERN_POETRY

    @property
    def poetry_major(self) -> int:
        """The major version of poetry; 1 where the version has no number."""
        match = re.match(r"\d+", self.poetry)
        return int(match[0]) if match else 1


DEFAULT_TOOLS = Tools()
"""The versions that builds use unless settings name others."""
