"""Statuses of commits at a Gitea or Forgejo.

https://docs.gitea.com/api/ (repoCreateStatus)
"""

from collections.abc import Mapping
from typing import Final

from service.adapters.forge_api.names import quoted
from service.adapters.forge_api.notice_routing import cut
from service.adapters.gitea.api import GiteaApi
from service.domain.notice import Notice, NoticeState
from service.domain.repository import CommitSha, Repository

__all__ = ["GiteaNotices"]

MAX_DESCRIPTION: Final = 255

_STATES: Final[Mapping[NoticeState, str]] = {
    NoticeState.PENDING: "pending",
    NoticeState.SUCCESS: "success",
    NoticeState.FAILURE: "failure",
    # Only the newest versions know `skipped`.
    NoticeState.SKIPPED: "success",
}


class GiteaNotices:
    """Implements the port `Notices` for one host.

    Args:
        api: Makes requests with the host's token.
    """

    def __init__(self, *, api: GiteaApi) -> None:
        self._api = api

    def can_post(self, repository: Repository) -> bool:
        del repository
        return True

    async def post(
        self, repository: Repository, commit: CommitSha, notice: Notice
    ) -> None:
        place = f"/repos/{quoted(repository.path, safe='/')}"
        await self._api.post(
            f"{place}/statuses/{commit}",
            {
                "state": _STATES[notice.state],
                "description": cut(notice.description, MAX_DESCRIPTION),
                "context": notice.context,
                "target_url": notice.url,
            },
            doing=f"post a status of commit {commit[:12]} of {repository.url}",
        )
