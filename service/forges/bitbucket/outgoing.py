"""Write pushes as Bitbucket Cloud does, and sign them.

https://support.atlassian.com/bitbucket-cloud/docs/event-payloads/#Push
"""

import uuid
from collections.abc import Mapping
from typing import Final

from service.domain.repository import Repository, is_zero
from service.forges import hmac256
from service.forges.bitbucket.webhook import PUSH_EVENT, SIGNATURE
from service.forges.push_facts import CommitFacts, PushFacts
from service.forges.refs import BRANCHES, TAGS
from service.forges.spec import Outgoing, SigningRequest

__all__ = ["MAX_COMMITS", "sign", "write_push"]

MAX_COMMITS: Final = 5
"""Of one change, the newest first; `truncated` says that there are more."""


def sign(request: SigningRequest) -> Mapping[str, str]:
    """Return the header that proves a body."""
    return {SIGNATURE: hmac256.signature(request.secret, request.body)}


def write_push(facts: PushFacts) -> Outgoing:
    """Write a push of one ref."""
    actor = {"type": "user", "display_name": facts.pusher, "nickname": facts.pusher}
    payload = {
        "push": {"changes": [_change(facts)]},
        "repository": _repository(facts.repository),
        "actor": actor,
    }
    return Outgoing(event=PUSH_EVENT, payload=payload)


def _change(facts: PushFacts) -> Mapping[str, object]:
    is_new, is_gone = is_zero(facts.before), is_zero(facts.after)
    # An annotated tag is described by its commit.
    after = facts.head.id if facts.head else facts.after
    change = {
        "old": None if is_new else _ref(facts, facts.before),
        "new": None if is_gone else _ref(facts, after),
        "created": is_new,
        "closed": is_gone,
        "forced": facts.is_forced,
        "truncated": len(facts.commits) > MAX_COMMITS,
    }
    if is_gone:
        return change
    newest = list(reversed(facts.commits))[:MAX_COMMITS]
    return change | {"commits": [_commit(commit) for commit in newest]}


def _ref(facts: PushFacts, commit: str) -> Mapping[str, object]:
    is_tag = facts.ref.startswith(TAGS)
    return {
        "type": "tag" if is_tag else "branch",
        "name": facts.ref.removeprefix(TAGS if is_tag else BRANCHES),
        "target": {"type": "commit", "hash": commit},
    }


def _commit(commit: CommitFacts) -> Mapping[str, object]:
    # Without any names of files.
    return {
        "type": "commit",
        "hash": commit.id,
        "message": commit.message,
        "date": commit.at.isoformat(),
        "author": {
            "type": "author",
            "raw": f"{commit.author_name} <{commit.author_email}>",
        },
    }


def _repository(repository: Repository) -> Mapping[str, object]:
    stable = uuid.uuid5(uuid.NAMESPACE_URL, _text(repository.url))
    return {
        "type": "repository",
        "scm": "git",
        "name": repository.path.rpartition("/")[2],
        "full_name": repository.path,
        "uuid": f"{{{stable}}}",
        "is_private": False,
        "links": {"html": {"href": repository.url.removesuffix(".git")}},
    }


def _text(url: str) -> str:
    return url.encode("utf-8", "replace").decode()
