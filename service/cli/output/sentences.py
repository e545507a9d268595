"""Print explanations and simulations: sentences, from top to bottom."""

import re
from collections.abc import Iterable
from typing import Final

from service.cli.output.tables import echo_styled, style_of

__all__ = ["print_sentences"]

_WORD: Final = re.compile(r"^(\s*(?:Verdict: |It was ))?(\w+)(?=[ (:])")
"""The word of a sentence that has a colour: a verdict, a status or a severity."""


def print_sentences(lines: Iterable[str], *, indent: str = "") -> None:
    """Print an explanation's sentences; words of state have their colours."""
    for line in lines:
        found = _WORD.match(line)
        style = style_of(found[2].lower()) if found else ""
        if found is None or not style:
            echo_styled(indent, line)
            continue
        start, end = found.span(2)
        echo_styled(indent, line[:start], (line[start:end], style), line[end:])
