"""Write pushes as Gitea does, and sign them.

https://github.com/go-gitea/gitea/blob/main/services/webhook/notifier.go
"""

from collections.abc import Mapping
from typing import Final

from service.domain.repository import is_zero
from service.forges import hmac256
from service.forges.gitea.webhook import PUSH_EVENT, SIGNATURES
from service.forges.push_facts import (
    CommitFacts,
    PushFacts,
    new_names,
    repository_number,
)
from service.forges.refs import BRANCHES, TAGS
from service.forges.spec import Outgoing, SigningRequest

__all__ = ["MAX_COMMITS", "sign", "write_push"]

MAX_COMMITS: Final = 5
"""`[ui] FEED_MAX_COMMIT_NUM`; `total_commits` is the real number."""


def sign(request: SigningRequest) -> Mapping[str, str]:
    """Return the header that proves a body: hex digits and no prefix."""
    signature = hmac256.signature(request.secret, request.body, prefix="")
    return {SIGNATURES[-1]: signature}


def write_push(facts: PushFacts) -> Outgoing:
    """Write a push; of a ref that is gone, the event of its deletion."""
    if is_zero(facts.after):
        return Outgoing(event="delete", payload=_deletion(facts))
    return Outgoing(event=PUSH_EVENT, payload=_push(facts))


def _push(facts: PushFacts) -> Mapping[str, object]:
    newest = list(reversed(facts.commits))[:MAX_COMMITS]
    return {
        "ref": facts.ref,
        "before": facts.before,
        "after": facts.after,
        "compare_url": facts.repository.url if facts.commits else "",
        "commits": [_commit(commit) for commit in newest],
        "total_commits": len(facts.commits),
        "head_commit": _commit(facts.head) if facts.head else None,
        "repository": _repository(facts),
        "pusher": _person(facts),
        "sender": _person(facts),
    }


def _deletion(facts: PushFacts) -> Mapping[str, object]:
    is_tag = facts.ref.startswith(TAGS)
    return {
        "ref": facts.ref.removeprefix(TAGS if is_tag else BRANCHES),
        "ref_type": "tag" if is_tag else "branch",
        "pusher_type": "user",
        "repository": _repository(facts),
        "sender": _person(facts),
    }


def _commit(commit: CommitFacts) -> Mapping[str, object]:
    person = {"name": commit.author_name, "email": commit.author_email, "username": ""}
    old = [path for path, _ in commit.renamed]
    return {
        "id": commit.id,
        "message": commit.message,
        "author": person,
        "committer": person,
        "timestamp": commit.at.isoformat(),
        "added": [*commit.added, *new_names(commit)],
        "removed": [*commit.removed, *old],
        "modified": list(commit.modified),
    }


def _repository(facts: PushFacts) -> Mapping[str, object]:
    repository = facts.repository
    return {
        "id": repository_number(repository),
        "name": repository.path.rpartition("/")[2],
        "full_name": repository.path,
        "private": False,
        "html_url": repository.url.removesuffix(".git"),
        "clone_url": repository.url,
        "default_branch": facts.default_branch,
    }


def _person(facts: PushFacts) -> Mapping[str, object]:
    return {"login": facts.pusher, "username": facts.pusher}
