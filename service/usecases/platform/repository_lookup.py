"""Look a repository up: whether it can be built from, and who may read it.

What is tracked is answered from the last evaluation, without asking the forge: Renku's
pages ask this for every build that they show.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from typing import Final
from urllib.parse import urlsplit

from service.domain.repository import Repository
from service.domain.rights.caller import Caller, MemberRole
from service.domain.rights.decision import Subject
from service.domain.source import Head, Revision, Source
from service.errors import InvalidRequestError, RemoteRefusedError, TransientError
from service.ports.remote import Remote
from service.ports.store import Store
from service.usecases.rights.authorize import Authorizer

__all__ = ["FoundRepository", "RepositoryLookup", "UrlProblem"]

DEADLINE: Final = timedelta(seconds=10)
"""A page waits for the answer."""


class UrlProblem(Enum):
    """Why nothing can be built from a URL; Renku's words."""

    NO_SCHEME = "no_url_scheme"
    NO_HOST = "no_url_host"
    NO_PATH = "no_url_path"
    INVALID_SCHEME = "invalid_url_scheme"
    INVALID_URL = "invalid_git_url"
    UNAUTHORIZED = "metadata_unauthorized"
    """It does not exist, or the caller may not read it: one answer."""
    UNKNOWN = "metadata_unknown"
    """Its forge did not answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundRepository:
    """A repository that may be read."""

    url: str
    is_private: bool


class RepositoryLookup:
    """Look repositories up.

    Args:
        store: Knows what is tracked.
        remote: Asked for what is not, by administrators: with all credentials.
        anonymous_remote: Asked for what is not by everybody else.
        authorizer: Decides who reads what.
        allow_files: Whether `file://` repositories may be tracked.
    """

    def __init__(
        self,
        *,
        store: Store,
        remote: Remote,
        anonymous_remote: Remote,
        authorizer: Authorizer,
        allow_files: bool,
    ) -> None:
        self._store = store
        self._remote = remote
        self._anonymous_remote = anonymous_remote
        self._authorizer = authorizer
        self._allow_files = allow_files

    async def find(
        self, caller: Caller, url: str
    ) -> FoundRepository | UrlProblem | None:
        """Look a URL up; None where nothing is known, and nobody was asked.

        Forges are asked for callers with a credential only: anybody else could have
        this service ask any host.
        """
        repository = self._parse(url)
        if isinstance(repository, UrlProblem):
            return repository
        async with self._store.reading() as tx:
            candidates = await tx.sources.of_repository(repository)
        known = [
            source
            for source in candidates
            if source.seen is not None and source.repository.is_same(repository)
        ]
        if known:
            return await self._tracked(caller, known)
        return None if caller.is_anonymous else await self._ask(caller, repository)

    def _parse(self, url: str) -> Repository | UrlProblem:
        scheme, found, rest = url.strip().partition("://")
        if not found:
            return UrlProblem.NO_SCHEME
        allowed = {"http", "https", *(["file"] if self._allow_files else [])}
        if scheme.lower() not in allowed:
            return UrlProblem.INVALID_SCHEME
        if rest.startswith("/") and scheme != "file":
            return UrlProblem.NO_HOST
        try:
            if not urlsplit(url).path.strip("/"):
                return UrlProblem.NO_PATH
            return Repository.from_url(url)
        except (InvalidRequestError, ValueError):
            return UrlProblem.INVALID_URL

    async def _tracked(
        self, caller: Caller, known: Sequence[Source]
    ) -> FoundRepository | UrlProblem:
        url = known[0].repository.url
        if not any(source.private_to for source in known):
            return FoundRepository(url=url, is_private=False)
        if caller.filter().is_everything:
            return FoundRepository(url=url, is_private=True)
        async with self._store.reading() as tx:
            for source in known:
                if await self._authorizer.has_role(
                    tx, caller, MemberRole.VIEWER, Subject.SOURCE, source.id
                ):
                    return FoundRepository(url=url, is_private=True)
        return UrlProblem.UNAUTHORIZED

    async def _ask(
        self, caller: Caller, repository: Repository
    ) -> FoundRepository | UrlProblem:
        may_all = caller.may_administer
        # What anybody reads may be shown to anybody. The installation's credentials
        # read more, and say nothing of what this caller may read.
        remote = self._remote if may_all else self._anonymous_remote
        try:
            async with asyncio.timeout(DEADLINE.total_seconds()):
                head = await remote.head(repository, Revision.from_text(""))
        except RemoteRefusedError:
            return UrlProblem.UNAUTHORIZED
        except (TransientError, TimeoutError):
            return UrlProblem.UNKNOWN
        is_private = isinstance(head, Head) and bool(head.is_private)
        return FoundRepository(url=repository.url, is_private=is_private)
