"""The questions that the parser of a definition asks about a commit.

The parser does no I/O. It is a generator that yields questions and is sent answers, so
plain git, a forge's API, a directory and the tests can all serve it.
"""

import posixpath
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import Final, TypeVar

from service.domain.definition import Entry
from service.domain.repository import BlobId

__all__ = [
    "MAX_CONTENT",
    "MAX_DIRECTORIES",
    "MAX_LOCK",
    "Answer",
    "Asking",
    "Content",
    "Entries",
    "Listing",
    "Question",
    "max_bytes",
]

MAX_CONTENT: Final = 1024 * 1024
"""Bytes. A definition has some kilobytes; the answer to a larger file is None."""

MAX_LOCK: Final = 5 * 1024 * 1024
"""Bytes of a lock file. That of a large workspace has 1.5 MB; in the JSON of a forge,
as base64, this much still fits into the answers that are taken."""
_LOCKS: Final = frozenset({"Pipfile.lock", "poetry.lock", "uv.lock"})

MAX_DIRECTORIES: Final = 100
"""Directories of one `Listing`. Some remotes need a request for each, so all of them
stop
at the same number: the result must not depend on the remote."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entries:
    """Asks for the entries at paths. Answered with a mapping from path to entry.

    Paths are from the root of the repository; the empty path is the root itself, with
    its tree as entry. A path that is missing in the answer is absent.
    """

    paths: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """Asks for the content of a blob.

    Answered with bytes, or None if it has more than `max_bytes` of its path.
    """

    oid: BlobId
    path: str
    """Its path, for remotes that read contents by path."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """Asks for the entries of a directory, and for every symlink below it.

    Answered with a mapping from path (from the root of the repository) to entry: the
    directory's own entries, and every symlink further down. None when there is no such
    directory, or when it holds more than `MAX_DIRECTORIES`, itself included.
    """

    path: str


Question = Entries | Content | Listing
Answer = Mapping[str, Entry] | bytes | None

_T = TypeVar("_T")


def max_bytes(path: str) -> int:
    """Return how large the file at a path may be and still be read."""
    return MAX_LOCK if posixpath.basename(path) in _LOCKS else MAX_CONTENT


Asking = Generator[Question, Answer, _T]
"""A generator that asks questions and returns a `_T`."""
