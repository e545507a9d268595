"""Tables in terminals of any width."""

import io
import sys

import pytest

from service.cli.output.printing import plain
from service.cli.output.tables import show_table

ULID = "01J5M3Z0000000000000000000"
COLUMNS = ("ID", "NAME", "REPOSITORY", "STATE", "IMAGE")
ROW = (ULID, "course", "https://github.com/me/course", "not built", "env@0123456789ab")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def shown(monkeypatch: pytest.MonkeyPatch, width: int) -> list[str]:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    show_table(COLUMNS, [ROW])
    return [line.rstrip() for line in plain(terminal.getvalue()).splitlines()]


@pytest.mark.parametrize("width", [40, 60, 80, 100, 200])
def test_an_id_stays_whole(monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    assert any(ULID in text for text in shown(monkeypatch, width))


def test_a_narrow_terminal_shows_one_row_after_the_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert shown(monkeypatch, 60) == [
        f"ID         {ULID}",
        "  NAME       course",
        "  REPOSITORY https://github.com/me/course",
        "  STATE      not built",
        "  IMAGE      env@0123456789ab",
    ]


def test_a_wide_terminal_shows_a_line_for_each(monkeypatch: pytest.MonkeyPatch) -> None:
    header, row = shown(monkeypatch, 140)

    assert header.split() == list(COLUMNS)
    assert row.split("  ")[0] == ULID
