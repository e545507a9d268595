"""Look up a head at a GitLab, with what will be read of it, in one request."""

from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from service.adapters.forge_api.account import relocate_repository
from service.adapters.forge_api.api_tree import Kept
from service.adapters.forge_api.caches import ImmutableCache
from service.adapters.forge_api.graphql.endpoint import GraphQl, is_sendable
from service.adapters.forge_api.graphql.known_objects import KnownObjects
from service.adapters.gitlab.head_answer import (
    ProjectView,
    keep_objects,
    read_answer,
)
from service.adapters.gitlab.head_query import write_query
from service.domain.repository import CommitSha, Ref, Repository, is_ref
from service.domain.source import Head, Revision, RevisionKind
from service.ports.remote import NO_READS, ExpectedReads
from service.ports.time import Clock

__all__ = ["GitLabHeadLookup"]

MEMBERS_ONLY_FOR: Final = timedelta(hours=1)
"""How long a project that nobody without a token may read is remembered as such."""
MAX_REMEMBERED: Final = 10_000
_HEADS: Final = "refs/heads/"


@dataclass(frozen=True, slots=True, kw_only=True)
class _FoundHead:
    """A head, and whether its project is shown to everybody."""

    head: Head
    is_public: bool


class GitLabHeadLookup:
    """Look up heads by GraphQL.

    GraphQL does not tell whether the code of a public project is for its members
    alone. So everybody's view is asked for first: what it shows is public. A token
    is used for what it does not show.

    Args:
        open_to_all: The endpoint of the host, without a token.
        with_token: The same with the token; null without one.
        kept: The cache of objects.
        host: The host, as part of the keys in the cache.
        clock: Gives the time.
    """

    def __init__(
        self,
        *,
        open_to_all: GraphQl,
        with_token: GraphQl,
        kept: ImmutableCache[Kept],
        host: str,
        clock: Clock,
    ) -> None:
        self._open_to_all = open_to_all
        self._with_token = with_token
        self._kept = kept
        self._host = host
        self._clock = clock
        self._members_only: OrderedDict[str, datetime] = OrderedDict()

    async def find(
        self, repository: Repository, revision: Revision, expected: ExpectedReads
    ) -> Head | None:
        """Return the head, and keep what came with it; None leaves it to REST.

        None also when there is no such ref or project: why is for REST to find out.

        Raises:
            TransientError: GitLab did not answer, or not in time.
            UnprovenAnswerError: It gives a path that cannot be a project's.
        """
        ref = revision.refs[0] if revision.refs else None
        is_askable = ref is None or (is_ref(ref) and is_sendable(ref))
        if (
            expected == NO_READS
            or revision.kind is RevisionKind.COMMIT
            or not is_askable
        ):
            return None
        if not self._is_members_only(repository):
            found = await self._ask(self._open_to_all, repository, ref, expected)
            if found is not None:
                return found.head
        found = await self._ask(self._with_token, repository, ref, expected)
        if found is None:
            return None
        self._remember(repository)
        # That a public project hides its code, or a whole GitLab everything, is for
        # REST to tell: it has the access level of the repository.
        return None if found.is_public else found.head

    def endpoint(self, repository: Repository) -> GraphQl:
        """Return the endpoint that shows a project whose head was found."""
        is_hidden = self._is_members_only(repository)
        return self._with_token if is_hidden else self._open_to_all

    async def _ask(
        self,
        graphql: GraphQl,
        repository: Repository,
        ref: Ref | None,
        expected: ExpectedReads,
    ) -> _FoundHead | None:
        query = write_query(repository, ref, expected)
        reply = await graphql.ask(
            query.text, query.variables, operation=f"look up {repository.url}"
        )
        answer = read_answer(reply, query) if reply else None
        if answer is not None and answer.visibility != "public":
            # Whatever it is good for, nobody else has to be asked for this project.
            self._remember(repository)
        commit = answer.commit if answer else None
        if answer is None or commit is None:
            return None
        if not answer.number or repository.number not in {None, answer.number}:
            return None
        ref = ref or Ref(f"{_HEADS}{answer.repository.root_ref}")
        if not is_ref(ref):
            return None
        objects = KnownObjects(kept=self._kept, owner=(self._host, answer.number))
        if not keep_objects(answer.repository, query, commit, objects):
            return None
        return self._found(repository, ref, answer, commit)

    def _found(
        self,
        repository: Repository,
        ref: Ref,
        answer: ProjectView,
        commit: CommitSha,
    ) -> _FoundHead:
        is_public = answer.visibility == "public"
        head = Head(
            commit=commit,
            ref=ref,
            repository=relocate_repository(
                repository, path=answer.full_path, number=answer.number
            ),
            is_private=not is_public,
        )
        return _FoundHead(head=head, is_public=is_public)

    def _is_members_only(self, repository: Repository) -> bool:
        until = self._members_only.get(repository.path)
        return until is not None and self._clock.now() < until

    def _remember(self, repository: Repository) -> None:
        if self._is_members_only(repository):
            return
        self._members_only[repository.path] = self._clock.now() + MEMBERS_ONLY_FOR
        if len(self._members_only) > MAX_REMEMBERED:
            self._members_only.popitem(last=False)
