"""GitLab's deliveries.

https://docs.gitlab.com/user/project/integrations/webhook_events/

A hook's owner may replace the body by a template of their own, so an authentic body
that is no push of GitLab's is ignored, not refused: four refusals disable a hook.
"""

from datetime import datetime
from typing import Annotated, Final, Literal

from msgspec import Meta, Struct
from msgspec.json import Decoder

from service.domain.delivery import Delivery
from service.domain.hook import Hook, Proof
from service.domain.push import Ignored, Push
from service.domain.repository import Ref, is_zero
from service.errors import BadSignatureError
from service.forges import standard_webhooks
from service.forges.binding import bound, suggested
from service.forges.names import (
    BRANCHES,
    TAGS,
    Moved,
    RepositoryNumber,
    branch_or_none,
    check_object_id,
    check_path,
)
from service.forges.payload import (
    JSON,
    MisfitError,
    content,
    decoded,
    fitted,
    only_header,
    quick,
)
from service.forges.proofs import (
    CLOCK_TOLERANCE_SECONDS,
    SkewedClockError,
    Verified,
    candidates,
    digest,
    equal_to_any,
    octets,
)

__all__ = ["delivery_name", "event_name", "parse", "skim", "verify"]

_SAMPLE: Final = (15, "mike/diaspora")
"""What GitLab's Test button speaks about when the project is empty."""


class _Project(Struct, frozen=True):
    path_with_namespace: str
    id: RepositoryNumber | None = None
    default_branch: str | None = None

    def __post_init__(self) -> None:
        check_path("path_with_namespace", self.path_with_namespace)


class _About(Struct, frozen=True):
    project_id: RepositoryNumber | None = None
    project: _Project | None = None


class _Push(Moved, frozen=True, kw_only=True):
    project_id: RepositoryNumber
    project: _Project
    checkout_sha: str | None = None

    def __post_init__(self) -> None:
        Moved.__post_init__(self)
        if self.checkout_sha is not None:
            check_object_id("checkout_sha", self.checkout_sha)


class _ProjectHookPush(_Push, frozen=True, kw_only=True):
    """What hooks of projects send; those of groups and the system say it otherwise."""

    object_kind: Literal["push", "tag_push"]


_Word = Annotated[str, Meta(max_length=100)]


class _Kind(Struct, frozen=True):
    object_kind: _Word | None = None
    event_name: _Word | None = None

    @property
    def word(self) -> str | None:
        """System hooks have only the second."""
        return self.object_kind or self.event_name


_PUSH: Final = Decoder(_ProjectHookPush)


def verify(hook: Hook, delivery: Delivery, now: datetime) -> Verified:
    """Check what the hook proves itself with, and nothing else.

    A hook with a signing token is never accepted on its secret token, whatever else
    was sent, and a signature is no proof for a hook that has only a secret token.
    Both are always worked out, so that the time tells nothing.

    Raises:
        BadSignatureError: The proof is missing, doubled, malformed, wrong or old.
    """
    found = {
        Proof.SIGNING_TOKEN: _by_signature(hook, delivery),
        Proof.SECRET_TOKEN: _by_token(hook, delivery),
    }
    index = found.get(hook.proof)
    if index is None or index >= len(hook.secrets):
        raise BadSignatureError(f"nothing proves the body by {hook.proof.value}")
    if hook.proof is Proof.SIGNING_TOKEN:
        _check_time(delivery, now)
    return Verified(secret_index=index)


def _by_signature(hook: Hook, delivery: Delivery) -> int | None:
    message_id = octets(delivery.header("webhook-id"))
    seconds = octets(delivery.header("webhook-timestamp"))
    given = standard_webhooks.macs_in(delivery.header("webhook-signature") or "")
    expected = [
        standard_webhooks.mac(it, message_id, seconds, delivery.body)
        for it in candidates(hook)
    ]
    index = equal_to_any(given, expected)
    return index if message_id and seconds else None


