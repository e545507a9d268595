"""Definitions that were read before, found again without a process to read them.

What a definition is follows from the answers to the questions of its reading, and from
nothing else (`service.definitions.queries`). So where a commit gives every question of
an earlier reading the answer that it had then, its definition is the same one. Most
pushes touch no file of it, and a process to parse what strangers wrote costs as much as
everything else that a push needs.
"""

from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from sys import getsizeof
from typing import Final

from cachetools import LRUCache

from service.definitions import messages
from service.definitions.queries import Answer, Content, Entries, Listing, Question
from service.domain.definition import ABSENT, DIRECTORY, Definition
from service.domain.fingerprint import Fingerprint, digest
from service.domain.repository import BlobId

__all__ = ["KnownReadings"]

LIMIT: Final = 8 << 20
"""Bytes of what is kept; a definition of some files takes ten thousand."""
_READING: Final = 1024
"""Bytes of a reading, its key and its place in the cache, without what they hold."""
_STEP: Final = 512
"""Bytes of a question and the digest of its answer, without its paths."""

Ask = Callable[[Question], Awaitable[Answer]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _KnownReading:
    """The questions of one reading about entries, in order, with digested answers."""

    steps: tuple[tuple[Entries | Listing, Fingerprint], ...]
    counted: Collection[str]
    """The directories whose ids count, and not only that they are there."""
    result: bytes
    size: int


# One per process that evaluates, in memory alone: who starts reads everything once. By
# fingerprint, since the forks of a course have the same definition: each is parsed when
# it is first seen, as nobody knows yet what it probably is, and what is kept of it then
# is kept once for all of them.
class KnownReadings:
    """Remember how definitions were read.

    Args:
        limit: Bytes of all that is kept.
    """

    def __init__(self, *, limit: int = LIMIT) -> None:
        self._kept: LRUCache[tuple[bytes, Fingerprint], _KnownReading] = LRUCache(
            limit, getsizeof=lambda reading: reading.size
        )

    async def recall(
        self, first: bytes, seen: Fingerprint | None, ask: Ask
    ) -> Definition | None:
        """Return the definition of a commit where it is one that was read before.

        Args:
            first: What the reading begins with: the directory, and the tools.
            seen: The fingerprint of the definition that it probably is.
            ask: Gives the commit's answers.

        Raises:
            TransientError: The remote did not answer.
        """
        reading = None if seen is None else self._kept.get((first, seen))
        if reading is None:
            return None
        for question, answered in reading.steps:
            if _digest(await ask(question), reading.counted) != answered:
                return None
        found = messages.read(reading.result)
        return found if isinstance(found, Definition) else None

    def keep(
        self,
        first: bytes,
        answers: Mapping[Question, Answer],
        found: Definition,
        result: bytes,
    ) -> None:
        """Remember a reading.

        Args:
            first: What it began with.
            answers: Its questions, in order, with their answers; of contents counts
                only whether they were given.
            found: What was found.
            result: The same, as it was sent.
        """
        # A content that is not given may be given another time.
        if any(
            isinstance(question, Content) and answer is None
            for question, answer in answers.items()
        ):
            return
        # The id of a directory changes with everything below it. What counts of one is
        # an item of the closure with its id; else it counts that it is a directory.
        counted = frozenset(
            "" if item.path == "." else item.path
            for item in found.items
            if item.mode == DIRECTORY and item.oid
        )
        # Contents are asked for by their ids, which the answers before them gave.
        steps = tuple(
            (question, _digest(answer, counted))
            for question, answer in answers.items()
            if not isinstance(question, Content)
        )
        size = (
            _READING
            + getsizeof(first)
            + getsizeof(result)
            + _size(counted)
            + sum(_STEP + _size(_paths(question)) for question, _ in steps)
        )
        if size > self._kept.maxsize:
            return
        self._kept[first, found.fingerprint] = _KnownReading(
            steps=steps, counted=counted, result=result, size=size
        )


def _digest(answer: Answer, counted: Collection[str]) -> Fingerprint:
    if not isinstance(answer, Mapping):
        return Fingerprint("")
    return digest(
        (path, entry.mode, _counts(path, entry.mode, entry.oid, counted))
        for path, entry in answer.items()
        # A path that is missing in an answer is absent.
        if entry.mode != ABSENT
    )


def _counts(path: str, mode: str, oid: BlobId, counted: Collection[str]) -> str:
    return "" if mode == DIRECTORY and path not in counted else oid


def _paths(question: Entries | Listing) -> Collection[str]:
    return (question.path,) if isinstance(question, Listing) else question.paths


def _size(paths: Collection[str]) -> int:
    """Return the bytes of paths; short ones take many times their length."""
    return getsizeof(paths) + sum(map(getsizeof, paths))
