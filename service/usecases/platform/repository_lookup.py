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

from service.domain.evaluation.comparison import RefMissing
from service.domain.repository import Repository
from service.domain.rights.caller import Caller, MemberRole, ProjectId
from service.domain.rights.decision import Subject
from service.domain.source import Access, Head, Revision, Source
from service.errors import InvalidRequestError, RemoteRefusedError, TransientError
from service.ports.remote import Remote
from service.ports.store import Store, Transaction
from service.usecases.platform.probe_limit import ProbeLimit
from service.usecases.rights.authorize import Authorizer
from service.usecases.rights.repository_access import RepositoryAccess

__all__ = ["FoundRepository", "RepositoryLookup", "UrlProblem"]

DEADLINE: Final = timedelta(seconds=10)
"""A page waits for the answer."""
_NO_FOLDER: Final = "There is no git repository that can be read at {}."
_UNREAD: Final = "the credentials that this installation has for it do not suffice"
_UNGRANTED: Final = "it is private, and an administrator has to grant it to the project"


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
        remote: Asked for what is not, with all credentials: for administrators, and
            for readers of a project that is granted the repository.
        anonymous_remote: Asked for what is not for everybody else.
        authorizer: Decides who reads what.
        access: Decides what projects read a repository with.
        allow_files: Whether `file://` repositories may be tracked.
        limit: Bounds what is read at once.
    """

    def __init__(
        self,
        *,
        store: Store,
        remote: Remote,
        anonymous_remote: Remote,
        authorizer: Authorizer,
        access: RepositoryAccess,
        allow_files: bool,
        limit: ProbeLimit,
    ) -> None:
        self._limit = limit
        self._store = store
        self._remote = remote
        self._anonymous_remote = anonymous_remote
        self._authorizer = authorizer
        self._access = access
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
            known = await _seen(tx, repository)
            if known and await self._reads(tx, caller, known):
                url = known[0].repository.url
                is_private = any(_is_private(source) for source in known)
                return FoundRepository(url=url, is_private=is_private)
        # What others follow in private is asked for as what nobody follows: answer and
        # time would show that they do.
        return None if caller.is_anonymous else await self._ask(caller, repository)

    async def check_readable(
        self, project: ProjectId, url: str, *, may_grant: bool
    ) -> None:
        """Check that launchers of a project could be built from a repository.

        A forge that does not answer refuses nothing: their first build waits for it.

        Args:
            project: Whose launchers.
            url: As it was sent.
            may_grant: Whether naming the repository grants it to the project.

        Raises:
            InvalidRequestError: It is nowhere, or nothing here may read it.
        """
        repository = Repository.from_url(url)
        async with self._store.reading() as tx:
            access = await self._access.expected(tx, project, url, may_grant=may_grant)
            known = await _seen(tx, repository)
        if any(source.access is access for source in known):
            return
        is_open = access is Access.ANONYMOUS
        remote = self._anonymous_remote if is_open else self._remote
        try:
            await self._head(remote, repository)
        except RemoteRefusedError as exc:
            why = _UNGRANTED if is_open else _UNREAD
            sentence = (
                "You do not have the required credentials to clone the code repository "
                f"{url}: it does not exist, or {why}."
            )
            if repository.is_folder:
                sentence = _NO_FOLDER.format(url)
            raise InvalidRequestError(sentence, field="repository") from exc
        except TransientError:
            return

    async def check_folder(self, url: str) -> None:
        """Check that a folder of the service's machine is a repository.

        Of any other URL nothing is asked: its forge may know it only with a token.

        Raises:
            InvalidRequestError: Nothing there can be read.
        """
        if not url.startswith("file://"):
            return
        repository = Repository.from_url(url)
        try:
            await self._head(self._remote, repository)
        except RemoteRefusedError as exc:
            raise InvalidRequestError(
                _NO_FOLDER.format(url), field="repository"
            ) from exc
        except TransientError:
            return

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

    async def _reads(
        self, tx: Transaction, caller: Caller, known: Sequence[Source]
    ) -> bool:
        """Return whether a caller may know what is on record of some sources."""
        is_public = not any(_is_private(source) for source in known)
        if is_public or caller.filter().is_everything:
            return True
        for source in known:
            if await self._authorizer.has_role(
                tx, caller, MemberRole.VIEWER, Subject.SOURCE, source.id
            ):
                return True
        return False

    async def _ask(
        self, caller: Caller, repository: Repository
    ) -> FoundRepository | UrlProblem:
        # What anybody reads may be shown to anybody. The installation's credentials
        # read more: that is for those whose projects they are used for.
        may_all = caller.may_administer or await self._authorizer.is_granted(
            caller, MemberRole.VIEWER, repository
        )
        remote = self._remote if may_all else self._anonymous_remote
        try:
            head = await self._head(remote, repository)
        except RemoteRefusedError:
            return UrlProblem.UNAUTHORIZED
        except TransientError:
            return UrlProblem.UNKNOWN
        is_private = isinstance(head, Head) and bool(head.is_private)
        return FoundRepository(
            url=repository.url, is_private=is_private or repository.is_folder
        )

    async def _head(self, remote: Remote, repository: Repository) -> Head | RefMissing:
        """Read the head of the default branch, while somebody waits for it.

        Raises:
            RemoteRefusedError: It is nowhere, or may not be read.
            TransientError: It was not read in time.
        """
        try:
            async with (
                asyncio.timeout(DEADLINE.total_seconds()),
                self._limit.slot(repository.host),
            ):
                return await remote.head(repository, Revision.from_text(""))
        except TimeoutError as exc:
            raise TransientError(f"{repository.host} was not read in time") from exc


def _is_private(source: Source) -> bool:
    """Return whether a source is for those who read a project that follows it.

    Whoever is not on this machine reads none of its files, which is nothing that git
    reports. Not so in `Source.private_to`, which belongs to the keys of images:
    launchers of one definition in two folders share an image.
    """
    return bool(source.private_to) or source.repository.is_folder


async def _seen(tx: Transaction, repository: Repository) -> Sequence[Source]:
    """Return the sources of a repository that were read at least once."""
    return [
        source
        for source in await tx.sources.of_repository(repository)
        if source.seen is not None and source.repository.is_same(repository)
    ]
