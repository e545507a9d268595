"""Values as GitLab's API writes them."""

from typing import TYPE_CHECKING, Any

from tests.support.forge.answers import milliseconds
from tests.support.forge.reading import Commit
from tests.support.forge.repositories import HostedRepo

if TYPE_CHECKING:
    from tests.support.forge.server import Forge

LEVELS = {"private": 0, "internal": 10, "public": 20}


def namespace(forge: "Forge", path: str) -> dict[str, Any]:
    return {
        "id": sum(path.encode()) + 1,
        "name": path.rpartition("/")[2],
        "path": path.rpartition("/")[2],
        "kind": "group",
        "full_path": path,
        "parent_id": None,
        "avatar_url": None,
        "web_url": f"{forge.url}/groups/{path}",
    }


def project(forge: "Forge", repo: HostedRepo) -> dict[str, Any]:
    """https://docs.gitlab.com/api/projects/#get-a-single-project."""
    api = f"{forge.api}/projects/{repo.number}"
    page = f"{forge.url}/{repo.path}"
    at = milliseconds(repo.created_at)
    return {
        "id": repo.number,
        "description": None,
        "name": repo.name,
        "name_with_namespace": repo.path.replace("/", " / "),
        "path": repo.name,
        "path_with_namespace": repo.path,
        "created_at": at,
        "default_branch": None if repo.is_empty else repo.default_branch,
        "tag_list": [],
        "topics": [],
        "ssh_url_to_repo": f"git@{forge.host}:{repo.path}.git",
        "http_url_to_repo": repo.url,
        "web_url": page,
        "readme_url": None,
        "forks_count": 0,
        "avatar_url": None,
        "star_count": 0,
        "last_activity_at": at,
        "visibility": repo.visibility,
        "namespace": namespace(forge, repo.owner),
        "_links": {
            "self": api,
            "repo_branches": f"{api}/repository/branches",
            "events": f"{api}/events",
            "members": f"{api}/members",
        },
        "repository_access_level": repo.code_for,
        "empty_repo": repo.is_empty,
        "archived": repo.is_archived,
        "marked_for_deletion_on": None,
        "creator_id": 1,
        "import_status": "none",
        "lfs_enabled": True,
        "mirror": False,
    }


def commit(forge: "Forge", repo: HostedRepo, it: Commit) -> dict[str, Any]:
    """https://docs.gitlab.com/api/commits/."""
    return {
        "id": it.id,
        "short_id": it.id[:8],
        "created_at": milliseconds(it.committer.at),
        "parent_ids": list(it.parents),
        "title": it.title,
        "message": it.message,
        "author_name": it.author.name,
        "author_email": it.author.email,
        "authored_date": milliseconds(it.author.at),
        "committer_name": it.committer.name,
        "committer_email": it.committer.email,
        "committed_date": milliseconds(it.committer.at),
        "trailers": {},
        "extended_trailers": {},
        "web_url": f"{forge.url}/{repo.path}/-/commit/{it.id}",
    }


def user(forge: "Forge", name: str) -> dict[str, Any]:
    return {
        "id": 1 if name == "owner" else 2,
        "username": name,
        "name": name.title(),
        "state": "active",
        "locked": False,
        "avatar_url": None,
        "web_url": f"{forge.url}/{name}",
    }
