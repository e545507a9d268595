"""What a forge would send: a push, written and signed by its rules.

The other direction of the codecs beside it. `relaunch push` and the tests speak for
a forge with it. The rules:
https://docs.github.com/en/webhooks/webhook-events-and-payloads#push
https://docs.gitlab.com/user/project/integrations/webhook_events/#push-events
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from service.domain.delivery import Forge
from service.domain.hook import Proof, Secret
from service.domain.repository import Ref, Repository, is_zero
from service.forges import hmac256, standard_webhooks

__all__ = [
    "CommitFacts",
    "PushFacts",
    "repository_number",
    "sign_body",
    "sign_push",
]

GITHUB_COMMITS: Final = 2048
GITHUB_FILES: Final = 3000
GITLAB_COMMITS: Final = 20
_TAGS: Final = "refs/tags/"


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitFacts:
    """One commit, with the paths that differ from its first parent."""

    id: str
    tree: str
    message: str
    at: datetime
    author_name: str
    author_email: str
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    modified: tuple[str, ...] = ()
    renamed: tuple[tuple[str, str], ...] = ()
    """Old and new path. GitHub tells both, GitLab only the new one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PushFacts:
    """A ref that moved."""

    repository: Repository
    """Without a number, one is made of its URL."""
    ref: Ref
    before: str
    """What the ref held; zeros when it is new."""
    after: str
    """What it holds now: a commit, a tag object, or zeros when it is gone."""
    head: CommitFacts | None
    """The commit it stands for now; None when it is gone."""
    commits: Sequence[CommitFacts] = ()
    """New on this ref, oldest first."""
    default_branch: str = "main"
    base_ref: Ref | None = None
    """Another ref that held the commit already."""
    is_forced: bool = False
    pusher: str = "relaunch"


def repository_number(repository: Repository) -> int:
    """Return the forge's number, or a stable one for a repository without a forge."""
    if repository.number is not None:
        return repository.number
    digest = hashlib.sha256(repository.url.encode("utf-8", "surrogatepass")).digest()
    # 52 bits, and never zero: every JSON reader holds it exactly.
    return int.from_bytes(digest[:8]) >> 12 or 1


def sign_push(
    forge: Forge,
    proof: Proof,
    secret: Secret,
    facts: PushFacts,
    *,
    delivery_id: str,
    now: datetime,
) -> tuple[dict[str, str], bytes]:
    """Return headers and body of the request that a forge would make.

    Args:
        forge: Whose format is written.
        proof: How the hook proves its deliveries.
        secret: The hook's newest secret.
        facts: What happened.
        delivery_id: The forge's id of the delivery; the same for a redelivery.
        now: When it is sent; a signing token signs the time too.
    """
    event, payload = _told(forge, facts)
    # Compact, as forges send it.
    text = json.dumps(payload, ensure_ascii=False, separators=(",", ":"))
    body = text.encode("utf-8", "replace")
    headers = sign_body(proof, secret, body, delivery_id=delivery_id, now=now)
    return headers | _names(forge, event, delivery_id), body


def sign_body(
    proof: Proof, secret: Secret, body: bytes, *, delivery_id: str, now: datetime
) -> dict[str, str]:
    """Return the headers that prove a body."""
    match proof:
        case Proof.HMAC:
            return {"X-Hub-Signature-256": hmac256.signature(secret, body)}
        case Proof.SECRET_TOKEN:
            return {"X-Gitlab-Token": secret.reveal()}
        case Proof.SIGNING_TOKEN:
            seconds = str(int(now.timestamp()))
            return {
                "webhook-id": delivery_id,
                "webhook-timestamp": seconds,
                "webhook-signature": standard_webhooks.signature(
                    secret, delivery_id, seconds, body
                ),
            }


def _told(forge: Forge, facts: PushFacts) -> tuple[str, Mapping[str, object]]:
    match forge:
        case Forge.GITHUB:
            return "push", _github(facts)
        case Forge.GITLAB:
            is_tag = facts.ref.startswith(_TAGS)
            return ("Tag Push Hook" if is_tag else "Push Hook"), _gitlab(facts)


