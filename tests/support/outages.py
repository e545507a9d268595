"""A remote that tests can take away: real git has no switch for it."""

from collections.abc import Collection, Mapping

from service.adapters.git.remote import GitRemote
from service.domain.evaluation.comparison import RefMissing
from service.domain.repository import Repository
from service.domain.source import Head, Revision
from service.errors import BusyError, TransientError


class AwayRemote(GitRemote):
    """Real git, unless it is away: then nobody answers, as the port allows."""

    is_away = False
    is_busy = False
    """Whether this service has no place for who would ask."""

    async def heads(
        self, repository: Repository, revisions: Collection[Revision]
    ) -> Mapping[Revision, Head | RefMissing]:
        if self.is_busy:
            raise BusyError("too many repositories are read at once")
        if self.is_away:
            raise TransientError("the forge does not answer")
        return await super().heads(repository, revisions)
