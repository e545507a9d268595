"""What git's complaints mean.

Git says why it failed in English only. Refusals are known by their text; whatever
is not known passes for a fault of the moment, so that nothing is given up early.
"""

import re
from typing import Final

from service.adapters.git_command import Said
from service.errors import (
    PermanentError,
    RemoteRefusedError,
    ServiceError,
    TransientError,
)

__all__ = ["MovedError", "failure", "is_too_large", "refuses_ids"]

_REFUSALS: Final = re.compile(
    r"""
      repository\ '.*'\ not\ found
    | Authentication\ failed
    | could\ not\ read\ (?:Username|Password)
    | returned\ error:\ 4(?!08|25|29)\d\d
    | does\ not\ appear\ to\ be\ a\ git\ repository
    | is\ this\ a\ git\ repository\?
    | unable\ to\ update\ url\ base\ from\ redirection
    | upload-pack:\ not\ our\ ref
    | transport\ '.*'\ not\ allowed
    | detected\ dubious\ ownership
    | mismatched\ algorithms
    | dumb\ http\ transport
    """,
    re.VERBOSE,
)
"""The remote has it not, or not for us."""

_MOVED: Final = re.compile(r"returned error: 30[12378]")
"""It was told to follow no redirect, and met one."""

_NO_IDS: Final = re.compile(r"does not allow request for unadvertised object")
"""The server hands out refs only; https://git-scm.com/docs/protocol-v2 allows ids."""

_TOO_LARGE: Final = re.compile(r"File too large")
"""A file grew over the limit that `Git.run` set."""

MAX_QUOTE: Final = 300


class MovedError(RemoteRefusedError):
    """The repository is elsewhere now."""


def failure(said: Said, doing: str) -> ServiceError:
    """Say in our terms why a command failed.

    Args:
        said: What it answered.
        doing: What it was run for, such as `look up a ref of https://…`.
    """
    complaints = _complaints(said.err)
    message = f"cannot {doing}: {_quote(complaints, said.code)}"
    if _MOVED.search(complaints):
        return MovedError(message)
    if _REFUSALS.search(complaints):
        return RemoteRefusedError(message)
    if said.is_cut or is_too_large(said):
        return PermanentError(f"cannot {doing}: the answer is too large")
    return TransientError(message)


def is_too_large(said: Said) -> bool:
    """Say whether the command was stopped at the size of what it wrote."""
    return _TOO_LARGE.search(_complaints(said.err)) is not None


def refuses_ids(said: Said) -> bool:
    """Say whether the server does not give objects by their id."""
    return _NO_IDS.search(_complaints(said.err)) is not None


def _complaints(text: str) -> str:
    """Leave out what the server wrote for people: `remote: …`."""
    lines = text.splitlines()
    return "\n".join(it for it in lines if not it.startswith(("remote:", "warning:")))


def _quote(complaints: str, code: int) -> str:
    lines = complaints.splitlines()
    reason = next((it for it in lines if _REFUSALS.search(it)), None)
    fatal = next((it for it in lines if it.startswith("fatal:")), None)
    line = reason or fatal or next(iter(lines), f"git ended with {code}")
    printable = "".join(it if it.isprintable() else "�" for it in line)
    return printable.removeprefix("fatal: ")[:MAX_QUOTE]
