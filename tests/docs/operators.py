"""Somebody with a terminal and rights in a cluster, who follows a page."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.docs.shell import run_with, settings_in

__all__ = ["Operator"]


@dataclass(kw_only=True)
class Operator:
    """Runs and saves blocks, each filled in.

    `names` says what stands for what on the page; longer names come first.
    """

    folder: Path
    names: Mapping[str, str]
    settings: dict[str, str] = field(default_factory=dict)

    def fill(self, text: str) -> str:
        for name in sorted(self.names, key=len, reverse=True):
            text = text.replace(name, self.names[name])
        return text

    def save(self, name: str, text: str) -> None:
        """Save a block as a file; what a file of variables sets is set from now on."""
        filled = self.fill(text)
        (self.folder / name).write_text(f"{filled}\n")
        if name.endswith(".env"):
            self.settings |= settings_in(filled)

    async def run(self, block: str, *, typed: str = "") -> str:
        """Run a block; return what it prints.

        Args:
            block: Its lines.
            typed: The answers to its questions.
        """
        return await run_with(self.fill(block), self.folder, self.settings, typed=typed)

    @asynccontextmanager
    async def running(self, block: str) -> AsyncIterator[None]:
        """Run a block that goes on, beside what is done meanwhile."""
        async with asyncio.TaskGroup() as group:
            task = group.create_task(self.run(block))
            try:
                yield
            finally:
                task.cancel()
