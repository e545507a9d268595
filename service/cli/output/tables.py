"""Tables and colours.

Colours are for terminals, and for those that NO_COLOR (https://no-color.org) does not
ask to spare.
"""

import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from service.cli.output.printing import plain

__all__ = ["console", "echo_styled", "show_table", "style_of"]

UNWRAPPED: Final = 10_000
"""Columns of a pipe: a script finds every id whole and every row on one line."""

STYLES: Final[Mapping[str, str]] = {
    "ok": "green",
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


def echo_styled(*parts: str | tuple[str, str]) -> None:
    """Print one line of texts, each alone or with its style."""
    line = Text()
    for part in parts:
        text, style = (part, "") if isinstance(part, str) else part
        line.append(plain(text), style=style)
    console().print(line, soft_wrap=True)


def show_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print rows under columns; words of state have their colours.

    Where the terminal is too narrow for that, print one row after the other, each
    value after the title of its column. Ids stay whole, to be copied.

    Args:
        columns: Their titles.
        rows: As many texts each.
    """
    cells = [[plain(text) for text in row] for row in rows]
    out = console()
    widths = _least_widths(columns, cells)
    if sum(widths) + 2 * len(widths) > out.width:
        _show_rows(columns, cells)
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title, width in zip(columns, widths, strict=True):
        table.add_column(title, overflow="fold", min_width=width)
    for row in cells:
        table.add_row(*(Text(text, style=style_of(text)) for text in row))
    out.print(table)


def _least_widths(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[int]:
    """Return how narrow each column may become: ids whole, other texts folded."""
    widths = []
    for place, title in enumerate(columns):
        texts = [row[place] for row in rows]
        ids = [len(text) for text in texts if _ID.fullmatch(text)]
        folded = min(FOLDED, max(map(len, texts), default=0))
        widths.append(max(len(title), folded, *ids, 0))
    return widths


def _show_rows(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    width = max(map(len, columns))
    for row in rows:
        indent = ""
        for title, text in zip(columns, row, strict=True):
            if text:
                start = f"{indent}{title:<{width}} "
                echo_styled((start, "bold"), (text, style_of(text)))
            indent = "  "


_ID: Final = re.compile(r"[0-9A-Za-z]{26}|[a-z]+-[0-9a-f]{12,}")
"""Of launchers, builds, hooks…, and of deliveries."""

FOLDED: Final = 12
"""No column is folded to less, or words could not be read any more."""
