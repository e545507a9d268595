"""Write pushes as GitHub does, and sign them.

https://docs.github.com/en/webhooks/webhook-events-and-payloads#push
"""

from collections.abc import Mapping
from typing import Final

from service.domain.repository import is_zero
from service.forges import hmac256
from service.forges.github.webhook import SIGNATURE
from service.forges.push_facts import (
    CommitFacts,
    PushFacts,
    first_paths,
    new_names,
    repository_number,
)
from service.forges.spec import Outgoing, SigningRequest

__all__ = ["sign", "write_push"]

MAX_COMMITS: Final = 2048
MAX_FILES: Final = 3000


def sign(request: SigningRequest) -> Mapping[str, str]:
    """Return the headers that prove a body."""
    return {SIGNATURE: hmac256.signature(request.secret, request.body)}


def write_push(facts: PushFacts) -> Outgoing:
    """Write a push."""
    return Outgoing(event="push", payload=_payload(facts))


def _payload(facts: PushFacts) -> Mapping[str, object]:
    repository = facts.repository
    commits = [_commit(commit) for commit in facts.commits[:MAX_COMMITS]]
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
        "head_commit": _commit(facts.head) if facts.head else None,
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


def _commit(commit: CommitFacts) -> Mapping[str, object]:
    person = {"name": commit.author_name, "email": commit.author_email}
    old = tuple(text for text, _ in commit.renamed)
    return {
        "id": commit.id,
        "tree_id": commit.tree,
        "distinct": True,
        "message": commit.message,
        "timestamp": commit.at.isoformat(),
        "author": person,
        "committer": person,
        "added": first_paths(MAX_FILES, (*commit.added, *new_names(commit))),
        "removed": first_paths(MAX_FILES, (*commit.removed, *old)),
        "modified": first_paths(MAX_FILES, commit.modified),
    }
