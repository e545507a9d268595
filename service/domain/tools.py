"""The tools that install: what a definition must please depends on their versions."""

import re
from dataclasses import dataclass
from typing import Final

__all__ = ["DEFAULT_TOOLS", "Tools"]

MODERN_POETRY: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """The versions that builds use, as far as reading a definition depends on them."""

    poetry: str = "1.8.3"
    uv: str = ""
    """Empty when it is not known."""

    @property
    def reads_project(self) -> bool:
        """Whether poetry reads [project]: since version 2."""
        return self.poetry_major >= MODERN_POETRY

    @property
    def poetry_major(self) -> int:
        """The first number of poetry's version; that of 1.8 where it has none."""
        match = re.match(r"\d+", self.poetry)
        return int(match[0]) if match else 1


DEFAULT_TOOLS = Tools()
"""What builds use unless they are told otherwise."""
