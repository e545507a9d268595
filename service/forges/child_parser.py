"""Parsing in another process, for bodies that could hurt this one.

24 MB of `[],[],…` take the parser two seconds and close to a gigabyte, and the
interpreter lock all the while: no thread helps. A child of the sandbox has a lock and a
memory of its own.

One line of JSON describes the body, the raw body follows; one JSON text comes
back. The child never sees a secret.
"""

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from msgspec.json import Decoder, encode
from multidict import CIMultiDict

from service import errors
from service.domain.delivery import Delivery, Forge
from service.domain.hook import Hook, HookId, Proof, Reach, Secret
from service.domain.push import Ignored, Push
from service.domain.repository import Repository
from service.errors import DeliveryError, MalformedDeliveryError
from service.forges.registry import FORGES
from service.forges.spec import Parsed

__all__ = ["answer_of", "converse", "prepare", "question"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Question:
    forge: Forge
    proof: Proof
    repository: Repository
    reach: Reach
    headers: Sequence[tuple[str, str]]
    received_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class _Refusal:
    error: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    """One of the three."""

    pushes: tuple[Push, ...] = ()
    ignored: Ignored | None = None
    refusal: _Refusal | None = None


_QUESTION: Final = Decoder(_Question)
_ANSWER: Final = Decoder(_Answer)


def question(hook: Hook, delivery: Delivery) -> bytes:
    """Write what the child needs to know, without any secret."""
    needed = FORGES[hook.forge].headers.parsed
    asked = _Question(
        forge=hook.forge,
        proof=hook.proof,
        repository=hook.repository,
        reach=hook.reach,
        headers=[
            (name.lower(), value.encode("ascii", "replace").decode())
            for name, value in delivery.headers.items()
            if name.lower() in needed
        ],
        received_at=delivery.received_at,
    )
    return encode(asked) + b"\n" + delivery.body


def answer_of(raw: bytes) -> Parsed:
    """Read the child's answer.

    Raises:
        DeliveryError: What parsing raised.
    """
    answer = _ANSWER.decode(raw)
    if refusal := answer.refusal:
        raise _KINDS.get(refusal.error, MalformedDeliveryError)(refusal.message)
    parsed = answer.ignored or answer.pushes
    assert parsed
    return parsed


_KINDS: Final[Mapping[str, type[DeliveryError]]] = {
    value.__name__: value
    for value in (
        errors.MalformedDeliveryError,
        errors.UnsupportedMediaError,
        errors.ForeignRepositoryError,
    )
}


def prepare() -> None:
    """Load nothing: what reads bodies is imported already."""


def converse(first: bytes) -> Generator[bytes, bytes, None]:
    """Answer one question."""
    about, _, body = first.partition(b"\n")
    asked = _QUESTION.decode(about)
    delivery = Delivery(
        headers=CIMultiDict(asked.headers),
        body=body,
        received_at=asked.received_at,
    )
    yield encode(_answer(asked, delivery))


def _answer(asked: _Question, delivery: Delivery) -> _Answer:
    hook = Hook(
        id=HookId("apart"),
        forge=asked.forge,
        proof=asked.proof,
        repository=asked.repository,
        reach=asked.reach,
        secrets=(Secret("verified before"),),
        created_at=asked.received_at,
    )
    try:
        parsed = FORGES[asked.forge].codec.parse(hook, delivery)
    except DeliveryError as exc:
        return _Answer(refusal=_Refusal(error=type(exc).__name__, message=str(exc)))
    if isinstance(parsed, Ignored):
        return _Answer(ignored=parsed)
    return _Answer(pushes=parsed)
