"""Read pip's own log (`PIP_LOG=/dev/stdout`) among what pip prints.

With a log pip prints no block of what a package's build printed: that is in the log, as
it came, and in its place stands "See above for output" or "No available output". So a
log is put back into the form that pip prints without one, but for what it knows of
indexes. https://github.com/pypa/pip/blob/main/src/pip/_internal/utils/subprocess.py
"""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from service.build_failures.build_blocks import BY_INSTALLER

__all__ = ["unfold_pip_log"]

_TIME: Final = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d,\d{3} "
_AT: Final = re.compile(rf"([ \t]*){_TIME}([ \t]*)(?:{_TIME})?")
"""What stands before each line of the log; twice where a pip started another."""
_COMMAND: Final = re.compile(r"\s*Running command ")
_STILL: Final = ": still running..."
_ELSEWHERE: Final = re.compile(
    r"(?P<frame>.{0,80}╰─> )(?:See above for output\.|No available output\.)"
)
_STATUS: Final = "│ exit code: "
"""Before the place of a command's output; what follows from it has none."""
_TRACE: Final = "Exception information:"
"""Of pip itself; an error is printed beside it."""
_MARKUP: Final = ("[present-rich]", "[bold magenta]")
"""In what is printed otherwise."""


def unfold_pip_log(lines: Sequence[str]) -> Sequence[str]:
    """Return the lines as pip prints them without its log; others as they are."""
    if not any(map(_AT.match, lines)):
        return lines
    return list(_unfolded(lines))


def _unfolded(lines: Sequence[str]) -> Iterator[str]:
    printed: list[str] = []
    """What the last command printed."""
    is_running = is_pip = is_trace = False
    last = ""
    for line in lines:
        at = _AT.match(line)
        if at is None:
            is_running, is_trace = is_running and _STILL in line, False
            place = _ELSEWHERE.match(line) if _STATUS in last else None
            yield from (line,) if place is None else _block(place["frame"], printed)
            last = line
            continue
        text = at[1] + at[2] + line[at.end() :]
        if _COMMAND.match(text):
            printed = []
            is_running, is_pip = True, BY_INSTALLER.search(text) is not None
        elif is_running:
            printed.append(text)
            if is_pip:
                yield text
        elif text.strip() == _TRACE:
            is_trace = True
        elif not is_trace and text.strip() not in last and not _is_markup(text):
            yield text


def _block(frame: str, printed: Sequence[str]) -> Iterator[str]:
    yield f"{frame}[{len(printed)} lines of output]"
    yield from printed
    yield "[end of output]"


def _is_markup(text: str) -> bool:
    return any(mark in text for mark in _MARKUP)
