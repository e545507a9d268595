"""Values as Gitea's API writes them.

https://docs.gitea.com/api/
"""

from typing import TYPE_CHECKING, Any

from tests.support.forge.answers import zulu
from tests.support.forge.reading import Commit
from tests.support.forge.repositories import HostedRepo

if TYPE_CHECKING:
    from tests.support.forge.server import Forge


def user(forge: "Forge", login: str) -> dict[str, Any]:
    return {
        "id": 1 if login == "owner" else sum(login.encode()),
        "login": login,
        "full_name": "",
        "email": f"{login}@noreply.example.org",
        "avatar_url": f"{forge.url}/avatars/{login}",
        "html_url": f"{forge.url}/{login}",
        "username": login,
    }


def repository(forge: "Forge", repo: HostedRepo) -> dict[str, Any]:
    return {
        "id": repo.number,
        "owner": user(forge, repo.owner),
        "name": repo.name,
        "full_name": repo.path,
        "description": "",
        "empty": repo.is_empty,
        "private": repo.visibility == "private",
        "internal": repo.visibility == "internal",
        "fork": False,
        "template": False,
        "parent": None,
        "mirror": False,
        "size": 1,
        "website": "",
        "stars_count": 0,
        "forks_count": 0,
        "watchers_count": 0,
        "open_issues_count": 0,
        "html_url": f"{forge.url}/{repo.path}",
        "url": f"{forge.api}/repos/{repo.path}",
        "ssh_url": f"git@{forge.host}:{repo.path}.git",
        "clone_url": repo.url,
        "default_branch": repo.default_branch,
        "archived": repo.is_archived,
        "created_at": zulu(repo.created_at),
        "updated_at": zulu(repo.created_at),
        "object_format_name": repo.hashing,
    }


def commit(forge: "Forge", repo: HostedRepo, it: Commit) -> dict[str, Any]:
    api = f"{forge.api}/repos/{repo.path}"
    people = {
        word: {"name": who.name, "email": who.email, "date": zulu(who.at)}
        for word, who in {"author": it.author, "committer": it.committer}.items()
    }
    return {
        "url": f"{api}/git/commits/{it.id}",
        "sha": it.id,
        "created": zulu(it.committer.at),
        "html_url": f"{forge.url}/{repo.path}/commit/{it.id}",
        "commit": {
            "url": f"{api}/git/commits/{it.id}",
            **people,
            "message": it.message,
            "tree": {"url": f"{api}/git/trees/{it.tree}", "sha": it.tree},
            "verification": None,
        },
        "author": None,
        "committer": None,
        "parents": [{"url": f"{api}/git/commits/{up}", "sha": up} for up in it.parents],
        "files": None,
        "stats": None,
    }
