"""What commands print: lines and facts for people, JSON for programs.

Much of it was written by strangers (build logs, file names, branch names): control
characters never reach the terminal.
"""

import json
import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Final

import click

from service.cli.client import models

__all__ = [
    "echo",
    "example",
    "facts",
    "length",
    "moment",
    "output_option",
    "plain",
    "reference",
    "show_json",
    "took",
    "waiting_line",
    "yes_or_no",
]

_CONTROL: Final = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_BIDI: Final = re.compile("[\u202a-\u202e\u2066-\u2069]")
"""They make text read other than it is: https://trojansource.codes"""

output_option = click.option(
    "-o",
    "--output",
    type=click.Choice(["table", "json"]),
    default="table",
    show_default=True,
    help="A table to read, or JSON to work with.",
)


def example(*lines: str) -> str:
    """Return the end of a command's help text: how people use it."""
    # The first character makes click leave the lines as they are.
    title = "Example" if len(lines) == 1 else "Examples"
    return "\n  ".join((f"\b\n{title}:", *lines))


def plain(text: str) -> str:
    """Return text without anything that steers a terminal; tabs and lines stay."""
    return _BIDI.sub("", _CONTROL.sub("", text))


def echo(text: str = "") -> None:
    """Print lines for a person."""
    click.echo(plain(text))


def show_json(value: object) -> None:
    """Print a value as JSON."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def facts(pairs: Iterable[tuple[str, str | None]]) -> None:
    """Print names and values, one pair a line; pairs without a value are left out."""
    present = [(name, value) for name, value in pairs if value]
    width = max((len(name) for name, _ in present), default=0)
    for name, value in present:
        echo(f"{name + ':':<{width + 1}} {value}")


def moment(instant: datetime | None) -> str:
    """Write an instant in local time, to the second; empty for none."""
    return instant.astimezone().strftime("%Y-%m-%d %H:%M:%S") if instant else ""


def took(start: datetime, end: datetime | None) -> str:
    """Write how long it was between two instants; empty while there is no end."""
    return length(end - start) if end else ""


def length(value: timedelta) -> str:
    """Format a duration for people."""
    seconds = value.total_seconds()
    if seconds < 60:  # noqa: PLR2004 - a minute
        return f"{seconds:.1f} s"
    return f"{int(seconds // 60)} min {int(seconds % 60)} s"


def yes_or_no(value: bool) -> str:  # noqa: FBT001 - the value itself
    """Write a truth."""
    return "yes" if value else "no"


def waiting_line(waiting: "models.WaitingResponse | None") -> str:
    """Explain why something waits and when it is retried; empty when it does not."""
    if waiting is None:
        return ""
    return f"waiting because {waiting.message}{_again(waiting.until)}"


def _again(until: datetime | None) -> str:
    if until is None:
        return ""
    left = until - datetime.now(UTC)  # noqa: TID251 - the person's own clock
    return f"; again in {length(left)}" if left > timedelta() else "; again now"


def reference(image: str) -> str:
    """Shorten an image reference to its distinctive part."""
    name, found, digest = image.partition("@sha256:")
    return f"{name.rsplit('/', 1)[-1]}@{digest[:12]}" if found else image
