"""Post commit statuses to GitHub.

https://docs.github.com/en/rest/commits/statuses#create-a-commit-status
"""

from typing import Final

from service.adapters.forge_api.commit_status_routing import describe_without_skipped
from service.adapters.forge_api.ref_names import quote_ref
from service.adapters.github.client import GitHubApi
from service.domain.commit_status import CommitStatus
from service.domain.repository import CommitSha, Repository

__all__ = ["GitHubCommitStatuses"]

MAX_DESCRIPTION: Final = 140
"""Characters; GitHub answers 422 to more."""


class GitHubCommitStatuses:
    """Implement the port `CommitStatuses` for one host.

    Args:
        api: Makes requests with the host's token.
    """

    def __init__(self, *, api: GitHubApi) -> None:
        self._api = api

    def can_post(self, repository: Repository) -> bool:
        del repository
        return True

    async def post(
        self, repository: Repository, commit: CommitSha, notice: CommitStatus
    ) -> None:
        operation = f"post a status of commit {commit[:12]} of {repository.url}"
        body = describe_without_skipped(notice, max_description=MAX_DESCRIPTION)
        path = f"{_repository_path(repository)}/statuses/{commit}"
        with self._api.translate_errors(operation):
            await self._api.post(path, data=body)


def _repository_path(repository: Repository) -> str:
    """Return the API path of a repository, by its number once that is known."""
    if repository.number is not None:
        return f"/repositories/{repository.number}"
    return f"/repos/{quote_ref(repository.path, safe='/')}"
