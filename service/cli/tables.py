"""Tables and colours.

Colours are for terminals, and for those that NO_COLOR (https://no-color.org) does not
ask to spare.
"""

import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from service.cli.output import plain

__all__ = ["console", "say_styled", "show_table", "style_of"]

UNWRAPPED: Final = 10_000
"""Columns of a pipe: a script finds every id whole and every row on one line."""

STYLES: Final[Mapping[str, str]] = {
    "succeeded": "green",
    "up to date": "green",
    "running": "cyan",
    "queued": "yellow",
    "outdated": "yellow",
    "failed": "red",
    "error": "bold red",
    "warning": "yellow",
    "note": "cyan",
    "cancelled": "dim",
    "superseded": "dim",
    "changed": "cyan",
    "initial": "cyan",
    "unchanged": "green",
    "cosmetic": "green",
    "unknown": "yellow",
    "ref_gone": "yellow",
    "no_definition": "red",
    "accepted": "green",
    "refused": "red",
    "as expected": "green",
    "NOT as expected": "bold red",
}
"""Of states, verdicts and severities; other words have none."""


def style_of(word: str) -> str:
    """Return the style of a state, verdict or severity; empty for any other word."""
    return STYLES.get(word, "")


def console(*, is_error: bool = False) -> Console:
    """Return where tables and progress go."""
    stream = sys.stderr if is_error else sys.stdout
    width = None if stream.isatty() else UNWRAPPED
    return Console(stderr=is_error, width=width, highlight=False, markup=False)


def say_styled(*parts: str | tuple[str, str]) -> None:
    """Print one line of texts, each alone or with its style."""
    line = Text()
    for part in parts:
        text, style = (part, "") if isinstance(part, str) else part
        line.append(plain(text), style=style)
    console().print(line, soft_wrap=True)


def show_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print rows under columns; words of state have their colours.

    Args:
        columns: Their titles.
        rows: As many texts each.
    """
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in columns:
        table.add_column(title, overflow="fold")
    for row in rows:
        table.add_row(*(Text(plain(it), style=style_of(it)) for it in row))
    console().print(table)
