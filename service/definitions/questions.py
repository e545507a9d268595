"""What the reading of a definition asks of a commit, and what it is answered.

The reading does no I/O. It is a generator that yields questions and is sent answers,
so plain git, a forge's API, a folder and the tests can all serve it.
"""

from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import Final, TypeVar

from service.domain.definition import Entry
from service.domain.repository import BlobId

__all__ = ["MAX_CONTENT", "Answer", "Asking", "Content", "Entries", "Question"]

MAX_CONTENT: Final = 1024 * 1024
"""Bytes. A definition is some kilobytes; whoever answers gives None for more."""


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


Question = Entries | Content
Answer = Mapping[str, Entry] | bytes | None

_T = TypeVar("_T")

Asking = Generator[Question, Answer, _T]
"""Asks until it knows, then returns a `_T`."""
