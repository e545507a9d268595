"""What the reading of a definition asks of a commit, and what it is answered.

The reading does no I/O. It is a generator that yields questions and is sent answers,
so plain git, a forge's API, a folder and the tests can all serve it.
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
"""Bytes. A definition is some kilobytes; whoever answers gives None for more."""

MAX_DIRECTORIES: Final = 100
"""Of one `Listing`. Some remotes are asked for each directory by itself, so all of
them stop at the same number: what is found may not depend on who answers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entries:
    """What is at these paths? Answered with a mapping from path to entry.

    Paths are from the root of the repository; the empty path is the root itself and
    is answered with its tree. A path that the answer leaves out is taken for absent.
    """

    paths: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What does this blob hold? Answered with bytes, or None when it is too large."""

    oid: BlobId
    path: str
    """Where it was found; for answers that are looked up by path."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """What is in this directory, and which links are anywhere below it?

    Answered with a mapping from path (from the root of the repository) to entry: the
    directory's own entries, and every symlink further down. None when there is no such
    directory, or when it holds more than `MAX_DIRECTORIES`, itself included.
    """

    path: str


Question = Entries | Content | Listing
Answer = Mapping[str, Entry] | bytes | None

_T = TypeVar("_T")

Asking = Generator[Question, Answer, _T]
"""Asks until it knows, then returns a `_T`."""
