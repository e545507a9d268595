"""The questions that the parser of a definition asks about a commit.

The parser does no I/O. It is a generator that yields questions and is sent answers, so
plain git, a forge's API, a directory and the tests can all serve it.
"""

from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import Final, TypeVar

from service.domain.definition import Entry
from service.domain.repository import BlobId

__all__ = [
    "MAX_CONTENT",
    "MAX_DIRECTORIES",
    "Answer",
    "Asking",
    "Content",
    "Entries",
    "Listing",
    "Question",
]

MAX_CONTENT: Final = 1024 * 1024
"""Bytes. A definition has some kilobytes; the answer to a larger file is None."""

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
    """Asks for the content of a blob. Answered with bytes, or None if too large."""

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

Asking = Generator[Question, Answer, _T]
"""A generator that asks questions and returns a `_T`."""
