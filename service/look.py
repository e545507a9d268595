"""Looking: what does a source's head define now?

The reading of a definition asks questions (`service.definitions`); a remote answers.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Final

from service.definitions import apart
from service.definitions.complexity import too_complex
from service.definitions.questions import (
    MAX_CONTENT,
    MAX_DIRECTORIES,
    Answer,
    Content,
    Entries,
    Listing,
    Question,
)
from service.domain.definition import Definition, NoDefinition
from service.domain.evaluation import Looked, RefGone, SameHead
from service.domain.fingerprint import RULES_VERSION
from service.domain.repository import Repository
from service.domain.source import Head, Revision, RevisionKind, Seen
from service.errors import RemoteRefusedError, TransientError
from service.ports.remote import Remote, Tree
from service.ports.sandbox import Sandbox, Task, TooCostlyError

__all__ = ["DEADLINE", "look", "read_tree"]

DEADLINE: Final = timedelta(minutes=4)
"""For a whole look. A definition has few files, yet a slow remote answers for each."""


async def look(
    remote: Remote,
    repository: Repository,
    revision: Revision,
    context_dir: str,
    *,
    sandbox: Sandbox,
    known: Seen | None = None,
) -> Looked | SameHead | RefGone:
    """Ask for the head, then read its definition.

    Args:
        remote: Answers for the repository.
        repository: Where to look.
        revision: What to look at.
        context_dir: Where the definition is; empty for the root.
        sandbox: Where it is read.
        known: What was last seen there. When the head is still that commit, nothing
            is fetched and the answer is `SameHead`; leave it out to look anyway.

    Raises:
        RemoteRefusedError: The repository, or a pinned commit, is not there for us.
        TransientError: The remote did not answer, or contradicts itself for now.
    """
    try:
        async with asyncio.timeout(DEADLINE.total_seconds()):
            head = await remote.head(repository, revision)
            if isinstance(head, RefGone):
                return head
            if known is not None and _is_known(head, known):
                return SameHead(head=head)
            with _believed(repository, revision, head):
                async with remote.tree(repository, head.commit) as tree:
                    found = await read_tree(tree, context_dir, sandbox=sandbox)
            return Looked(head=head, found=found)
    except TimeoutError as exc:
        raise TransientError(
            f"looking at {repository.url} did not end within {DEADLINE}"
        ) from exc


@contextmanager
def _believed(repository: Repository, revision: Revision, head: Head) -> Iterator[None]:
    """Take a commit that was named a moment ago, and is refused, for a late one.

    The remote's copies are not in step yet, or a force push came between. The next
    look tells.
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
        async with sandbox.begin(Task.DEFINITION) as reading:
            message = apart.begin(context_dir, sandbox.tools)
            while True:
                said = apart.read(await reading.ask(message))
                if isinstance(said, Definition | NoDefinition):
                    return said
                if isinstance(said, Content):
                    files.append(said.path)
                message = apart.write_answer(await _answer(tree, said))
    except TooCostlyError as exc:
        return too_complex(files[-1] if files else context_dir, str(exc))


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
    if isinstance(question, Listing):
        return await tree.listing(question.path, limit=MAX_DIRECTORIES)
    return await tree.read(question.oid, limit=MAX_CONTENT)
