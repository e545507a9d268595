"""Statuses of commits at GitHub.

https://docs.github.com/en/rest/commits/statuses#create-a-commit-status
"""

from collections.abc import Mapping
from typing import Final

from gidgethub import HTTPException

from service.adapters.forge_api.names import quoted
from service.adapters.forge_api.notice_routing import cut
from service.adapters.github.api import GitHubApi
from service.domain.notice import Notice, NoticeState
from service.domain.repository import CommitSha, Repository
from service.errors import TransientError

__all__ = ["GitHubNotices"]

MAX_DESCRIPTION: Final = 140
"""GitHub refuses more with 422."""

_STATES: Final[Mapping[NoticeState, str]] = {
    NoticeState.PENDING: "pending",
    NoticeState.SUCCESS: "success",
    NoticeState.FAILURE: "failure",
    # Statuses know no neutral, and a commit that needed no build is in order.
    NoticeState.SKIPPED: "success",
}


class GitHubNotices:
    """Implements the port `Notices` for one host.

    Args:
        api: Makes requests with the host's token.
    """

    def __init__(self, *, api: GitHubApi) -> None:
        self._api = api

    def can_post(self, repository: Repository) -> bool:
        del repository
        return True

    async def post(
        self, repository: Repository, commit: CommitSha, notice: Notice
    ) -> None:
        doing = f"post a status of commit {commit[:12]} of {repository.url}"
        body = {
            "state": _STATES[notice.state],
            "description": cut(notice.description, MAX_DESCRIPTION),
            "context": notice.context,
        }
        if notice.url:
            body["target_url"] = notice.url
        try:
            await self._api.post(f"{_place(repository)}/statuses/{commit}", data=body)
        except HTTPException as exc:
            raise self._api.failure(exc, doing) from exc
        except (ValueError, LookupError, RecursionError) as exc:
            raise TransientError(f"cannot {doing}: the answer is not readable") from exc


def _place(repository: Repository) -> str:
    """Return where a repository is, by the number once that is known."""
    if repository.number is not None:
        return f"/repositories/{repository.number}"
    return f"/repos/{quoted(repository.path, safe='/')}"
