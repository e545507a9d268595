"""Translate git's error messages into errors of this service.

Git has no error codes, so refusals are recognized by their English text. A message
that is not recognized is transient: retrying in vain costs less than giving up early.
"""

import re
from typing import Final

from service.adapters.git.command import CommandResult
from service.errors import (
    PermanentError,
    RemoteRefusedError,
    ServiceError,
    TransientError,
)

__all__ = ["MovedError", "is_too_large", "refuses_ids", "translate_failure"]

_REFUSALS: Final = re.compile(
    r"""
      repository\ '.{0,2000}'\ not\ found
    | Authentication\ failed
    | could\ not\ read\ (?:Username|Password)
    | returned\ error:\ 4(?!08|25|29)\d\d
    | does\ not\ appear\ to\ be\ a\ git\ repository
    | is\ this\ a\ git\ repository\?
    | unable\ to\ update\ url\ base\ from\ redirection
    | upload-pack:\ not\ our\ ref
    | transport\ '.{0,200}'\ not\ allowed
    | detected\ dubious\ ownership
    | mismatched\ algorithms
    | dumb\ http\ transport
    """,
    re.VERBOSE,
)
"""The repository or object does not exist, or we may not read it."""

_FOREIGN: Final = re.compile(r"detected dubious ownership")
"""The owner of a local repository is another user, whose hooks git would run.

https://git-scm.com/docs/git-config#Documentation/git-config.txt-safedirectory
"""

_MOVED: Final = re.compile(r"returned error: 30[12378]")
"""A redirect, where `http.followRedirects` is off."""

_NO_IDS: Final = re.compile(r"does not allow request for unadvertised object")
"""The server serves refs only; https://git-scm.com/docs/protocol-v2 allows ids."""

_TOO_LARGE: Final = re.compile(
    r"File too large|Out of memory, \w+ failed|flate: out of memory"
    r"|[Cc]annot allocate \d+ bytes"
)
"""A file grew over the limit that `Git.run` set, or an object needs more memory than
git may have. That it cannot fork, or map a file, is a matter of the moment.
"""

_URL_PREFIX: Final = re.compile(r"^unable to access '[^']*': ")
"""The URL, which `operation` names already."""

MAX_QUOTE: Final = 300


class MovedError(RemoteRefusedError):
    """The repository moved to another URL."""


def translate_failure(result: CommandResult, operation: str) -> ServiceError:
    """Translate a failed command into an error.

    Args:
        result: The result of the command.
        operation: Its purpose, such as `look up a ref of https://…`.
    """
    stderr = _strip_noise(result.err)
    message = f"cannot {operation}: {_quote_reason(stderr, result.code)}"
    # First: git reports a redirect as an HTTP error, and some of those also match a
    # refusal.
    if _MOVED.search(stderr):
        return MovedError(message)
    if _FOREIGN.search(stderr):
        # `safe.directory`, which git advises, is read from no configuration here.
        return RemoteRefusedError(
            f"{message}; run the service as the user that owns it, or change its owner"
        )
    if _REFUSALS.search(stderr):
        return RemoteRefusedError(message)
    # Permanent: the same commit has the same size at every try.
    if result.is_cut or is_too_large(result):
        return PermanentError(f"cannot {operation}: the answer is too large")
    return TransientError(message)


def is_too_large(result: CommandResult) -> bool:
    """Return whether the command exceeded its limit of file size, or of memory."""
    return _TOO_LARGE.search(_strip_noise(result.err)) is not None


def refuses_ids(result: CommandResult) -> bool:
    """Return whether the server refuses requests for objects by id."""
    return _NO_IDS.search(_strip_noise(result.err)) is not None


def _strip_noise(text: str) -> str:
    """Remove warnings and the server's own text, `remote: …`."""
    # A server can write anything there, also the text of a refusal that is not one.
    lines = text.splitlines()
    return "\n".join(
        line for line in lines if not line.startswith(("remote:", "warning:"))
    )


def _quote_reason(stderr: str, code: int) -> str:
    lines = stderr.splitlines()
    reason = next((text for text in lines if _REFUSALS.search(text)), None)
    fatal = next((text for text in lines if text.startswith("fatal:")), None)
    line = reason or fatal or next(iter(lines), f"git ended with {code}")
    printable = "".join(text if text.isprintable() else "�" for text in line)
    return _URL_PREFIX.sub("", printable.removeprefix("fatal: "))[:MAX_QUOTE]
