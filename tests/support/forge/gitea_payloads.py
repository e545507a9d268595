"""What Gitea and Forgejo tell hooks.

https://docs.gitea.com/usage/webhooks
"""

from typing import TYPE_CHECKING, Any, Final

from tests.support.forge import gitea_shapes as shapes, moves
from tests.support.forge.moves import Move
from tests.support.forge.reading import Commit
from tests.support.forge.repositories import HostedRepo

if TYPE_CHECKING:
    from tests.support.forge.server import Forge

COMMITS: Final = 5
"""`FEED_MAX_COMMIT_NUM`; the newest ones, newest first."""


def push(
    forge: "Forge", repo: HostedRepo, move: Move, *, pusher: str
) -> dict[str, Any] | None:
    """Return the payload of one ref that moved; a deletion is no push."""
    tip = moves.commit_at(repo.bare, move.after)
    if tip is None:
        return None
    commits: list[Commit] = []
    if not move.is_created and not move.is_tag:
        commits = moves.new_commits(repo, tip, move.before, renames=False)[::-1]
    page = f"{forge.url}/{repo.path}"
    said = [_commit(page, commit) for commit in commits[:COMMITS]]
    return {
        "ref": move.ref,
        "before": move.before,
        "after": move.after,
        "compare_url": f"{page}/compare/{move.before}...{move.after}",
        "commits": said,
        "total_commits": len(commits),
        "head_commit": said[0] if said else None,
        "repository": shapes.repository(forge, repo),
        "pusher": shapes.user(forge, pusher),
        "sender": shapes.user(forge, pusher),
    }


def made_or_gone(
    forge: "Forge", repo: HostedRepo, move: Move, *, pusher: str
) -> dict[str, Any]:
    """The `create` and `delete` events; with the short name."""
    said: dict[str, Any] = {
        "ref": move.name,
        "ref_type": "tag" if move.is_tag else "branch",
        "repository": shapes.repository(forge, repo),
        "sender": shapes.user(forge, pusher),
    }
    return said | ({"sha": move.after} if move.is_created else {"pusher_type": "user"})


def _commit(page: str, it: Commit) -> dict[str, Any]:
    who = {"name": it.author.name, "email": it.author.email, "username": ""}
    return {
        "id": it.id,
        "message": it.message,
        "url": f"{page}/commit/{it.id}",
        "author": who,
        "committer": who,
        "verification": None,
        "timestamp": it.committer.at.isoformat(),
        **moves.lists(it),
    }
