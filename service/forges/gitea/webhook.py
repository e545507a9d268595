"""Verify and parse Gitea's and Forgejo's deliveries.

https://docs.gitea.com/usage/webhooks

Both send GitHub's headers beside their own, with a signature of the same secret; here
only their own count. In form mode they sign the JSON and not the body, so JSON alone
is accepted.
"""

from datetime import datetime
from typing import Final

from service.domain.delivery import Delivery
from service.domain.hook import Hook
from service.domain.push import Ignored, Push
from service.domain.repository import Ref, Repository, is_zero
from service.errors import MalformedDeliveryError
from service.forges import hmac256
from service.forges.binding import bound, suggested
from service.forges.gitea.payloads import (
    PUSHES,
    GiteaDeletion,
    GiteaPush,
    GiteaRepository,
    GiteaSubject,
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
from service.forges.refs import BRANCHES, TAGS, branch_or_none
from service.forges.spec import Codec, Parsed

__all__ = ["CODEC", "EVENTS", "PUSH_EVENT", "SIGNATURES"]

EVENTS: Final = ("X-Forgejo-Event", "X-Gitea-Event")
SIGNATURES: Final = ("X-Forgejo-Signature", "X-Gitea-Signature")
"""Forgejo sends both. Without a secret they are there and empty."""
PUSH_EVENT: Final = "push"
_LIFECYCLE: Final = frozenset({"created", "deleted"})


def verify(hook: Hook, delivery: Delivery, now: datetime) -> Verified:
    """Check the forge's own signature over the raw body; no other header counts.

    Raises:
        BadSignatureError: It is missing, doubled, malformed or wrong.
    """
    del now  # Gitea signs no time
    sent = (name for name in SIGNATURES if delivery.headers.getall(name, ()))
    header = next(sent, SIGNATURES[-1])
    given = delivery.header(header)
    return hmac256.verify_body(hook, delivery.body, given, header=header, prefix="")


def skim(hook: Hook, delivery: Delivery) -> Parsed | None:
    """Read a push at little cost, however large; None for all that takes more.

    Raises:
        DeliveryError: It cannot be read, or is about another repository.
    """
    if _event(delivery) != PUSH_EVENT:
        return None
    push = PUSHES.read(content(delivery, accept=(JSON,)))
    return _push(hook, push) if push is not None else None


def parse(hook: Hook, delivery: Delivery) -> Parsed:
    """Read a verified delivery.

    Raises:
        DeliveryError: It cannot be read, or is about another repository.
    """
    event = _event(delivery)
    text = content(delivery, accept=(JSON,))
    if event == PUSH_EVENT and (push := PUSHES.read(text)):
        return _push(hook, push)
    payload = decoded_object(text)
    try:
        match event:
            case "push":
                return _push(hook, fitted(GiteaPush, payload))
            case "delete":
                return _deletion(hook, fitted(GiteaDeletion, payload))
            case _:
                return _other(hook, event, fitted(GiteaSubject, payload))
    except MisfitError as exc:
        message = f"no {event} payload of Gitea: {exc}"
        raise MalformedDeliveryError(message) from exc


def _event(delivery: Delivery) -> str:
    names = [only_header(delivery, name) for name in EVENTS]
    event = next((name for name in names if name is not None), None)
    if event is None:
        raise MalformedDeliveryError(f"{EVENTS[-1]} is missing")
    return event


def _push(hook: Hook, payload: GiteaPush) -> Parsed:
    repository = _bound(hook, payload.repository)
    if is_zero(payload.before) and is_zero(payload.after):
        return Ignored(
            reason="sample",
            message="A test delivery of an empty repository.",
            repository=repository,
        )
    if not payload.ref.startswith((BRANCHES, TAGS)):
        return Ignored(
            reason="not_a_branch",
            message=f"{payload.ref} is no branch and no tag.",
            repository=repository,
        )
    return (
        _moved(
            repository,
            payload.repository,
            payload.ref,
            payload.before,
            _commit(payload),
        ),
    )


def _deletion(hook: Hook, payload: GiteaDeletion) -> Parsed:
    """Read the event of a branch that is gone: Gitea sends no push for it."""
    repository = _bound(hook, payload.repository)
    return (_moved(repository, payload.repository, payload.full_ref, "", "0" * 40),)


def _moved(
    repository: Repository, about: GiteaRepository, ref: str, before: str, after: str
) -> Push:
    return Push(
        repository=repository,
        ref=Ref(ref),
        before=before,
        after=after,
        default_branch=branch_or_none(about.default_branch),
        suggestion=suggested(repository, path=about.full_name, number=about.id),
    )


def _commit(payload: GiteaPush) -> str:
    """Peel an annotated tag: `after` is the tag object, the head commit its commit."""
    is_tag = payload.ref.startswith(TAGS) and not is_zero(payload.after)
    return payload.head_commit.id if is_tag and payload.head_commit else payload.after


def _other(hook: Hook, event: str, payload: GiteaSubject) -> Ignored:
    about = payload.repository
    repository = _bound(hook, about) if about else None
    match event:
        case "create":
            reason, message = "covered_by_push", "A push comes beside create."
        case "repository":
            word = payload.action if payload.action in _LIFECYCLE else "changed"
            reason, message = f"repository_{word}", f"The repository was {word}."
        case _:
            reason, message = "event_ignored", f"The event {event} moves no ref."
    return Ignored(reason=reason, message=message, repository=repository)


def _bound(hook: Hook, about: GiteaRepository) -> Repository:
    return bound(hook, path=about.full_name, number=about.id)


CODEC: Final = Codec(verify=verify, parse=parse, skim=skim)
