"""Deliveries as forges make them, from facts."""

import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

import pytest
from multidict import CIMultiDict

from handlers.webhooks.events import Arrival
from service.domain.delivery import Delivery, DeliveryId, Forge
from service.domain.hook import Hook, HookId, Proof, Secret
from service.domain.push import Ignored, Push
from service.domain.repository import Ref, Repository
from service.forges.outgoing import sign_body, sign_push
from service.forges.push_facts import CommitFacts, PushFacts
from service.forges.registry import FORGES
from service.ports.store import DeliveryRecord
from tests.support.clock import NOW

OLD: Final = "1" * 40
NEW: Final = "2" * 40
ZERO: Final = "0" * 40
MAIN: Final = Ref("refs/heads/main")

COURSE: Final = Repository(
    host="forge.test",
    path="uni/course",
    url="https://forge.test/uni/course.git",
    number=4711,
)

SECRETS: Final = {
    Proof.HMAC: Secret("It's a Secret to Everybody"),
    Proof.SECRET_TOKEN: Secret("a token in clear"),
    Proof.SIGNING_TOKEN: Secret("whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="),
}
OLDER: Final = {
    Proof.HMAC: Secret("the older one"),
    Proof.SECRET_TOKEN: Secret("an older token"),
    Proof.SIGNING_TOKEN: Secret("whsec_ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMyMTA="),
}


@dataclass(frozen=True, slots=True)
class Way:
    """How deliveries of a forge prove themselves."""

    forge: Forge
    proof: Proof

    def __str__(self) -> str:
        return f"{self.forge.value}-{self.proof.value}"


WAYS: Final = tuple(
    Way(forge, proof) for forge, spec in FORGES.items() for proof in spec.proofs
)
EVERY_WAY: Final = pytest.mark.parametrize("way", WAYS, ids=str)
HMAC_WAYS: Final = tuple(way for way in WAYS if way.proof is Proof.HMAC)
EVERY_HMAC_WAY: Final = pytest.mark.parametrize("way", HMAC_WAYS, ids=str)

_count = itertools.count(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """A request that a forge makes."""

    headers: Mapping[str, str]
    body: bytes

    def but(self, **headers: str | None) -> "Post":
        """Change headers (`x_github_event=`); None leaves one out."""
        names = {name.replace("_", "-").lower(): text for name, text in headers.items()}
        kept = {
            text: v for text, v in self.headers.items() if text.lower() not in names
        }
        added = {name: value for name, value in names.items() if value is not None}
        return replace(self, headers=kept | added)

    def arrived(self, at: datetime = NOW) -> Delivery:
        return Delivery(
            headers=CIMultiDict(self.headers), body=self.body, received_at=at
        )


def a_hook(way: Way | Proof = Proof.HMAC, **changes: Any) -> Hook:
    """A hook; of the first forge with such a proof, when only that is given."""
    if isinstance(way, Proof):
        way = next(each for each in WAYS if each.proof is way)
    proof = way.proof
    hook = Hook(
        id=HookId(f"hook-{str(way).replace('_', '-')}"),
        forge=way.forge,
        proof=proof,
        repository=COURSE,
        secrets=(SECRETS[proof],),
        created_at=NOW,
    )
    return replace(hook, **changes)


def a_commit(commit: str = NEW, **changes: Any) -> CommitFacts:
    facts = CommitFacts(
        id=commit,
        tree="e" * 40,
        message="Add numpy\n\nIt is needed.",
        at=NOW,
        author_name="Ada",
        author_email="ada@uni.test",
        modified=("requirements.txt",),
    )
    return replace(facts, **changes)


def some_facts(**changes: Any) -> PushFacts:
    facts = PushFacts(
        repository=COURSE,
        ref=MAIN,
        before=OLD,
        after=NEW,
        head=a_commit(),
        commits=(a_commit(),),
    )
    return replace(facts, **changes)


def a_push(
    hook: Hook,
    facts: PushFacts | None = None,
    *,
    delivery_id: str | None = None,
    now: datetime = NOW,
) -> Post:
    """A push, signed with the hook's newest secret."""
    headers, body = sign_push(
        hook.forge,
        hook.proof,
        hook.secrets[0],
        facts or some_facts(),
        delivery_id=delivery_id or a_delivery_id(),
        now=now,
    )
    return Post(headers=headers, body=body)


def a_post(
    hook: Hook,
    payload: object,
    *,
    event: str | None = None,
    content_type: str = "application/json",
    now: datetime = NOW,
) -> Post:
    """Any payload or body, signed with the hook's newest secret."""
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    name = a_delivery_id()
    headers = sign_body(
        hook.forge, hook.proof, hook.secrets[0], body, delivery_id=name, now=now
    )
    names = FORGES[hook.forge].headers
    event = names.push_event if event is None else event
    own = {names.event[-1]: event, names.delivery[-1]: name}
    return Post(headers={"Content-Type": content_type} | own | headers, body=body)


def an_arrival(
    after: str,
    repository: Repository,
    *,
    id_: DeliveryId,
    at: datetime,
    ref: str = MAIN,
    changed: Sequence[str] = (),
) -> Arrival:
    """Return the arrival of a push, of which nothing but these facts matters."""
    return Arrival(
        push=Push(
            repository=repository,
            ref=Ref(ref),
            before="",
            after=after,
            default_branch="main",
        ),
        delivery_id=id_,
        hook_id=HookId("hook-1"),
        forge_delivery_id=None,
        is_by_old_secret=False,
        received_at=at,
        body=json.dumps({"commits": [{"modified": list(changed)}]}).encode(),
    )


def parse(hook: Hook, post: Post | Delivery) -> Push | Ignored:
    """Parse a delivery that moves one ref at most."""
    delivery = post.arrived() if isinstance(post, Post) else post
    parsed = FORGES[hook.forge].codec.parse(hook, delivery)
    if isinstance(parsed, Ignored):
        return parsed
    (push,) = parsed
    return push


def payload_of(post: Post) -> dict[str, object]:
    """Take a payload apart, to change it."""
    read: dict[str, object] = json.loads(post.body)
    return read


def a_delivery_id() -> str:
    return f"00000000-0000-4000-8000-{next(_count):012d}"


def a_record(**changes: Any) -> DeliveryRecord:
    record = DeliveryRecord(
        id=DeliveryId("d-1"),
        hook_id=HookId("hook-1"),
        forge_delivery_id="forge-1",
        event="push",
        status="accepted",
        reason="tracked",
        message="Accepted.",
        repository="owner/name",
        ref="refs/heads/\udcff",
        before="0" * 40,
        after="a" * 40,
        headers={"x-github-event": "push"},
        received_at=NOW,
    )
    return replace(record, **changes)
