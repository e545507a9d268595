"""Post commit statuses to GitLab.

https://docs.gitlab.com/api/commits/#set-commit-pipeline-status
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from gitlab import Gitlab
from gitlab.exceptions import GitlabCreateError

from service.adapters.forge_api.commit_status_routing import truncate
from service.adapters.gitlab.client import GitLabClient
from service.domain.commit_status import CommitState, CommitStatus
from service.domain.repository import CommitSha, Ref, Repository

__all__ = ["GitLabCommitStatuses"]

MAX_DESCRIPTION: Final = 255
MAX_REF: Final = 255

_STATES: Final[Mapping[CommitState, str]] = {
    CommitState.PENDING: "pending",
    CommitState.SUCCESS: "success",
    CommitState.FAILURE: "failed",
    CommitState.SKIPPED: "skipped",
}
_NO_SUCH_STATE: Final = "state does not have a valid value"
_UNCHANGED: Final = "Cannot transition status via"
"""The status is in that state already: GitLab refuses to set it again."""


class GitLabCommitStatuses:
    """Implement the port `CommitStatuses` for one host.

    Args:
        client: The client of that host.
    """

    def __init__(self, *, client: GitLabClient) -> None:
        self._client = client

    def can_post(self, repository: Repository) -> bool:
        del repository
        return True

    async def post(
        self, repository: Repository, commit: CommitSha, notice: CommitStatus
    ) -> None:
        fields = _status_fields(notice)

        def post(gl: Gitlab) -> None:
            project = gl.projects.get(repository.number or repository.path, lazy=True)
            statuses = project.commits.get(commit, lazy=True).statuses
            try:
                statuses.create(fields)
            except GitlabCreateError as exc:
                problem = _read_problem(exc)
                if _NO_SUCH_STATE in problem and notice.state is CommitState.SKIPPED:
                    # Older versions have no state `skipped`.
                    statuses.create({**fields, "state": "success"})
                elif _UNCHANGED not in problem:
                    raise

        operation = f"post a status of commit {commit[:12]} of {repository.url}"
        await self._client.run(operation, post)


def _status_fields(notice: CommitStatus) -> dict[str, str]:
    fields = {
        "state": _STATES[notice.state],
        "name": notice.context,
        "description": truncate(notice.description, MAX_DESCRIPTION),
    }
    if notice.url:
        fields["target_url"] = notice.url
    if notice.ref and len(_short_name(notice.ref)) <= MAX_REF:
        # Without a ref GitLab chooses a pipeline of the commit by itself, which may be
        # that of another branch.
        fields["ref"] = _short_name(notice.ref)
    return fields


def _short_name(ref: Ref) -> str:
    return ref.removeprefix("refs/heads/").removeprefix("refs/tags/")


def _read_problem(exc: GitlabCreateError) -> str:
    is_bad = exc.response_code == HTTPStatus.BAD_REQUEST
    return f"{exc.error_message} {exc.response_body!r}" if is_bad else ""
