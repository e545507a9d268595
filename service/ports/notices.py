"""Words on commits, where a token of ours may leave some."""

from typing import Protocol

from service.domain.notice import Notice
from service.domain.repository import CommitSha, Repository

__all__ = ["Notices"]


class Notices(Protocol):
    """Posts the statuses of commits to their forges."""

    def can_post(self, repository: Repository) -> bool:
        """Say whether statuses are wanted, and a token is known, for its host."""
        ...

    async def post(
        self, repository: Repository, commit: CommitSha, notice: Notice
    ) -> None:
        """Make a notice the latest of its context; saying it again is no error.

        Credentials in its description are masked, and it is cut to what the forge
        takes.

        Raises:
            RemoteRefusedError: There is no such commit, or our token may not.
            TransientError: The forge did not answer, or not in time.
        """
        ...
