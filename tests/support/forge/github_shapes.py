"""Values as GitHub's API writes them."""

import base64
from typing import TYPE_CHECKING, Any

from tests.support.forge.answers import zulu
from tests.support.forge.reading import Commit, Person
from tests.support.forge.repositories import HostedRepo

if TYPE_CHECKING:
    from tests.support.forge.server import Forge

_USER_LINKS = {
    "events_url": "/events{/privacy}",
    "followers_url": "/followers",
    "following_url": "/following{/other_user}",
    "gists_url": "/gists{/gist_id}",
    "organizations_url": "/orgs",
    "received_events_url": "/received_events",
    "repos_url": "/repos",
    "starred_url": "/starred{/owner}{/repo}",
    "subscriptions_url": "/subscriptions",
}
_REPO_LINKS = {
    "archive_url": "/{archive_format}{/ref}",
    "assignees_url": "/assignees{/user}",
    "blobs_url": "/git/blobs{/sha}",
    "branches_url": "/branches{/branch}",
    "collaborators_url": "/collaborators{/collaborator}",
    "comments_url": "/comments{/number}",
    "commits_url": "/commits{/sha}",
    "compare_url": "/compare/{base}...{head}",
    "contents_url": "/contents/{+path}",
    "contributors_url": "/contributors",
    "deployments_url": "/deployments",
    "downloads_url": "/downloads",
    "events_url": "/events",
    "forks_url": "/forks",
    "git_commits_url": "/git/commits{/sha}",
    "git_refs_url": "/git/refs{/sha}",
    "git_tags_url": "/git/tags{/sha}",
    "hooks_url": "/hooks",
    "issue_comment_url": "/issues/comments{/number}",
    "issue_events_url": "/issues/events{/number}",
    "issues_url": "/issues{/number}",
    "keys_url": "/keys{/key_id}",
    "labels_url": "/labels{/name}",
    "languages_url": "/languages",
    "merges_url": "/merges",
    "milestones_url": "/milestones{/number}",
    "notifications_url": "/notifications{?since,all,participating}",
    "pulls_url": "/pulls{/number}",
    "releases_url": "/releases{/id}",
    "stargazers_url": "/stargazers",
    "statuses_url": "/statuses/{sha}",
    "subscribers_url": "/subscribers",
    "subscription_url": "/subscription",
    "tags_url": "/tags",
    "teams_url": "/teams",
    "trees_url": "/git/trees{/sha}",
}
_COUNTS = (
    *("forks", "forks_count", "open_issues", "open_issues_count", "size"),
    *("stargazers_count", "watchers", "watchers_count"),
)


def node_id(kind: str, *parts: object) -> str:
    return base64.b64encode(f"{kind}{'/'.join(map(str, parts))}".encode()).decode()


def number_of(login: str) -> int:
    """Return an account's number, made of its name."""
    return int.from_bytes(login.encode()[:4].ljust(4, b"\0")) % 10**8 + 1


def user(forge: "Forge", login: str) -> dict[str, Any]:
    number = number_of(login)
    api, page = f"{forge.api}/users/{login}", f"{forge.url}/{login}"
    links = {name: api + tail for name, tail in _USER_LINKS.items()}
    return links | {
        "login": login,
        "id": number,
        "node_id": node_id("User", number),
        "avatar_url": f"{forge.url}/avatars/u/{number}",
        "gravatar_id": "",
        "url": api,
        "html_url": page,
        "type": "User",
        "site_admin": False,
    }


def own_account(forge: "Forge", login: str) -> dict[str, Any]:
    """Return what somebody is told of themselves."""
    words = ("name", "company", "blog", "location", "email", "hireable", "bio")
    counts = ("public_repos", "public_gists", "followers", "following")
    at = {"created_at": "2020-01-01T00:00:00Z", "updated_at": "2020-01-01T00:00:00Z"}
    nothing = dict.fromkeys(words) | dict.fromkeys(counts, 0) | at
    return user(forge, login) | nothing


def repository(forge: "Forge", repo: HostedRepo) -> dict[str, Any]:
    """Return what every answer about a repository holds."""
    api = f"{forge.api}/repos/{repo.path}"
    page = f"{forge.url}/{repo.path}"
    host = forge.host
    at = zulu(repo.created_at)
    return {
        **{name: api + tail for name, tail in _REPO_LINKS.items()},
        **dict.fromkeys(_COUNTS, 0),
        "id": repo.number,
        "node_id": node_id("Repository", repo.number),
        "name": repo.name,
        "full_name": repo.path,
        "private": repo.visibility != "public",
        "visibility": repo.visibility,
        "owner": user(forge, repo.owner),
        "html_url": page,
        "url": api,
        "description": None,
        "fork": False,
        "git_url": f"git://{host}/{repo.path}.git",
        "ssh_url": f"git@{host}:{repo.path}.git",
        "clone_url": repo.url,
        "svn_url": page,
        "mirror_url": None,
        "homepage": None,
        "language": None,
        "license": None,
        "default_branch": repo.default_branch,
        "archived": repo.is_archived,
        "disabled": False,
        "is_template": False,
        "topics": [],
        "has_issues": True,
        "has_projects": True,
        "has_wiki": True,
        "has_pages": False,
        "has_discussions": False,
        "has_downloads": True,
        "allow_forking": True,
        "web_commit_signoff_required": False,
        "created_at": at,
        "updated_at": at,
        "pushed_at": at,
    }


def minimal_repository(forge: "Forge", repo: HostedRepo) -> dict[str, Any]:
    said = repository(forge, repo)
    kept = {
        *("id", "node_id", "name", "full_name", "private", "owner", "html_url"),
        *("description", "fork", "url", *_REPO_LINKS),
    }
    return {name: item for name, item in said.items() if name in kept}


def person(who: Person) -> dict[str, str]:
    return {"name": who.name, "email": who.email, "date": zulu(who.at)}


def commit(forge: "Forge", repo: HostedRepo, it: Commit) -> dict[str, Any]:
    api = f"{forge.api}/repos/{repo.path}"
    page = f"{forge.url}/{repo.path}/commit"
    return {
        "sha": it.id,
        "node_id": node_id("Commit", it.id),
        "url": f"{api}/commits/{it.id}",
        "html_url": f"{page}/{it.id}",
        "comments_url": f"{api}/commits/{it.id}/comments",
        "commit": {
            "author": person(it.author),
            "committer": person(it.committer),
            "message": it.message.rstrip("\n"),
            "tree": {"sha": it.tree, "url": f"{api}/git/trees/{it.tree}"},
            "url": f"{api}/git/commits/{it.id}",
            "comment_count": 0,
            "verification": unsigned(),
        },
        "author": None,
        "committer": None,
        "parents": [
            {"sha": up, "url": f"{api}/commits/{up}", "html_url": f"{page}/{up}"}
            for up in it.parents
        ],
    }


def unsigned() -> dict[str, Any]:
    return {
        "verified": False,
        "reason": "unsigned",
        "signature": None,
        "payload": None,
        "verified_at": None,
    }
