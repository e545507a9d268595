"""What GitHub tells hooks.

https://docs.github.com/en/webhooks/webhook-events-and-payloads. Held against GitHub's
own description in `tests/forge/test_github_description.py`.
"""

from typing import TYPE_CHECKING, Any, Final

from tests.support.forge import github_shapes as shapes, moves, reading
from tests.support.forge.hooks import Hook
from tests.support.forge.moves import Move
from tests.support.forge.reading import Commit, Person
from tests.support.forge.repositories import HostedRepo

if TYPE_CHECKING:
    from tests.support.forge.server import Forge

COMMITS: Final = 2048
FILES: Final = 3000
"""Of one commit, in all three lists."""


def push(
    forge: "Forge", repo: HostedRepo, move: Move, *, pusher: str
) -> dict[str, Any] | None:
    """Return the payload of one ref that moved; None where there is no commit."""
    tip = moves.commit_at(repo.bare, move.after)
    if tip is None and not move.is_deleted:
        return None
    page = f"{forge.url}/{repo.path}"
    old = moves.commit_at(repo.bare, move.before)
    head = _head(repo, tip) if tip else None
    return {
        "ref": move.ref,
        "before": move.before,
        "after": move.after,
        "repository": repository(forge, repo),
        "pusher": {"name": pusher, "email": f"{pusher}@example.org"},
        "sender": shapes.user(forge, pusher),
        "created": move.is_created,
        "deleted": move.is_deleted,
        "forced": bool(old and tip and not reading.is_ancestor(repo.bare, old, tip)),
        "base_ref": _base(repo, move, tip) if move.is_created else None,
        "compare": f"{page}/compare/{move.before[:12]}...{move.after[:12]}",
        "commits": [_commit(page, commit) for commit in _commits(repo, move, tip)],
        "head_commit": _commit(page, head) if head else None,
    }


def _commits(repo: HostedRepo, move: Move, tip: str | None) -> list[Commit]:
    """The first 2,048: GitHub does not say which ones it keeps."""
    if tip is None or move.is_tag:
        return []
    without = move.others if move.is_created else (move.before,)
    return moves.new_commits(repo, tip, *without, renames=False)[:COMMITS]


def _head(repo: HostedRepo, tip: str) -> Commit:
    found = reading.log_with_changes(repo.bare, "--max-count=1", tip, renames=False)
    return found[0]


def _base(repo: HostedRepo, move: Move, tip: str | None) -> str | None:
    """Another branch that is at the same commit."""
    branches = reading.refs(repo.bare, moves.BRANCHES)
    same = (ref for ref, sha in branches.items() if sha == tip and ref != move.ref)
    return next(same, None) if tip in move.others else None


def _commit(page: str, it: Commit) -> dict[str, Any]:
    return {
        "id": it.id,
        "tree_id": it.tree,
        "distinct": True,
        "message": it.message.rstrip("\n"),
        "timestamp": it.committer.at.isoformat(),
        "url": f"{page}/commit/{it.id}",
        "author": _person(it.author),
        "committer": _person(it.committer),
        **moves.lists(it, most=FILES),
    }


def _person(who: Person) -> dict[str, str]:
    return {"name": who.name, "email": who.email, "date": who.at.isoformat()}


def repository(forge: "Forge", repo: HostedRepo) -> dict[str, Any]:
    """The repository as pushes tell it: times are numbers, and the owner has a name."""
    said = shapes.repository(forge, repo)
    seconds = int(repo.created_at.timestamp())
    owner = {"name": repo.owner, "email": None}
    return said | {
        "owner": said["owner"] | owner,
        "created_at": seconds,
        "pushed_at": seconds,
        "url": said["html_url"],
        "stargazers": 0,
        "master_branch": said["default_branch"],
    }


def made_or_gone(
    forge: "Forge", repo: HostedRepo, move: Move, *, pusher: str
) -> dict[str, Any]:
    """The `create` and `delete` events; with the short name."""
    said: dict[str, Any] = {
        "ref": move.name,
        "ref_type": "tag" if move.is_tag else "branch",
        "pusher_type": "user",
        "repository": shapes.repository(forge, repo),
        "sender": shapes.user(forge, pusher),
    }
    if move.is_created:
        said |= {"master_branch": repo.default_branch, "description": None}
    return said


def ping(forge: "Forge", hook: Hook, shape: dict[str, Any]) -> dict[str, Any]:
    said: dict[str, Any] = {
        "zen": "Anything added dilutes everything else.",
        "hook_id": hook.id,
        "hook": shape,
        "sender": shapes.user(forge, "owner"),
    }
    repo = forge.repositories.numbered(hook.repository or 0)
    return said | ({"repository": shapes.repository(forge, repo)} if repo else {})


def lifecycle(
    forge: "Forge", repo: HostedRepo, action: str, changes: dict[str, Any] | None
) -> dict[str, Any]:
    """The `repository` event."""
    said = {
        "action": action,
        "repository": shapes.repository(forge, repo),
        "sender": shapes.user(forge, "owner"),
    }
    return said | ({"changes": changes} if changes else {})
