"""Write pushes as GitLab does, and sign them.

https://docs.gitlab.com/user/project/integrations/webhook_events/#push-events
"""

from collections.abc import Mapping
from typing import Final

from service.domain.hook import Proof
from service.forges import standard_webhooks
from service.forges.gitlab.webhook import SIGNED, TOKEN
from service.forges.push_facts import (
    CommitFacts,
    PushFacts,
    new_names,
    repository_number,
)
from service.forges.refs import TAGS
from service.forges.spec import Outgoing, SigningRequest

__all__ = ["sign", "write_push"]

MAX_COMMITS: Final = 20


def sign(request: SigningRequest) -> Mapping[str, str]:
    """Return the headers that prove a body: one of two ways."""
    if request.proof is Proof.SECRET_TOKEN:
        return {TOKEN: request.secret.reveal()}
    seconds = str(int(request.now.timestamp()))
    signature = standard_webhooks.signature(
        request.secret, request.delivery_id, seconds, request.body
    )
    return dict(zip(SIGNED, (request.delivery_id, seconds, signature), strict=True))


def write_push(facts: PushFacts) -> Outgoing:
    """Write a push."""
    is_tag = facts.ref.startswith(TAGS)
    event = "Tag Push Hook" if is_tag else "Push Hook"
    return Outgoing(event=event, payload=_payload(facts))


def _payload(facts: PushFacts) -> Mapping[str, object]:
    repository = facts.repository
    kind = "tag_push" if facts.ref.startswith(TAGS) else "push"
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
        "commits": [_commit(commit) for commit in facts.commits[-MAX_COMMITS:]],
        "total_commits_count": len(facts.commits),
    }


def _commit(commit: CommitFacts) -> Mapping[str, object]:
    return {
        "id": commit.id,
        "message": commit.message,
        "title": commit.message.partition("\n")[0],
        "timestamp": commit.at.isoformat(),
        "author": {"name": commit.author_name, "email": commit.author_email},
        # Of a rename only the new path is listed.
        "added": [*commit.added, *new_names(commit)],
        "modified": list(commit.modified),
        "removed": list(commit.removed),
    }
