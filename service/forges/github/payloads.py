"""Model what is read of GitHub's payloads."""

from typing import Any, Final

from msgspec import Struct

from service.forges.quick_reader import QuickReader
from service.forges.refs import Moved, RepositoryNumber, check_object_id, check_path

__all__ = ["PUSHES", "GitHubLifecycle", "GitHubPush", "GitHubSubject"]


class GitHubRepository(Struct, frozen=True):
    id: RepositoryNumber
    full_name: str
    default_branch: str | None = None

    def __post_init__(self) -> None:
        check_path("full_name", self.full_name)


class GitHubHead(Struct, frozen=True):
    id: str

    def __post_init__(self) -> None:
        check_object_id("id", self.id)


class GitHubPush(Moved, frozen=True, kw_only=True):
    """A ref that moved."""

    repository: GitHubRepository
    head_commit: GitHubHead | None = None


class GitHubChanges(Struct, frozen=True):
    default_branch: Any = None


class GitHubLifecycle(Struct, frozen=True):
    """A repository that was renamed, edited and so on."""

    repository: GitHubRepository
    action: str = ""
    changes: GitHubChanges | None = None


class GitHubSubject(Struct, frozen=True):
    """What any other event is about."""

    repository: GitHubRepository | None = None


_OF_A_REPOSITORY: Final = (
    *("id", "node_id", "name", "full_name", "owner", "private", "html_url"),
    *("description", "fork", "url", "forks_url", "keys_url", "collaborators_url"),
    *("teams_url", "hooks_url", "issue_events_url", "events_url", "assignees_url"),
    *("branches_url", "tags_url", "blobs_url", "git_tags_url", "git_refs_url"),
    *("trees_url", "statuses_url", "languages_url", "stargazers_url"),
    *("contributors_url", "subscribers_url", "subscription_url", "commits_url"),
    *("git_commits_url", "comments_url", "issue_comment_url", "contents_url"),
    *("compare_url", "merges_url", "archive_url", "downloads_url", "issues_url"),
    *("pulls_url", "milestones_url", "notifications_url", "labels_url", "releases_url"),
    *("deployments_url", "created_at", "updated_at", "pushed_at", "git_url", "ssh_url"),
    *("clone_url", "svn_url", "homepage", "size", "stargazers_count", "watchers_count"),
    *("language", "has_issues", "has_projects", "has_downloads", "has_wiki"),
    *("has_pages", "has_discussions", "forks_count", "mirror_url", "archived"),
    *("disabled", "open_issues_count", "license", "allow_forking", "is_template"),
    *("web_commit_signoff_required", "topics", "visibility", "forks", "open_issues"),
    *("watchers", "default_branch", "stargazers", "master_branch", "organization"),
    "custom_properties",
)
"""In their order at GitHub; a key of later years makes reading cost more."""

PUSHES: Final = QuickReader(
    GitHubPush,
    about="repository",
    # https://docs.github.com/en/webhooks/webhook-events-and-payloads#push
    keys=(
        *("ref", "before", "after", "commits", "repository", "head_commit"),
        *("pusher", "sender", "organization", "enterprise", "installation"),
        *("created", "deleted", "forced", "base_ref", "compare"),
    ),
    inner=_OF_A_REPOSITORY,
)
