"""What a page has people run: its blocks, each found by how it begins.

Tests get what they run from here; `test_every_block.py` reads their calls, so that a
block that nobody asks for is found.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from scripts.docs import ROOT

__all__ = ["PAGES", "Block", "Page"]

_PARTS: Final = re.compile(r"\n\n(?=\S)|\n\n(?=    \S)")
_FENCED: Final = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_GENERATED: Final = re.compile(r"<!-- generated: .*?<!-- end -->", re.DOTALL)


class Block(NamedTuple):
    """A block, and the paragraph before it."""

    before: str
    text: str


@dataclass(frozen=True)
class Page:
    """A page, by its path in the repository."""

    name: str

    @property
    def path(self) -> Path:
        return ROOT / self.name

    @property
    def text(self) -> str:
        """All of it but what is generated."""
        return _GENERATED.sub("", self.path.read_text())

    def blocks(self) -> Sequence[Block]:
        """Return every block that is indented."""
        return list(_indented(self.text))

    def block(self, start: str) -> str:
        """Return the block that begins like this; with its end, the whole of it."""
        (found,) = {
            block.text for block in self.blocks() if f"{block.text}\n".startswith(start)
        }
        return found

    def section(self, title: str) -> Sequence[Block]:
        """Return the blocks below a heading, up to the next of its level."""
        _, found, rest = self.text.partition(f"\n## {title}\n")
        assert found, f"{self.name}: {title}"
        return list(_indented(rest.partition("\n## ")[0]))

    def code(self, language: str) -> str:
        """Return the block in fences that names a language."""
        (found,) = (text for name, text in self.fenced() if name == language)
        return found

    def fenced(self) -> Sequence[tuple[str, str]]:
        """Return the programs in fences, with their language; drawings have none."""
        return [found for found in _FENCED.findall(self.text) if found[0]]


def _indented(text: str) -> Iterator[Block]:
    before = ""
    for part in _PARTS.split(_FENCED.sub("", text)):
        lines = part.strip("\n").splitlines()
        if lines and all(item.startswith("    ") or not item for item in lines):
            yield Block(before, "\n".join(item[4:] for item in lines))
        else:
            before = part


PAGES: Final = [
    Page(str(path.relative_to(ROOT)))
    for path in sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
]
