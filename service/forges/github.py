"""GitHub's deliveries.

https://docs.github.com/en/webhooks/webhook-events-and-payloads
"""

import hmac
from datetime import datetime
from typing import Any, Final

from msgspec import Struct
from msgspec.json import Decoder

from service.domain.delivery import Delivery
from service.domain.hook import Hook, Proof
from service.domain.push import Ignored, Push
from service.domain.repository import Ref, is_zero
from service.errors import BadSignatureError, MalformedDeliveryError
from service.forges.binding import bound, suggested
from service.forges.hmac256 import signature
from service.forges.names import (
    BRANCHES,
    MERGE_QUEUE,
    TAGS,
    Moved,
    RepositoryNumber,
    branch_or_none,
    check_object_id,
    check_path,
)
from service.forges.payload import (
    FORM,
    JSON,
    MisfitError,
    content,
    decoded,
    fitted,
    only_header,
    plain,
    quick,
)
from service.forges.proofs import Verified, candidates, octets

__all__ = ["delivery_name", "event_name", "parse", "skim", "verify"]

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


class _Repository(Struct, frozen=True):
    id: RepositoryNumber
    full_name: str
    default_branch: str | None = None

    def __post_init__(self) -> None:
        check_path("full_name", self.full_name)


class _Head(Struct, frozen=True):
    id: str

    def __post_init__(self) -> None:
        check_object_id("id", self.id)


class _Push(Moved, frozen=True, kw_only=True):
    repository: _Repository
    head_commit: _Head | None = None


class _Changes(Struct, frozen=True):
    default_branch: Any = None


class _Lifecycle(Struct, frozen=True):
    repository: _Repository
    action: str = ""
    changes: _Changes | None = None


class _About(Struct, frozen=True):
    repository: _Repository | None = None


_PUSH: Final = Decoder(_Push)


def verify(hook: Hook, delivery: Delivery, now: datetime) -> Verified:
    """Check `X-Hub-Signature-256` over the raw body; no other header counts.

    Raises:
        BadSignatureError: It is missing, doubled, malformed or wrong.
    """
    del now  # GitHub signs no time
    given = octets(delivery.header("x-hub-signature-256"))
    for index, secret in enumerate(hook.secrets):
        expected = signature(secret, delivery.body).encode()
        if hmac.compare_digest(given, expected) and hook.proof is Proof.HMAC:
            # Only who knows a secret sees that the rest was spared.
            return Verified(secret_index=index)
    for decoy in candidates(hook)[len(hook.secrets) :]:
        hmac.compare_digest(given, signature(decoy, delivery.body).encode())
    raise BadSignatureError("X-Hub-Signature-256 does not prove the body")


def event_name(delivery: Delivery) -> str | None:
    """Return what GitHub calls the event.

    Raises:
        MalformedDeliveryError: The header was sent twice or is no name.
    """
    return only_header(delivery, "X-GitHub-Event")


def delivery_name(delivery: Delivery) -> str | None:
    """Return GitHub's id of the delivery: the same when it is sent again.

    Raises:
        MalformedDeliveryError: The header was sent twice or is no id.
    """
    return only_header(delivery, "X-GitHub-Delivery")


def skim(hook: Hook, delivery: Delivery) -> Push | Ignored | None:
    """Read a push at little cost, however large; None for all that takes more.

    Raises:
        DeliveryError: It cannot be read, or is about another repository.
    """
    if event_name(delivery) != "push":
        return None
    text = plain(delivery, accept=(JSON, FORM))
    push = _quick(text) if text is not None else None
    return _push(hook, push) if push is not None else None


def _quick(text: bytes) -> _Push | None:
    return quick(_PUSH, text, about="repository")


def parse(hook: Hook, delivery: Delivery) -> Push | Ignored:
    """Say what a verified delivery tells.

    Raises:
        DeliveryError: It cannot be read, or is about another repository.
    """
    event = event_name(delivery)
    if event is None:
        raise MalformedDeliveryError("X-GitHub-Event is missing")
    text = content(delivery, accept=(JSON, FORM))
    if event == "push" and (push := _quick(text)):
        return _push(hook, push)
    payload = decoded(text)
    if not isinstance(payload, dict):
        raise MalformedDeliveryError("the payload is no JSON object")
    try:
        match event:
            case "push":
                return _push(hook, fitted(_Push, payload))
            case "repository":
                return _lifecycle(hook, fitted(_Lifecycle, payload))
            case _:
                return _other(hook, event, fitted(_About, payload))
    except MisfitError as exc:
        message = f"no {event} payload of GitHub: {exc}"
        raise MalformedDeliveryError(message) from exc


def _push(hook: Hook, payload: _Push) -> Push | Ignored:
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
    return Push(
        repository=repository,
        ref=Ref(ref),
        before=payload.before,
        after=_commit(payload),
        default_branch=branch_or_none(payload.repository.default_branch),
        suggestion=suggested(repository, path=path, number=number),
    )


def _commit(payload: _Push) -> str:
    """Peel an annotated tag: `after` is the tag object, the head commit its commit."""
    is_tag = payload.ref.startswith(TAGS) and not is_zero(payload.after)
    return payload.head_commit.id if is_tag and payload.head_commit else payload.after


def _lifecycle(hook: Hook, payload: _Lifecycle) -> Push | Ignored:
    path, number = payload.repository.full_name, payload.repository.id
    repository = bound(hook, path=path, number=number)
    branch = branch_or_none(payload.repository.default_branch)
    has_new_default = payload.changes and payload.changes.default_branch is not None
    if payload.action == "edited" and has_new_default and branch:
        return Push(
            repository=repository,
            ref=Ref(BRANCHES + branch),
            before="",
            after="",
            default_branch=branch,
            suggestion=suggested(repository, path=path, number=number),
        )
    word = payload.action if payload.action in _LIFECYCLE else "changed"
    return Ignored(
        reason=f"repository_{word}",
        message=f"The repository is now {path}; no ref moved.",
        repository=repository,
    )


def _other(hook: Hook, event: str, payload: _About) -> Ignored:
    about = payload.repository
    repository = bound(hook, path=about.full_name, number=about.id) if about else None
    match event:
        case "ping":
            reason, message = "ping", "The hook works."
        case "create" | "delete":
            reason, message = "covered_by_push", f"A push tells what {event} tells."
        case _:
            reason, message = "event_ignored", f"The event {event} moves no ref."
    return Ignored(reason=reason, message=message, repository=repository)
