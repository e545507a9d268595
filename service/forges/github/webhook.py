"""Verify and parse GitHub's deliveries.

https://docs.github.com/en/webhooks/webhook-events-and-payloads
"""

from datetime import datetime
from typing import Final

from service.domain.delivery import Delivery
from service.domain.hook import Hook
from service.domain.push import Ignored, Push
from service.domain.repository import Ref, is_zero
from service.errors import MalformedDeliveryError
from service.forges import hmac256
from service.forges.binding import bound, suggested
from service.forges.github.payloads import (
    PUSHES,
    GitHubLifecycle,
    GitHubPush,
    GitHubSubject,
)
from service.forges.payload import (
    FORM,
    JSON,
    MisfitError,
    content,
    decoded_object,
    fitted,
    only_header,
    plain,
)
from service.forges.proofs import Verified
from service.forges.refs import (
    BRANCHES,
    MERGE_QUEUE,
    TAGS,
    branch_or_none,
)
from service.forges.spec import Codec, Parsed

__all__ = ["CODEC", "CONTENT_TYPES", "EVENT", "SIGNATURE"]

CONTENT_TYPES: Final = (JSON, FORM)
EVENT: Final = "X-GitHub-Event"
SIGNATURE: Final = "X-Hub-Signature-256"

_LIFECYCLE: Final = frozenset(
    {
        "archived",
        "created",
        "deleted",
        "edited",
        "privatized",
        "publicized",
        "renamed",
        "transferred",
        "unarchived",
    }
)


def verify(hook: Hook, delivery: Delivery, now: datetime) -> Verified:
    """Check `X-Hub-Signature-256` over the raw body; no other header counts.

    Raises:
        BadSignatureError: It is missing, doubled, malformed or wrong.
    """
    del now  # GitHub signs no time
    given = delivery.header(SIGNATURE)
    return hmac256.verify_body(hook, delivery.body, given, header=SIGNATURE)


def skim(hook: Hook, delivery: Delivery) -> Parsed | None:
    """Read a push at little cost, however large; None for all that takes more.

    Raises:
        DeliveryError: It cannot be read, or is about another repository.
    """
    if only_header(delivery, EVENT) != "push":
        return None
    text = plain(delivery, accept=CONTENT_TYPES)
    push = PUSHES.read(text) if text is not None else None
    return _push(hook, push) if push is not None else None


def parse(hook: Hook, delivery: Delivery) -> Parsed:
    """Read a verified delivery.

    Raises:
        DeliveryError: It cannot be read, or is about another repository.
    """
    event = only_header(delivery, EVENT)
    if event is None:
        raise MalformedDeliveryError("X-GitHub-Event is missing")
    text = content(delivery, accept=CONTENT_TYPES)
    if event == "push" and (push := PUSHES.read(text)):
        return _push(hook, push)
    payload = decoded_object(text)
    try:
        match event:
            case "push":
                return _push(hook, fitted(GitHubPush, payload))
            case "repository":
                return _lifecycle(hook, fitted(GitHubLifecycle, payload))
            case _:
                return _other(hook, event, fitted(GitHubSubject, payload))
    except MisfitError as exc:
        message = f"no {event} payload of GitHub: {exc}"
        raise MalformedDeliveryError(message) from exc


def _push(hook: Hook, payload: GitHubPush) -> Parsed:
    path, number = payload.repository.full_name, payload.repository.id
    repository = bound(hook, path=path, number=number)
    ref = payload.ref
    if ref.startswith(MERGE_QUEUE):
        return Ignored(
            reason="merge_queue",
            message=f"{ref} is scratch of a merge queue.",
            repository=repository,
        )
    if not ref.startswith((BRANCHES, TAGS)):
        return Ignored(
            reason="not_a_branch",
            message=f"{ref} is no branch and no tag.",
            repository=repository,
        )
    push = Push(
        repository=repository,
        ref=Ref(ref),
        before=payload.before,
        after=_commit(payload),
        default_branch=branch_or_none(payload.repository.default_branch),
        suggestion=suggested(repository, path=path, number=number),
    )
    return (push,)


def _commit(payload: GitHubPush) -> str:
    """Peel an annotated tag: `after` is the tag object, the head commit its commit."""
    is_tag = payload.ref.startswith(TAGS) and not is_zero(payload.after)
    return payload.head_commit.id if is_tag and payload.head_commit else payload.after


def _lifecycle(hook: Hook, payload: GitHubLifecycle) -> Parsed:
    path, number = payload.repository.full_name, payload.repository.id
    repository = bound(hook, path=path, number=number)
    branch = branch_or_none(payload.repository.default_branch)
    has_new_default = payload.changes and payload.changes.default_branch is not None
    if payload.action == "edited" and has_new_default and branch:
        push = Push(
            repository=repository,
            ref=Ref(BRANCHES + branch),
            before="",
            after="",
            default_branch=branch,
            suggestion=suggested(repository, path=path, number=number),
        )
        return (push,)
    word = payload.action if payload.action in _LIFECYCLE else "changed"
    return Ignored(
        reason=f"repository_{word}",
        message=f"The repository is now {path}; no ref moved.",
        repository=repository,
    )


def _other(hook: Hook, event: str, payload: GitHubSubject) -> Ignored:
    about = payload.repository
    repository = bound(hook, path=about.full_name, number=about.id) if about else None
    match event:
        case "ping":
            reason, message = "ping", "The hook works."
        case "create" | "delete":
            reason, message = (
                "covered_by_push",
                f"A push comes beside {event}.",
            )
        case _:
            reason, message = "event_ignored", f"The event {event} moves no ref."
    return Ignored(reason=reason, message=message, repository=repository)


CODEC: Final = Codec(verify=verify, parse=parse, skim=skim)
