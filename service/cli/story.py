"""Explanations and simulations, as the service tells them: sentences, top to bottom."""

import re
from typing import Final

from service.cli.answer import Answer
from service.cli.tables import say_styled, style_of

__all__ = ["tell"]

_WORD: Final = re.compile(r"^(\s*(?:Verdict: |It was ))?(\w+)(?=[ (:])")
"""The word of a sentence that has a colour: a verdict, a status or a severity."""


def tell(story: Answer, *, indent: str = "") -> None:
    """Print a story's sentences; words of state have their colours."""
    for line in story.texts("lines"):
        found = _WORD.match(line)
        style = style_of(found[2].lower()) if found else ""
        if found is None or not style:
            say_styled(indent, line)
            continue
        start, end = found.span(2)
        say_styled(indent, line[:start], (line[start:end], style), line[end:])
