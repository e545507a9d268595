"""Model what is read of GitLab's payloads."""

from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

from service.forges.quick_reader import QuickReader
from service.forges.refs import Moved, RepositoryNumber, check_object_id, check_path

__all__ = ["PUSHES", "GitLabKind", "GitLabPush", "GitLabSubject"]


class GitLabProject(Struct, frozen=True):
    path_with_namespace: str
    id: RepositoryNumber | None = None
    default_branch: str | None = None

    def __post_init__(self) -> None:
        check_path("path_with_namespace", self.path_with_namespace)


class GitLabSubject(Struct, frozen=True):
    """What any other event is about."""

    project_id: RepositoryNumber | None = None
    project: GitLabProject | None = None


class GitLabPush(Moved, frozen=True, kw_only=True):
    """A ref that moved."""

    project_id: RepositoryNumber
    project: GitLabProject
    checkout_sha: str | None = None

    def __post_init__(self) -> None:
        Moved.__post_init__(self)
        if self.checkout_sha is not None:
            check_object_id("checkout_sha", self.checkout_sha)


class GitLabProjectPush(GitLabPush, frozen=True, kw_only=True):
    """What hooks of projects send; those of groups and the system look different."""

    object_kind: Literal["push", "tag_push"]


_Word = Annotated[str, Meta(max_length=100)]


class GitLabKind(Struct, frozen=True):
    """Which event a payload is."""

    object_kind: _Word | None = None
    event_name: _Word | None = None

    @property
    def word(self) -> str | None:
        """System hooks have only the second."""
        return self.object_kind or self.event_name


_OF_A_PROJECT: Final = (
    *("id", "name", "description", "web_url", "avatar_url", "git_ssh_url"),
    *("git_http_url", "namespace", "visibility_level", "path_with_namespace"),
    *("default_branch", "ci_config_path", "homepage", "url", "ssh_url", "http_url"),
)
"""In their order at GitLab; the last four are of older versions."""

PUSHES: Final = QuickReader(
    GitLabProjectPush,
    about="project",
    # https://docs.gitlab.com/user/project/integrations/webhook_events/
    keys=(
        *("ref", "before", "after", "commits", "repository", "checkout_sha"),
        *("object_kind", "event_name", "ref_protected", "message", "push_options"),
        *("user_id", "user_name", "user_username", "user_email", "user_avatar"),
        *("project_id", "project", "total_commits_count"),
    ),
    inner=_OF_A_PROJECT,
)
