"""Statuses of commits at a GitLab.

https://docs.gitlab.com/api/commits/#set-commit-pipeline-status
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from gitlab import Gitlab
from gitlab.exceptions import GitlabCreateError

from service.adapters.forge_api.notice_routing import cut
from service.adapters.gitlab.line import GitLabLine
from service.domain.notice import Notice, NoticeState
from service.domain.repository import CommitSha, Ref, Repository

__all__ = ["GitLabNotices"]

MAX_DESCRIPTION: Final = 255
MAX_REF: Final = 255

_STATES: Final[Mapping[NoticeState, str]] = {
    NoticeState.PENDING: "pending",
    NoticeState.SUCCESS: "success",
    NoticeState.FAILURE: "failed",
    NoticeState.SKIPPED: "skipped",
}
_NO_SUCH_STATE: Final = "state does not have a valid value"
_SAID_BEFORE: Final = "Cannot transition status via"
"""It is in that state already: a status that is not final cannot be said twice."""


class GitLabNotices:
    """Implements the port `Notices` for one host.

    Args:
        line: To that host.
    """

    def __init__(self, *, line: GitLabLine) -> None:
        self._line = line

    def can_post(self, repository: Repository) -> bool:
        del repository
        return True

    async def post(
        self, repository: Repository, commit: CommitSha, notice: Notice
    ) -> None:
        said = _said(notice)

        def post(gl: Gitlab) -> None:
            project = gl.projects.get(repository.number or repository.path, lazy=True)
            statuses = project.commits.get(commit, lazy=True).statuses
            try:
                statuses.create(said)
            except GitlabCreateError as exc:
                problem = _problem(exc)
                if _NO_SUCH_STATE in problem and notice.state is NoticeState.SKIPPED:
                    # Older versions have no way to say that nothing was to be done.
                    statuses.create({**said, "state": "success"})
                elif _SAID_BEFORE not in problem:
                    raise

        doing = f"post a status of commit {commit[:12]} of {repository.url}"
        await self._line.ask(doing, post)


def _said(notice: Notice) -> dict[str, str]:
    said = {
        "state": _STATES[notice.state],
        "name": notice.context,
        "description": cut(notice.description, MAX_DESCRIPTION),
    }
    if notice.url:
        said["target_url"] = notice.url
    if notice.ref and len(_short(notice.ref)) <= MAX_REF:
        said["ref"] = _short(notice.ref)
    return said


def _short(ref: Ref) -> str:
    return ref.removeprefix("refs/heads/").removeprefix("refs/tags/")


def _problem(exc: GitlabCreateError) -> str:
    is_bad = exc.response_code == HTTPStatus.BAD_REQUEST
    return f"{exc.error_message} {exc.response_body!r}" if is_bad else ""
