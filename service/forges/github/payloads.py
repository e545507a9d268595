"""Model what is read of GitHub's payloads."""

from typing import Any, Final

from msgspec import Struct

from service.forges.payload import QuickReader
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


PUSHES: Final = QuickReader(
    GitHubPush,
    about="repository",
    # https://docs.github.com/en/webhooks/webhook-events-and-payloads#push
    keys=(
        *("ref", "before", "after", "commits", "repository", "head_commit"),
        *("pusher", "sender", "organization", "enterprise", "installation"),
        *("created", "deleted", "forced", "base_ref", "compare"),
    ),
)
