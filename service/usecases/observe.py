"""Observe a source: read its head, then the definition at that commit.

The parser of definitions (`service.definitions`) asks for paths and contents; the
remote answers.
"""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Final

import structlog

from service.definitions import messages
from service.definitions.formats.complexity import too_complex, unread
from service.definitions.known_readings import KnownReadings
from service.definitions.queries import (
    MAX_DIRECTORIES,
    Answer,
    Content,
    Entries,
    Listing,
    Question,
    max_bytes,
)
from service.domain.definition import Definition, NoDefinition
from service.domain.evaluation.comparison import HeadUnchanged, Observed, RefMissing
from service.domain.fingerprint import RULES_VERSION, Fingerprint
from service.domain.repository import Repository
from service.domain.source import Head, Revision, RevisionKind, Seen
from service.errors import RemoteRefusedError, TransientError
from service.ports.remote import Remote, Tree
from service.ports.sandbox import ReaderFaultError, Sandbox, Task, TooCostlyError
from service.usecases.expected_reads import expect_reads

__all__ = ["DEADLINE", "observe", "read_tree"]

log = structlog.get_logger(__name__)

DEADLINE: Final = timedelta(minutes=4)
"""The time-out of one observation. A definition has few files, but a slow remote may
take seconds for each."""


async def observe(
    remote: Remote,
    repository: Repository,
    revision: Revision,
    context_dir: str,
    *,
    sandbox: Sandbox,
    known: Seen | None = None,
    readings: KnownReadings | None = None,
    changed_paths: Sequence[str] = (),
) -> Observed | HeadUnchanged | RefMissing:
    """Read the head of a repository, then the definition at it.

    Args:
        remote: Reads the repository.
        repository: The repository.
        revision: The tracked revision.
        context_dir: The directory of the definition; empty for the root.
        sandbox: Parses the definition.
        known: What was last seen there. When the head is still that commit, nothing
            is fetched and the result is `HeadUnchanged`; None reads it in any case.
        readings: Remembers definitions, so that one that stayed is not parsed again.
        changed_paths: What pushes may have changed, to ask for it with the head.

    Raises:
        RemoteRefusedError: The repository or a pinned commit is refused.
        TransientError: The remote did not answer, or its replicas disagree.
    """
    try:
        # Under the five minutes that the evaluator stays with a source
        # (`consumers/evaluation/worker.py`): a forge that sends a byte a second ends
        # here, as a transient failure.
        async with asyncio.timeout(DEADLINE.total_seconds()):
            expected = expect_reads(known, context_dir, changed_paths)
            head = await remote.head(repository, revision, expected=expected)
            if isinstance(head, RefMissing):
                return head
            if known is not None and _is_known(head, known):
                return HeadUnchanged(head=head)
            with _expect_commit(repository, revision, head):
                # By the name that the forge reported just now: a rename between head
                # and tree would otherwise read nothing, or another repository.
                current = head.repository or repository
                async with remote.tree(current, head.commit, expected=expected) as tree:
                    found = await read_tree(
                        tree,
                        context_dir,
                        sandbox=sandbox,
                        readings=readings,
                        seen=known.fingerprint if known else None,
                    )
            return Observed(head=head, found=found)
    except TimeoutError as exc:
        raise TransientError(
            f"reading {repository.url} took longer than {DEADLINE}"
        ) from exc


@contextmanager
def _expect_commit(
    repository: Repository, revision: Revision, head: Head
) -> Iterator[None]:
    """Turn the refusal of a commit that was just named as head into a transient error.

    The remote's replicas are not in sync yet, or a force push came in between. Either
    way the next evaluation reads a consistent state.
    """
    try:
        yield
    except RemoteRefusedError as exc:
        if revision.kind is RevisionKind.COMMIT:
            raise
        raise TransientError(
            f"{repository.url} names commit {head.commit[:12]} and does not give it"
        ) from exc


async def read_tree(
    tree: Tree,
    context_dir: str,
    *,
    sandbox: Sandbox,
    readings: KnownReadings | None = None,
    seen: Fingerprint | None = None,
) -> Definition | NoDefinition:
    """Read the definition in a tree's context directory (empty for the root).

    Args:
        tree: The tree.
        context_dir: The directory.
        sandbox: Parses what is not known.
        readings: What was read before.
        seen: The fingerprint of what was last seen there.

    Raises:
        TransientError: The remote or the sandbox did not answer.
    """
    ask = _Asking(tree)
    first = messages.begin(context_dir, sandbox.tools)
    if readings is not None:
        found = await readings.recall(first, seen, ask)
        if found is not None:
            return found
    asked: dict[Question, Answer] = {}
    try:
        # The parser runs in a child of its own limits and asks for paths; only this
        # side talks to the forge.
        async with sandbox.begin(Task.DEFINITION) as reading:
            message = first
            while True:
                raw = await reading.ask(message)
                output = messages.read(raw)
                if isinstance(output, Definition | NoDefinition):
                    break
                answer = await ask(output)
                asked[output] = _without_content(answer)
                message = messages.write_answer(answer)
    except TooCostlyError as exc:
        return too_complex(_last_file(asked, context_dir), str(exc))
    except ReaderFaultError as exc:
        # A verdict, and no failure that passes: until the definition or this service
        # changes, each reading would end the same way, after every restart again.
        log.error("definition reader failed", error=str(exc))
        return unread(_last_file(asked, context_dir))
    if readings is not None and isinstance(output, Definition):
        readings.keep(first, asked, output, raw)
    return output


def _last_file(asked: Iterable[Question], context_dir: str) -> str:
    """Return the file that was read last, which is the one at fault."""
    files = [item.path for item in asked if isinstance(item, Content)]
    return files[-1] if files else context_dir


def _is_known(head: Head, known: Seen) -> bool:
    """Return whether the head's definition was already read, by the current rules."""
    return (
        head.commit == known.commit
        # A head without a definition is read again: what made it unreadable may have
        # been a limit or a rule of an earlier version.
        and known.meaning is not None
        and known.is_pinned is not None
        and known.rules == RULES_VERSION
    )


def _without_content(answer: Answer) -> Answer:
    """Return an answer as it is remembered; of a content, that it was given.

    The files that one definition names may have hundreds of megabytes together, and
    many definitions are read at once in the process that asks.
    """
    return b"" if isinstance(answer, bytes) else answer


class _Asking:
    """Answers questions about a tree; those about its entries once each."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._answers: dict[Entries | Listing, Answer] = {}

    async def __call__(self, question: Question) -> Answer:
        # Contents are not among those of an earlier reading, and are too large to keep.
        if isinstance(question, Content):
            limit = max_bytes(question.path)
            return await self._tree.read(question.oid, limit=limit)
        if question not in self._answers:
            self._answers[question] = await self._answer(question)
        return self._answers[question]

    async def _answer(self, question: Entries | Listing) -> Answer:
        if isinstance(question, Entries):
            return await self._tree.entries(question.paths)
        return await self._tree.listing(question.path, limit=MAX_DIRECTORIES)
