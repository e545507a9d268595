"""What GitLab tells hooks.

https://docs.gitlab.com/user/project/integrations/webhook_events/
"""

from typing import TYPE_CHECKING, Any, Final

from tests.support.forge import gitlab_shapes as shapes, moves, reading
from tests.support.forge.moves import Move
from tests.support.forge.reading import Commit
from tests.support.forge.repositories import HostedRepo

if TYPE_CHECKING:
    from tests.support.forge.server import Forge

COMMITS: Final = 20
"""The newest ones, listed oldest first."""
SAMPLED: Final = 3


def push(
    forge: "Forge", repo: HostedRepo, move: Move, *, pusher: str
) -> dict[str, Any] | None:
    """Return the payload of one ref that moved; None where there is no commit."""
    tip = moves.commit_at(repo.bare, move.after)
    if tip is None and not move.is_deleted:
        return None
    commits = _commits(repo, move, tip) if tip else []
    return _payload(
        forge, repo, move, tip=tip, pusher=pusher, commits=commits[-COMMITS:]
    ) | {"total_commits_count": len(commits)}


def _commits(repo: HostedRepo, move: Move, tip: str) -> list[Commit]:
    if move.is_tag:
        return reading.log_with_changes(repo.bare, "--max-count=1", tip, renames=True)
    if not move.is_created:
        return moves.new_commits(repo, tip, move.before, renames=True)
    default = repo.tip(repo.default_branch)
    is_default = move.name == repo.default_branch
    return moves.new_commits(repo, tip, *[] if is_default else [default], renames=True)


def sample(forge: "Forge", repo: HostedRepo, *, is_tag: bool) -> dict[str, Any]:
    """Return what the Test button sends: the last commits, newest first."""
    branch = repo.default_branch
    newest = reading.log_with_changes(
        repo.bare, f"--max-count={SAMPLED}", repo.tip(branch), renames=True
    )
    move = Move(
        ref=f"{moves.TAGS}v1.0.0" if is_tag else f"{moves.BRANCHES}{branch}",
        before=newest[-1].id,
        after=newest[0].id,
    )
    return _payload(
        forge, repo, move, tip=newest[0].id, pusher="owner", commits=newest
    ) | {"total_commits_count": len(newest)}


def _payload(
    forge: "Forge",
    repo: HostedRepo,
    move: Move,
    *,
    tip: str | None,
    pusher: str,
    commits: list[Commit],
) -> dict[str, Any]:
    kind = "tag_push" if move.is_tag else "push"
    page = f"{forge.url}/{repo.path}"
    who = shapes.user(forge, pusher)
    return {
        "object_kind": kind,
        "event_name": kind,
        "before": move.before,
        "after": move.after,
        "ref": move.ref,
        "ref_protected": move.name == repo.default_branch,
        "checkout_sha": tip,
        "message": _message(repo, move),
        "user_id": who["id"],
        "user_name": who["name"],
        "user_username": who["username"],
        "user_email": None,
        "user_avatar": who["avatar_url"],
        "project_id": repo.number,
        "project": project(forge, repo),
        "commits": [_commit(page, commit) for commit in commits],
        "push_options": {},
        "repository": {
            "name": repo.name,
            "url": f"git@{forge.host}:{repo.path}.git",
            "description": "",
            "homepage": page,
            "git_http_url": repo.url,
            "git_ssh_url": f"git@{forge.host}:{repo.path}.git",
            "visibility_level": shapes.LEVELS[repo.visibility],
        },
    }


def project(forge: "Forge", repo: HostedRepo) -> dict[str, Any]:
    page, ssh = f"{forge.url}/{repo.path}", f"git@{forge.host}:{repo.path}.git"
    return {
        "id": repo.number,
        "name": repo.name,
        "description": None,
        "web_url": page,
        "avatar_url": None,
        "git_ssh_url": ssh,
        "git_http_url": repo.url,
        "namespace": repo.owner,
        "visibility_level": shapes.LEVELS[repo.visibility],
        "path_with_namespace": repo.path,
        "default_branch": repo.default_branch,
        "ci_config_path": None,
        "homepage": page,
        "url": ssh,
        "ssh_url": ssh,
        "http_url": repo.url,
    }


def _message(repo: HostedRepo, move: Move) -> str | None:
    """The text of an annotated tag."""
    about = reading.find(repo.bare, move.after) if move.is_tag else None
    if about is None or about[1] != "tag":
        return None
    text = reading.content(repo.bare, about[0]).partition(b"\n\n")[2]
    return text.decode("utf-8", "replace").rstrip("\n")


def _commit(page: str, it: Commit) -> dict[str, Any]:
    """Told as against the first parent; a rename by its new path alone."""
    return {
        "id": it.id,
        "message": it.message,
        "title": it.title,
        "timestamp": it.committer.at.isoformat(),
        "url": f"{page}/-/commit/{it.id}",
        "author": {"name": it.author.name, "email": it.author.email},
        **moves.lists(it),
    }
