"""Find in an installer's output what the builds of packages printed.

A build prints anything, also what an installer prints of an index.
"""

import re
from collections.abc import Iterator
from typing import Final

__all__ = ["BY_INSTALLER", "blank_builds", "last_output"]

_BLOCKS: Final = (
    # pip
    (
        re.compile(r"\[\d{1,9} lines of output\]\n"),
        re.compile(r"^[ \t│]*\[end of output\]", re.MULTILINE),
    ),
    # uv
    (
        re.compile(
            r"(?:cause:|[├╰]─▶) The build backend returned an error\n"
            r"(?:[ \t]*(?:cause:|╰─▶) Call to[^)]{1,300}\){1,2}\n)?"
        ),
        re.compile(
            r"^hint: |^ {6}hint: This usually indicates [^\n]{1,80}\n[ a-z]{1,80}\.\s*"
            r"(?:^  help: |\Z)|\Z",
            re.MULTILINE,
        ),
    ),
    # poetry: a build script, and the metadata of a path dependency
    (
        re.compile(r"^Preparing build environment [^\n]*\n", re.MULTILINE),
        re.compile(r"^Command \[", re.MULTILINE),
    ),
    (
        re.compile(
            r"^[ \t]*Backend subprocess exited when trying to invoke \w+\n",
            re.MULTILINE,
        ),
        re.compile(r"^[ \t]{0,40}at \S{1,300}/poetry/|^Note: |\Z", re.MULTILINE),
    ),
    (
        re.compile(
            r"errored with the following return code [^\n]{0,99}\n\n"
            r"(?:Error o|O)utput:\n"
        ),
        re.compile(r"^Fallback egg_info|\Z", re.MULTILINE),
    ),
)
"""How installers begin and end what a build printed."""
BY_INSTALLER: Final = re.compile(
    r"install(?:ing)? (?:build|backend) dependencies"
    r"|^[^\w\n]{0,40}(?:Running command )?git (?:clone|checkout|fetch|submodule) "
)
"""In the heading of a block in which pip prints what another pip or git printed."""
_LONGEST_HEADING: Final = 600
_PRINTED: Final = re.compile(r"[^\n]")


def last_output(text: str) -> str | None:
    """Return what the last build printed; None where that is not marked."""
    heads = [
        (match.end(), tail) for head, tail in _BLOCKS for match in head.finditer(text)
    ]
    if not heads:
        return None
    begin, tail = max(heads, key=lambda head: head[0])
    end = tail.search(text, begin)
    return text[begin : end.start()] if end else None


def blank_builds(text: str) -> str:
    """Return the text with spaces in place of what builds of packages printed.

    What follows keeps its place.
    """
    parts, at = [], 0
    for begin, end in sorted(_outputs(text)):
        begin = max(begin, at)  # noqa: PLW2901 - blocks of two installers may overlap
        if begin < end:
            parts += [text[at:begin], _PRINTED.sub(" ", text[begin:end])]
            at = end
    return "".join([*parts, text[at:]])


def _outputs(text: str) -> Iterator[tuple[int, int]]:
    yield 0, _end_of_cut_block(text)
    for head, tail in _BLOCKS:
        at = 0
        while match := head.search(text, at):
            at = match.end()
            heading = text[max(0, match.start() - _LONGEST_HEADING) : match.start()]
            if any(map(BY_INSTALLER.search, heading.split("\n")[-3:])):
                continue
            if (end := tail.search(text, at)) is None:
                break  # nor is there one for a later block
            yield at, end.start()
            at = max(at, end.start())


def _end_of_cut_block(text: str) -> int:
    """Return where a block of pip ends whose beginning is not in the text, or 0."""
    head, tail = _BLOCKS[0]
    begin, end = head.search(text), tail.search(text)
    is_cut = end is not None and (begin is None or end.start() < begin.start())
    return end.start() if end is not None and is_cut else 0
