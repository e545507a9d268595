"""Post commit statuses to Gitea or Forgejo.

https://docs.gitea.com/api/ (repoCreateStatus)
"""

from typing import Final

from service.adapters.forge_api.commit_status_routing import describe_without_skipped
from service.adapters.forge_api.ref_names import quote_ref
from service.adapters.gitea.client import GiteaApi
from service.domain.commit_status import CommitStatus
from service.domain.repository import CommitSha, Repository

__all__ = ["GiteaCommitStatuses"]

MAX_DESCRIPTION: Final = 255


class GiteaCommitStatuses:
    """Implement the port `CommitStatuses` for one host.

    Args:
        api: Makes requests with the host's token.
    """

    def __init__(self, *, api: GiteaApi) -> None:
        self._api = api

    def can_post(self, repository: Repository) -> bool:
        del repository
        return True

    async def post(
        self, repository: Repository, commit: CommitSha, notice: CommitStatus
    ) -> None:
        path = f"/repos/{quote_ref(repository.path, safe='/')}"
        await self._api.post(
            f"{path}/statuses/{commit}",
            describe_without_skipped(notice, max_description=MAX_DESCRIPTION),
            operation=f"post a status of commit {commit[:12]} of {repository.url}",
        )
