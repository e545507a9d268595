"""Parsing in another process, for bodies that could hurt this one.

24 MB of `[],[],…` take the parser two seconds and close to a gigabyte, and the
interpreter lock all the while: no thread helps. A child of the sandbox has a lock and a
memory of its own.

One line of JSON says what the body is, the raw body follows; one JSON text comes
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
from service.forges.codec import CODECS

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

    push: Push | None = None
    ignored: Ignored | None = None
    refusal: _Refusal | None = None


_QUESTION: Final = Decoder(_Question)
_ANSWER: Final = Decoder(_Answer)
_NEEDED: Final = (
    "content-type",
    "x-github-event",
    "x-github-delivery",
    "x-gitlab-event",
)


def question(hook: Hook, delivery: Delivery) -> bytes:
    """Write what the child needs to know, without any secret."""
    asked = _Question(
        forge=hook.forge,
        proof=hook.proof,
        repository=hook.repository,
        reach=hook.reach,
        headers=[
            (name.lower(), value.encode("ascii", "replace").decode())
            for name, value in delivery.headers.items()
            if name.lower() in _NEEDED
        ],
        received_at=delivery.received_at,
    )
    return encode(asked) + b"\n" + delivery.body


def answer_of(raw: bytes) -> Push | Ignored:
    """Read the child's answer.

    Raises:
        DeliveryError: What parsing raised.
    """
    answer = _ANSWER.decode(raw)
    if refusal := answer.refusal:
        raise _KINDS.get(refusal.error, MalformedDeliveryError)(refusal.message)
    told = answer.push or answer.ignored
    assert told is not None
    return told


_KINDS: Final[Mapping[str, type[DeliveryError]]] = {
    it.__name__: it
    for it in (
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
        told = CODECS[asked.forge].parse(hook, delivery)
    except DeliveryError as exc:
        return _Answer(refusal=_Refusal(error=type(exc).__name__, message=str(exc)))
    return _Answer(push=told) if isinstance(told, Push) else _Answer(ignored=told)
