"""Observe a source: read its head, then the definition at that commit.

The parser of definitions (`service.definitions`) asks for paths and contents; the
remote answers.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Final

from service.definitions import child_protocol
from service.definitions.formats.complexity import too_complex
from service.definitions.queries import (
    MAX_CONTENT,
    MAX_DIRECTORIES,
    Answer,
    Content,
    Entries,
    Listing,
    Question,
)
from service.domain.definition import Definition, NoDefinition
from service.domain.evaluation.comparison import HeadUnchanged, Observed, RefMissing
from service.domain.fingerprint import RULES_VERSION
from service.domain.repository import Repository
from service.domain.source import Head, Revision, RevisionKind, Seen
from service.errors import RemoteRefusedError, TransientError
from service.ports.remote import Remote, Tree
from service.ports.sandbox import Sandbox, Task, TooCostlyError
from service.usecases.expected_reads import expect_reads

__all__ = ["DEADLINE", "observe", "read_tree"]

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

    Raises:
        RemoteRefusedError: The repository or a pinned commit is refused.
        TransientError: The remote did not answer, or its replicas disagree.
    """
    try:
        # Under the five minutes that the evaluator stays with a source
        # (`consumers/evaluation/worker.py`): a forge that sends a byte a second ends
        # here, as a transient failure.
        async with asyncio.timeout(DEADLINE.total_seconds()):
            expected = expect_reads(known, context_dir)
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
                    found = await read_tree(tree, context_dir, sandbox=sandbox)
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
    tree: Tree, context_dir: str, *, sandbox: Sandbox
) -> Definition | NoDefinition:
    """Read the definition in a tree's context directory (empty for the root).

    Raises:
        TransientError: The remote or the sandbox did not answer.
    """
    files: list[str] = []
    try:
        # The parser runs in a child of its own limits and asks for paths; only this
        # side talks to the forge.
        async with sandbox.begin(Task.DEFINITION) as reading:
            message = child_protocol.begin(context_dir, sandbox.tools)
            while True:
                output = child_protocol.read(await reading.ask(message))
                if isinstance(output, Definition | NoDefinition):
                    return output
                if isinstance(output, Content):
                    files.append(output.path)
                message = child_protocol.write_answer(await _answer(tree, output))
    except TooCostlyError as exc:
        return too_complex(files[-1] if files else context_dir, str(exc))


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


async def _answer(tree: Tree, question: Question) -> Answer:
    if isinstance(question, Entries):
        return await tree.entries(question.paths)
    if isinstance(question, Listing):
        return await tree.listing(question.path, limit=MAX_DIRECTORIES)
    return await tree.read(question.oid, limit=MAX_CONTENT)