def _names(forge: Forge, event: str, delivery_id: str) -> dict[str, str]:
    common = {"Content-Type": "application/json"}
    match forge:
        case Forge.GITHUB:
            return common | {
                "User-Agent": "GitHub-Hookshot/relaunch",
                "X-GitHub-Event": event,
                "X-GitHub-Delivery": delivery_id,
            }
        case Forge.GITLAB:
            return common | {
                "User-Agent": "GitLab/relaunch",
                "X-Gitlab-Event": event,
                "Idempotency-Key": delivery_id,
            }


def _github(facts: PushFacts) -> Mapping[str, object]:
    repository = facts.repository
    commits = [_github_commit(it) for it in facts.commits[:GITHUB_COMMITS]]
    owner, _, name = repository.path.rpartition("/")
    return {
        "ref": facts.ref,
        "before": facts.before,
        "after": facts.after,
        "created": is_zero(facts.before),
        "deleted": is_zero(facts.after),
        "forced": facts.is_forced,
        "base_ref": facts.base_ref,
        "compare": repository.url,
        "commits": commits,
        "head_commit": _github_commit(facts.head) if facts.head else None,
        "repository": {
            "id": repository_number(repository),
            "name": name,
            "full_name": repository.path,
            "private": False,
            "owner": {"name": owner, "login": owner},
            "html_url": repository.url.removesuffix(".git"),
            "url": repository.url,
            "clone_url": repository.url,
            "default_branch": facts.default_branch,
            "master_branch": facts.default_branch,
        },
        "pusher": {"name": facts.pusher},
        "sender": {"login": facts.pusher},
    }


def _github_commit(commit: CommitFacts) -> Mapping[str, object]:
    person = {"name": commit.author_name, "email": commit.author_email}
    old = tuple(it for it, _ in commit.renamed)
    return {
        "id": commit.id,
        "tree_id": commit.tree,
        "distinct": True,
        "message": commit.message,
        "timestamp": commit.at.isoformat(),
        "author": person,
        "committer": person,
        "added": _first(GITHUB_FILES, (*commit.added, *_new_names(commit))),
        "removed": _first(GITHUB_FILES, (*commit.removed, *old)),
        "modified": _first(GITHUB_FILES, commit.modified),
    }


def _gitlab(facts: PushFacts) -> Mapping[str, object]:
    repository = facts.repository
    kind = "tag_push" if facts.ref.startswith(_TAGS) else "push"
    number = repository_number(repository)
    return {
        "object_kind": kind,
        "event_name": kind,
        "before": facts.before,
        "after": facts.after,
        "ref": facts.ref,
        "checkout_sha": facts.head.id if facts.head else None,
        "user_name": facts.pusher,
        "user_username": facts.pusher,
        "project_id": number,
        "project": {
            "id": number,
            "name": repository.path.rpartition("/")[2],
            "web_url": repository.url.removesuffix(".git"),
            "git_http_url": repository.url,
            "visibility_level": 20,
            "path_with_namespace": repository.path,
            "default_branch": facts.default_branch,
        },
        # The newest twenty, listed oldest first.
        "commits": [_gitlab_commit(it) for it in facts.commits[-GITLAB_COMMITS:]],
        "total_commits_count": len(facts.commits),
    }


def _gitlab_commit(commit: CommitFacts) -> Mapping[str, object]:
    return {
        "id": commit.id,
        "message": commit.message,
        "title": commit.message.partition("\n")[0],
        "timestamp": commit.at.isoformat(),
        "author": {"name": commit.author_name, "email": commit.author_email},
        # A rename is told by its new path alone.
        "added": [*commit.added, *_new_names(commit)],
        "modified": list(commit.modified),
        "removed": list(commit.removed),
    }


def _new_names(commit: CommitFacts) -> tuple[str, ...]:
    return tuple(new for _, new in commit.renamed)


def _first(limit: int, paths: Iterable[str]) -> list[str]:
    return list(paths)[:limit]
