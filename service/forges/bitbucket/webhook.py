"""Verify and parse Bitbucket Cloud's deliveries.

https://support.atlassian.com/bitbucket-cloud/docs/event-payloads/

One delivery has every ref of one `git push`, up to 256 kB; what is larger is never
sent. It is sent again up to twice, under the same `X-Request-UUID`.
"""

from datetime import datetime
from typing import Final

from service.domain.delivery import Delivery
from service.domain.hook import Hook
from service.domain.push import Ignored, Push
from service.domain.repository import Ref, Repository
from service.errors import MalformedDeliveryError
from service.forges import hmac256
from service.forges.binding import bound
from service.forges.bitbucket.payloads import (
    BitbucketChange,
    BitbucketPush,
    BitbucketSubject,
    BitbucketUpdate,
)
from service.forges.payload import (
    JSON,
    MisfitError,
    content,
    decoded_object,
    fitted,
    only_header,
)
from service.forges.proofs import Verified
from service.forges.spec import Codec, Parsed

__all__ = ["CODEC", "EVENT", "PUSH_EVENT", "SIGNATURE"]

EVENT: Final = "X-Event-Key"
PUSH_EVENT: Final = "repo:push"
SIGNATURE: Final = "X-Hub-Signature"
"""The name of GitHub's SHA-1 header; here it holds SHA-256 only."""


def verify(hook: Hook, delivery: Delivery, now: datetime) -> Verified:
    """Check `X-Hub-Signature` over the raw body; no other header counts.

    Raises:
        BadSignatureError: It is missing, doubled, malformed or wrong.
    """
    del now  # Bitbucket signs no time
    given = delivery.header(SIGNATURE)
    return hmac256.verify_body(hook, delivery.body, given, header=SIGNATURE)


def parse(hook: Hook, delivery: Delivery) -> Parsed:
    """Read a verified delivery: a push for each ref.

    Raises:
        DeliveryError: It cannot be read, or is about another repository.
    """
    event = only_header(delivery, EVENT)
    if event is None:
        raise MalformedDeliveryError(f"{EVENT} is missing")
    payload = decoded_object(content(delivery, accept=(JSON,)))
    try:
        match event:
            case "repo:push":
                return _pushes(hook, fitted(BitbucketPush, payload))
            case "repo:updated":
                return _update(hook, fitted(BitbucketUpdate, payload))
            case _:
                return _other(hook, event, fitted(BitbucketSubject, payload))
    except MisfitError as exc:
        message = f"no {event} payload of Bitbucket: {exc}"
        raise MalformedDeliveryError(message) from exc


def _pushes(hook: Hook, payload: BitbucketPush) -> Parsed:
    repository = bound(hook, path=payload.repository.full_name, number=None)
    pushes = [_push(repository, change) for change in payload.push.changes]
    moved = tuple(push for push in pushes if push is not None)
    return moved or Ignored(
        reason="not_a_branch",
        message="No branch and no tag moved.",
        repository=repository,
    )


def _push(repository: Repository, change: BitbucketChange) -> Push | None:
    side = change.new or change.old
    if side is None or side.ref is None:
        return None
    none = "0" * len(side.target.hash)
    return Push(
        repository=repository,
        ref=Ref(side.ref),
        before=change.old.target.hash if change.old else none,
        after=change.new.target.hash if change.new else none,
        default_branch=None,  # payloads have none
    )


def _update(hook: Hook, payload: BitbucketUpdate) -> Ignored:
    """Name a change of a repository's settings.

    Without a number only the name binds a hook of one repository. The event of a
    rename has both names, so it is accepted by the old one; every later delivery is
    about another repository.
    """
    now = payload.repository.full_name
    renamed = payload.changes.full_name if payload.changes else None
    path = renamed.old if renamed and renamed.new == now else now
    repository = bound(hook, path=path, number=None)
    if path == now:
        return Ignored(
            reason="repository_changed",
            message=f"The settings of {now} changed; no ref moved.",
            repository=repository,
        )
    return Ignored(
        reason="repository_renamed",
        message=f"The repository is now {now}; no ref moved. Add a hook for {now}: "
        f"pushes under that name are refused by the hook of {path}.",
        repository=repository,
    )


def _other(hook: Hook, event: str, payload: BitbucketSubject) -> Ignored:
    about = payload.repository
    repository = bound(hook, path=about.full_name, number=None) if about else None
    return Ignored(
        reason="event_ignored",
        message=f"The event {event} moves no ref.",
        repository=repository,
    )


CODEC: Final = Codec(verify=verify, parse=parse)
