"""Looking: what does a source's head define now?

The reading of a definition asks questions (`service.definitions`); a remote answers.
"""

import asyncio
from collections.abc import Generator
from datetime import timedelta
from typing import Final

from service.definitions.closure import close
from service.definitions.questions import (
    MAX_CONTENT,
    Answer,
    Entries,
    Question,
)
from service.domain.definition import Definition, NoDefinition
from service.domain.evaluation import Looked, RefGone, SameHead
from service.domain.fingerprint import RULES_VERSION
from service.domain.repository import Repository
from service.domain.source import Head, Revision, RevisionKind, Seen
from service.errors import RemoteRefusedError, TransientError
from service.ports.remote import Remote, Tree

__all__ = ["DEADLINE", "look", "read_tree"]

DEADLINE: Final = timedelta(minutes=4)
"""For a whole look. A definition has few files, yet a slow remote answers for each."""


async def look(
    remote: Remote,
    repository: Repository,
    revision: Revision,
    context_dir: str,
    *,
    known: Seen | None = None,
) -> Looked | SameHead | RefGone:
    """Ask for the head, then read its definition.

    Args:
        remote: Answers for the repository.
        repository: Where to look.
        revision: What to look at.
        context_dir: Where the definition is; empty for the root.
        known: What was last seen there. When the head is still that commit, nothing
            is fetched and the answer is `SameHead`; leave it out to look anyway.

    Raises:
        RemoteRefusedError: The repository, or a pinned commit, is not there for us.
        TransientError: The remote did not answer, or contradicts itself for now.
    """
    try:
        async with asyncio.timeout(DEADLINE.total_seconds()):
            return await _look(remote, repository, revision, context_dir, known)
    except TimeoutError as exc:
        raise TransientError(
            f"looking at {repository.url} did not end within {DEADLINE}"
        ) from exc


async def _look(
    remote: Remote,
    repository: Repository,
    revision: Revision,
    context_dir: str,
    known: Seen | None,
) -> Looked | SameHead | RefGone:
    head = await remote.head(repository, revision)
    if isinstance(head, RefGone):
        return head
    if known is not None and _is_known(head, known):
        return SameHead(head=head)
    try:
        async with remote.tree(repository, head.commit) as tree:
            return Looked(head=head, found=await read_tree(tree, context_dir))
    except RemoteRefusedError as exc:
        if revision.kind is RevisionKind.COMMIT:
            raise
        # It named this commit a moment ago: its copies are not in step yet, or a
        # force push came between. The next look tells.
        raise TransientError(
            f"{repository.url} names commit {head.commit[:12]} and does not give it"
        ) from exc


async def read_tree(tree: Tree, context_dir: str) -> Definition | NoDefinition:
    """Read the definition in a tree's context directory (empty for the root)."""
    asking = close(context_dir)
    answer: Answer = None
    try:
        while True:
            # Parsing what a stranger wrote can take seconds: others go on meanwhile.
            said = await asyncio.to_thread(_next, asking, answer)
            if isinstance(said, Definition | NoDefinition):
                return said
            answer = await _answer(tree, said)
    finally:
        asking.close()


def _next(
    asking: Generator[Question, Answer, Definition | NoDefinition], answer: Answer
) -> Question | Definition | NoDefinition:
    """Give an answer (None to begin); return what is asked next, or what was found."""
    try:
        return asking.send(answer)
    except StopIteration as end:
        found: Definition | NoDefinition = end.value
        return found


def _is_known(head: Head, known: Seen) -> bool:
    """Say whether looking would only show again what was seen."""
    return (
        head.commit == known.commit
        and known.meaning is not None
        and known.rules == RULES_VERSION
    )


async def _answer(tree: Tree, question: Question) -> Answer:
    if isinstance(question, Entries):
        return await tree.entries(question.paths)
    return await tree.read(question.oid, limit=MAX_CONTENT)