def _by_token(hook: Hook, delivery: Delivery) -> int | None:
    # Digests have one length, so that the secret's own does not show in the time.
    given = digest(octets(delivery.header("x-gitlab-token")))
    expected = [digest(octets(it.reveal())) for it in candidates(hook)]
    return equal_to_any([given], expected)


def _check_time(delivery: Delivery, now: datetime) -> None:
    sent = delivery.header("webhook-timestamp") or ""
    if not standard_webhooks.is_in_time(sent, now, tolerance=CLOCK_TOLERANCE_SECONDS):
        raise SkewedClockError(
            f"webhook-timestamp is {sent[:20]!r}, here it is {int(now.timestamp())}; "
            f"expected {CLOCK_TOLERANCE_SECONDS} seconds apart at most"
        )


def event_name(delivery: Delivery) -> str | None:
    """Return what GitLab calls the event.

    Raises:
        MalformedDeliveryError: The header was sent twice or is no name.
    """
    return only_header(delivery, "X-Gitlab-Event")


def delivery_name(delivery: Delivery) -> str | None:
    """Return GitLab's id of the delivery: the same when it is sent again.

    `webhook-id` is the same as `Idempotency-Key`, and signed where there is a
    signature. Versions before 17.4 send neither.

    Raises:
        MalformedDeliveryError: The header was sent twice or is no id.
    """
    signed = only_header(delivery, "webhook-id")
    return signed or only_header(delivery, "Idempotency-Key")


def skim(hook: Hook, delivery: Delivery) -> Push | Ignored | None:
    """Read a push at little cost, however large; None for all that takes more.

    Raises:
        DeliveryError: It cannot be read, or is about another repository.
    """
    push = _quick(content(delivery, accept=(JSON,)))
    return _push(hook, push) if push is not None else None


def _quick(text: bytes) -> _ProjectHookPush | None:
    return quick(_PUSH, text, about="project")


def parse(hook: Hook, delivery: Delivery) -> Push | Ignored:
    """Say what a verified delivery tells.

    Raises:
        DeliveryError: It cannot be read, or is about another repository.
    """
    event = event_name(delivery) or "event without a name"
    text = content(delivery, accept=(JSON,))
    if push := _quick(text):
        return _push(hook, push)
    payload = decoded(text)
    try:
        match fitted(_Kind, payload).word:
            case None:
                return _unrecognised(event, "no object_kind and no event_name")
            case "push" | "tag_push":
                return _push(hook, fitted(_Push, payload))
            case _:
                return _other(hook, event, payload)
    except MisfitError as exc:
        return _unrecognised(event, str(exc))


def _unrecognised(event: str, seen: str) -> Ignored:
    return Ignored(
        reason="unrecognised",
        message=f"Not what GitLab sends as {event} (a template of its own?): {seen}.",
    )


def _push(hook: Hook, payload: _Push) -> Push | Ignored:
    path = payload.project.path_with_namespace
    if (payload.project_id, path) == _SAMPLE and hook.repository.path != path:
        return Ignored(reason="sample", message="GitLab's sample of an empty project.")
    repository = bound(hook, path=path, number=payload.project_id)
    ref = payload.ref
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
        default_branch=branch_or_none(payload.project.default_branch),
        suggestion=suggested(repository, path=path, number=payload.project_id),
    )


def _commit(payload: _Push) -> str:
    """Peel an annotated tag: `after` is the tag object, `checkout_sha` its commit."""
    is_tag = payload.ref.startswith(TAGS) and not is_zero(payload.after)
    return payload.checkout_sha if is_tag and payload.checkout_sha else payload.after


def _other(hook: Hook, event: str, payload: object) -> Ignored:
    about, repository = fitted(_About, payload), None
    if about.project and (number := about.project_id or about.project.id):
        path = about.project.path_with_namespace
        repository = bound(hook, path=path, number=number)
    return Ignored(
        reason="event_ignored",
        message=f"{event} moves no ref.",
        repository=repository,
    )
