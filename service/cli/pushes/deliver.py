"""Deliveries of a local repository's pushes, sent as a forge would."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

from service.adapters.clock import SystemClock
from service.cli.client import models
from service.cli.client.http import deliver
from service.cli.client.reading import UnexpectedAnswerError, read_json
from service.cli.client.wire import ApiReply
from service.cli.output.printing import echo
from service.cli.pushes.history import MovedRef, PushHistory
from service.domain.delivery import Forge
from service.domain.hook import Proof, Secret
from service.domain.repository import Ref, Repository
from service.forges.outgoing import sign_push
from service.forges.push_facts import PushFacts

__all__ = ["DeliveryTarget", "send"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryTarget:
    """Where deliveries go, what they are about, and how they prove themselves."""

    url: str
    forge: Forge
    proof: Proof
    secret: Secret
    about: str
    """The URL of the repository they speak of."""


async def send(
    target: DeliveryTarget,
    folder: Path,
    lines: Sequence[str] | None,
    given: Mapping[str, str | None],
) -> int:
    """Send a delivery per push and return the exit code.

    Args:
        target: Where to.
        folder: The repository.
        lines: Of a post-receive hook; None for the repository's last push.
        given: `ref`, `before` and `after`, where a person named them.

    Raises:
        UnreachableError: Nothing answers at the URL.
        RequestError: The repository has no such push.
    """
    history = PushHistory(folder)
    repository = Repository.from_url(target.about)
    if lines is None:
        moves = [await _moved(history, given)]
    else:
        moves = [MovedRef.from_line(line) for line in lines if line.strip()]
    statuses = [
        await _deliver(target, await history.facts(move, repository)) for move in moves
    ]
    return int(any(status >= HTTPStatus.MULTIPLE_CHOICES for status in statuses))


async def _moved(history: PushHistory, given: Mapping[str, str | None]) -> MovedRef:
    after, before, ref = given["after"], given["before"], given["ref"]
    if after and before and ref and ref.startswith("refs/"):
        # Both commits are sent; the ref itself may be gone.
        found = MovedRef(before=before, after=after, ref=Ref(ref))
    else:
        found = await history.last_push(ref)
    return MovedRef(
        before=await history.object(before or found.before),
        after=await history.object(after or found.after),
        ref=found.ref,
    )


async def _deliver(target: DeliveryTarget, facts: PushFacts) -> int:
    headers, body = sign_push(
        target.forge,
        target.proof,
        target.secret,
        facts,
        delivery_id=str(uuid.uuid4()),
        now=SystemClock().now(),
    )
    reply = await deliver(target.url, headers=headers, body=body)
    answer = _sentence(reply, target.url)
    echo(f"{facts.ref} {facts.after[:12]}: {reply.status} {answer}")
    return reply.status


def _sentence(reply: ApiReply, url: str) -> str:
    """Write the receiver's answer as a sentence; whatever else answers, as it is."""
    try:
        if reply.status >= HTTPStatus.BAD_REQUEST:
            refusal = read_json(models.ErrorResponse, reply.text, origin=url)
            return refusal.error.message
        receipt = read_json(models.ReceiptResponse, reply.text, origin=url)
    except UnexpectedAnswerError:
        return reply.text.strip()[:500]
    return (
        f"{receipt.status} ({receipt.reason}): {receipt.message} "
        f"It is delivery {receipt.delivery}."
    )
