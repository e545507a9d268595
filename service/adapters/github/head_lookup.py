"""Look up a head at GitHub, with what will be read of it, in one request."""

from service.adapters.forge_api.account import relocate_repository
from service.adapters.forge_api.api_tree import Kept
from service.adapters.forge_api.caches import ImmutableCache
from service.adapters.forge_api.graphql.endpoint import GraphQl, is_sendable
from service.adapters.forge_api.graphql.known_objects import KnownObjects
from service.adapters.github.head_answer import (
    RepositoryView,
    keep_objects,
    read_answer,
)
from service.adapters.github.head_query import write_query
from service.domain.repository import CommitSha, Ref, Repository, is_ref
from service.domain.source import Head, Revision, RevisionKind
from service.ports.remote import NO_READS, ExpectedReads

__all__ = ["GitHubHeadLookup"]


class GitHubHeadLookup:
    """Look up heads by GraphQL.

    Args:
        graphql: The endpoint of the host.
        kept: The cache of objects.
        host: The host, as part of the keys in the cache.
    """

    def __init__(
        self, *, graphql: GraphQl, kept: ImmutableCache[Kept], host: str
    ) -> None:
        self._graphql = graphql
        self._kept = kept
        self._host = host

    async def find(
        self, repository: Repository, revision: Revision, expected: ExpectedReads
    ) -> Head | None:
        """Return the head, and keep what came with it; None leaves it to REST.

        None also when there is no such ref or repository: why is for REST to find
        out. With nothing to read it is cheaper to ask REST conditionally.

        Raises:
            TransientError: GitHub did not answer, or not in time.
            UnprovenAnswerError: It gives a path that cannot be a repository's.
        """
        owner, _, name = repository.path.partition("/")
        refs = [ref for ref in revision.refs if is_ref(ref) and is_sendable(ref)]
        is_askable = name and "/" not in name and len(refs) == len(revision.refs)
        if (
            expected == NO_READS
            or revision.kind is RevisionKind.COMMIT
            or not is_askable
        ):
            return None
        query = write_query(owner, name, refs, expected)
        reply = await self._graphql.ask(
            query.text, query.variables, operation=f"look up {repository.url}"
        )
        answer = read_answer(reply, query.refs) if reply else None
        # Asked by name, so the number has to be compared: REST then finds where the
        # known repository went.
        if answer is None or repository.number not in {None, answer.database_id}:
            return None
        return self._head(repository, refs, answer)

    def _head(
        self, repository: Repository, refs: list[Ref], answer: RepositoryView
    ) -> Head | None:
        for place, found in enumerate(answer.refs):
            if found is None and answer.is_partial:
                return (
                    None  # the ref may be there: a tag of its name must not replace it
                )
            if found is None:
                continue
            ref = refs[place] if refs else Ref(f"refs/heads/{found.name}")
            commit = found.commit()
            if commit is None or not is_ref(ref):
                return None
            owner = (self._host, answer.database_id)
            keep_objects(commit, KnownObjects(kept=self._kept, owner=owner))
            return Head(
                commit=CommitSha(commit["oid"]),
                ref=ref,
                repository=relocate_repository(
                    repository, path=answer.name_with_owner, number=answer.database_id
                ),
                is_private=answer.is_restricted,
            )
        return None
