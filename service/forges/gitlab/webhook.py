"""Verify and parse GitLab's deliveries.

https://docs.gitlab.com/user/project/integrations/webhook_events/

A hook's owner may replace the body by a template of their own, so an authentic body
that is no push of GitLab's is ignored, not refused: four refusals disable a hook.
"""

from datetime import datetime
from typing import Final

from service.domain.delivery import Delivery
from service.domain.hook import Hook, Proof
from service.domain.push import Ignored, Push
from service.domain.repository import Ref, is_zero
from service.errors import BadSignatureError
from service.forges import standard_webhooks
from service.forges.binding import bound, suggested
from service.forges.gitlab.payloads import (
    PUSHES,
    GitLabKind,
    GitLabPush,
    GitLabSubject,
)
from service.forges.payload import (
    JSON,
    MisfitError,
    content,
    decoded,
    fitted,
    only_header,
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
from service.forges.refs import (
    BRANCHES,
    TAGS,
    branch_or_none,
)
from service.forges.spec import Codec, Parsed

__all__ = ["CODEC", "EVENT", "MESSAGE_ID", "SIGNED", "TOKEN"]

EVENT: Final = "X-Gitlab-Event"
TOKEN: Final = "X-Gitlab-Token"  # noqa: S105 - the name of a header
MESSAGE_ID: Final = "webhook-id"
_TIMESTAMP: Final = "webhook-timestamp"
_SIGNATURE: Final = "webhook-signature"
SIGNED: Final = (MESSAGE_ID, _TIMESTAMP, _SIGNATURE)
"""What a signature consists of."""

_SAMPLE: Final = (15, "mike/diaspora")
"""What GitLab's Test button is about when the project is empty."""


def verify(hook: Hook, delivery: Delivery, now: datetime) -> Verified:
    """Check what the hook proves itself with, and nothing else.

    A hook with a signing token is never accepted on its secret token, whatever else
    was sent, and a signature is no proof for a hook that has only a secret token.
    Both are always worked out, so that the time shows nothing.

    Raises:
        BadSignatureError: The proof is missing, doubled, malformed, wrong or old.
    """
    proved = {
        Proof.SIGNING_TOKEN: _by_signature(hook, delivery),
        Proof.SECRET_TOKEN: _by_token(hook, delivery),
    }
    index = proved.get(hook.proof)
    if index is None or index >= len(hook.secrets):
        raise BadSignatureError(f"nothing proves the body by {hook.proof.value}")
    if hook.proof is Proof.SIGNING_TOKEN:
        _check_time(delivery, now)
    return Verified(secret_index=index)


def _by_signature(hook: Hook, delivery: Delivery) -> int | None:
    message_id = octets(delivery.header(MESSAGE_ID))
    seconds = octets(delivery.header(_TIMESTAMP))
    given = standard_webhooks.macs_in(delivery.header(_SIGNATURE) or "")
    expected = [
        standard_webhooks.mac(candidate, message_id, seconds, delivery.body)
        for candidate in candidates(hook)
    ]
    index = equal_to_any(given, expected)
    return index if message_id and seconds else None


def _by_token(hook: Hook, delivery: Delivery) -> int | None:
    # Digests have one length, so that the secret's own does not show in the time.
    given = digest(octets(delivery.header(TOKEN)))
    expected = [digest(octets(candidate.reveal())) for candidate in candidates(hook)]
    return equal_to_any([given], expected)


def _check_time(delivery: Delivery, now: datetime) -> None:
    sent = delivery.header(_TIMESTAMP) or ""
    if not standard_webhooks.is_in_time(sent, now, tolerance=CLOCK_TOLERANCE_SECONDS):
        raise SkewedClockError(
            f"{_TIMESTAMP} is {sent[:20]!r}, here it is {int(now.timestamp())}; "
            f"expected {CLOCK_TOLERANCE_SECONDS} seconds apart at most"
        )


def skim(hook: Hook, delivery: Delivery) -> Parsed | None:
    """Read a push at little cost, however large; None for all that takes more.

    Raises:
        DeliveryError: It cannot be read, or is about another repository.
    """
    push = PUSHES.read(content(delivery, accept=(JSON,)))
    return _push(hook, push) if push is not None else None


def parse(hook: Hook, delivery: Delivery) -> Parsed:
    """Read a verified delivery.

    Raises:
        DeliveryError: It cannot be read, or is about another repository.
    """
    event = only_header(delivery, EVENT) or "event without a name"
    text = content(delivery, accept=(JSON,))
    if push := PUSHES.read(text):
        return _push(hook, push)
    payload = decoded(text)
    try:
        match fitted(GitLabKind, payload).word:
            case None:
                return _unrecognised(event, "no object_kind and no event_name")
            case "push" | "tag_push":
                return _push(hook, fitted(GitLabPush, payload))
            case _:
                return _other(hook, event, payload)
    except MisfitError as exc:
        return _unrecognised(event, str(exc))


def _unrecognised(event: str, seen: str) -> Ignored:
    return Ignored(
        reason="unrecognised",
        message=f"Not what GitLab sends as {event} (a template of its own?): {seen}.",
    )


def _push(hook: Hook, payload: GitLabPush) -> Parsed:
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
    push = Push(
        repository=repository,
        ref=Ref(ref),
        before=payload.before,
        after=_commit(payload),
        default_branch=branch_or_none(payload.project.default_branch),
        suggestion=suggested(repository, path=path, number=payload.project_id),
    )
    return (push,)


def _commit(payload: GitLabPush) -> str:
    """Peel an annotated tag: `after` is the tag object, `checkout_sha` its commit."""
    is_tag = payload.ref.startswith(TAGS) and not is_zero(payload.after)
    return payload.checkout_sha if is_tag and payload.checkout_sha else payload.after


def _other(hook: Hook, event: str, payload: object) -> Ignored:
    about, repository = fitted(GitLabSubject, payload), None
    if about.project and (number := about.project_id or about.project.id):
        path = about.project.path_with_namespace
        repository = bound(hook, path=path, number=number)
    return Ignored(
        reason="event_ignored",
        message=f"{event} moves no ref.",
        repository=repository,
    )


CODEC: Final = Codec(verify=verify, parse=parse, skim=skim)
