"""The port of commit statuses at forges."""

from typing import Protocol

from service.domain.commit_status import CommitStatus
from service.domain.repository import CommitSha, Repository

__all__ = ["CommitStatuses"]


class CommitStatuses(Protocol):
    """Posts the statuses of commits to their forges."""

    def can_post(self, repository: Repository) -> bool:
        """Return whether statuses are wanted, and a token is known, for its host."""
        ...

    async def post(
        self, repository: Repository, commit: CommitSha, notice: CommitStatus
    ) -> None:
        """Post a commit status; it becomes the latest of its context. Idempotent.

        Credentials in its description are redacted, and the description is cut to the
        forge's limit.

        Raises:
            RemoteRefusedError: There is no such commit, or the token may not post.
            TransientError: The forge did not answer, or not in time.
        """
        ...
