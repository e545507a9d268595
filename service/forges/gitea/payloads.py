"""Model what is read of Gitea's payloads.

https://github.com/go-gitea/gitea/blob/main/modules/structs/hook.go
"""

from typing import Final, Literal

from msgspec import Struct

from service.forges.quick_reader import QuickReader
from service.forges.refs import (
    BRANCHES,
    TAGS,
    Moved,
    RepositoryNumber,
    check_object_id,
    check_path,
    is_full_ref,
)

__all__ = ["PUSHES", "GiteaDeletion", "GiteaPush", "GiteaRepository", "GiteaSubject"]


class GiteaRepository(Struct, frozen=True):
    """A repository as every event has it."""

    id: RepositoryNumber
    full_name: str
    default_branch: str | None = None

    def __post_init__(self) -> None:
        check_path("full_name", self.full_name)


class GiteaHead(Struct, frozen=True):
    """A commit; of an annotated tag the one that is tagged."""

    id: str

    def __post_init__(self) -> None:
        check_object_id("id", self.id)


class GiteaPush(Moved, frozen=True, kw_only=True):
    """A ref that moved. Commits are capped, at five by default, and are not read."""

    repository: GiteaRepository
    head_commit: GiteaHead | None = None


class GiteaDeletion(Struct, frozen=True):
    """A branch or a tag that is gone, by its short name."""

    ref: str
    ref_type: Literal["branch", "tag"]
    repository: GiteaRepository

    def __post_init__(self) -> None:
        if not is_full_ref(self.full_ref):
            raise ValueError("ref: no name of a branch or a tag")

    @property
    def full_ref(self) -> str:
        """Return the full name; newer versions may send it as it is."""
        prefix = BRANCHES if self.ref_type == "branch" else TAGS
        return prefix + self.ref.removeprefix(prefix)


class GiteaSubject(Struct, frozen=True):
    """What any other event is about."""

    repository: GiteaRepository | None = None
    action: str = ""


_OF_A_REPOSITORY: Final = (
    *("id", "owner", "name", "full_name", "description", "empty", "private", "fork"),
    *("template", "parent", "mirror", "size", "language", "languages_url", "html_url"),
    *("url", "link", "ssh_url", "clone_url", "original_url", "website", "stars_count"),
    *("forks_count", "watchers_count", "open_issues_count", "open_pr_counter"),
    *("release_counter", "default_branch", "archived", "created_at", "updated_at"),
    *("archived_at", "permissions", "has_issues", "internal_tracker"),
    *("external_tracker", "has_wiki", "external_wiki", "has_pull_requests"),
    *("has_projects", "projects_mode", "has_releases", "has_packages", "has_actions"),
    *("ignore_whitespace_conflicts", "allow_merge_commits", "allow_rebase"),
    *("allow_rebase_explicit", "allow_squash_merge", "allow_fast_forward_only_merge"),
    *("allow_rebase_update", "allow_manual_merge", "autodetect_manual_merge"),
    *("default_delete_branch_after_merge", "default_merge_style"),
    *("default_allow_maintainer_edit", "avatar_url", "internal", "mirror_interval"),
    *("object_format_name", "mirror_updated", "repo_transfer", "topics", "licenses"),
)
"""https://github.com/go-gitea/gitea/blob/main/modules/structs/repo.go; a key of later
versions makes reading cost more."""

PUSHES: Final = QuickReader(
    GiteaPush,
    about="repository",
    keys=(
        *("ref", "before", "after", "commits", "repository", "head_commit"),
        *("compare_url", "total_commits", "pusher", "sender"),
        "secret",  # of versions before 1.14
    ),
    inner=_OF_A_REPOSITORY,
)
