"""Every member of `Forge` has a complete spec, and everything else is derived from it.

A forge that is added gets these tests, and those that take `EVERY_WAY`, for nothing.
"""

import re
from pathlib import Path
from typing import Any

import click
import pytest

from handlers.api.openapi import document
from handlers.routes import ROUTES
from handlers.usecases.hook_setup import setup_steps
from handlers.webhooks.delivery_log import masked
from handlers.webhooks.parse import SMALL_BODY
from service.cli.nouns.hooks import add
from service.cli.pushes.push import push as push_command
from service.cli.pushes.simulate import simulate
from service.domain.delivery import Forge
from service.domain.hook import Reach
from service.domain.push import Push
from service.domain.repository import Ref
from service.forges import child_parser
from service.forges.push_facts import PushFacts
from service.forges.registry import FORGES
from service.forges.spec import ForgeSpec
from tests.support.deliveries import (
    COURSE,
    EVERY_WAY,
    ZERO,
    Way,
    a_commit,
    a_hook,
    a_post,
    a_push,
    payload_of,
    some_facts,
)

EVERY_FORGE = pytest.mark.parametrize("forge", list(Forge), ids=str)
ROOT = Path(__file__).parents[2]
TAG = Ref("refs/tags/v1")

MOVES = {
    "push": some_facts(),
    "force push": some_facts(is_forced=True, commits=()),
    "new branch": some_facts(before=ZERO),
    "new tag": some_facts(ref=TAG, before=ZERO, commits=()),
    "deleted branch": some_facts(after=ZERO, head=None, commits=()),
    "deleted tag": some_facts(ref=TAG, after=ZERO, head=None, commits=()),
    "non-ASCII": some_facts(ref=Ref("refs/heads/ü/→")),
}
EVERY_MOVE = pytest.mark.parametrize("facts", MOVES.values(), ids=MOVES.keys())


def spec_of(forge: Forge) -> ForgeSpec:
    return FORGES[forge]


@EVERY_FORGE
def test_every_forge_has_a_spec_without_gaps(forge: Forge) -> None:
    spec = spec_of(forge)

    assert spec.name
    assert spec.proofs
    assert spec.headers.event
    assert spec.headers.delivery
    assert set(spec.headers.proofs) == set(spec.proofs)
    assert all(spec.headers.proofs.values())
    assert set(spec.setup.secret_fields) == set(spec.proofs)
    assert set(spec.setup.proof_notes) <= set(spec.proofs)
    assert spec.setup.events
    assert Reach.REPOSITORY in spec.setup.pages
    assert spec.repository_fields
    assert spec.payload_keys
    assert spec.host_words


def test_no_two_forges_claim_a_payload_or_a_host() -> None:
    for what in (
        [spec.payload_keys for spec in FORGES.values()],
        [spec.host_words for spec in FORGES.values()],
    ):
        words = [word for each in what for word in each]
        assert len(words) == len(set(words))


@EVERY_MOVE
@EVERY_WAY
def test_what_is_written_for_a_forge_is_read_as_what_happened(
    way: Way, facts: PushFacts
) -> None:
    hook = a_hook(way)

    parsed = spec_of(way.forge).codec.parse(hook, a_push(hook, facts).arrived())

    assert isinstance(parsed, tuple)
    (push,) = parsed
    assert isinstance(push, Push)
    assert (push.repository, push.ref, push.after) == (COURSE, facts.ref, facts.after)
    assert push.before in {facts.before, ""}


@EVERY_MOVE
@EVERY_WAY
def test_a_child_reads_the_same(way: Way, facts: PushFacts) -> None:
    """A header that the child needs and is not given shows only in big bodies."""
    hook, spec = a_hook(way), spec_of(way.forge)
    delivery = a_push(hook, facts).arrived()
    here = spec.codec.parse(hook, delivery)

    question = child_parser.question(hook, delivery)
    there = child_parser.answer_of(next(child_parser.converse(question)))

    assert there == here


@EVERY_MOVE
@EVERY_WAY
def test_the_quick_reader_reads_the_same_or_leaves_it(
    way: Way, facts: PushFacts
) -> None:
    hook, codec = a_hook(way), spec_of(way.forge).codec
    delivery = a_push(hook, facts).arrived()

    if codec.skim is not None:
        assert codec.skim(hook, delivery) in (codec.parse(hook, delivery), None)


@EVERY_WAY
def test_a_large_push_is_read_quickly_or_the_forge_sends_none(way: Way) -> None:
    """Large pushes are read in the receiver's process only by the quick reader."""
    hook, codec = a_hook(way), spec_of(way.forge).codec
    post = a_push(hook, some_facts(commits=[a_commit()] * 1000))

    if codec.skim is None:
        assert len(post.body) < SMALL_BODY
    else:
        assert codec.skim(hook, post.arrived()) is not None


@EVERY_WAY
@pytest.mark.parametrize("event", ["ping", "an_event_of_tomorrow", ""])
def test_an_event_that_nobody_knows_is_not_refused_by_a_child_alone(
    way: Way, event: str
) -> None:
    hook = a_hook(way)
    payload = {"anything": 1}
    delivery = a_post(hook, payload, event=event).arrived()

    question = child_parser.question(hook, delivery)

    assert outcome(lambda: child_parser.answer_of(next(converse(question)))) == outcome(
        lambda: spec_of(way.forge).codec.parse(hook, delivery)
    )


converse = child_parser.converse


def outcome(call: Any) -> object:
    try:
        return call()
    except Exception as exc:  # noqa: BLE001 - the same error on both sides
        return type(exc), str(exc)


@EVERY_WAY
def test_the_log_shows_the_event_and_no_secret(way: Way) -> None:
    hook, headers = a_hook(way), spec_of(way.forge).headers
    post = a_push(hook)

    shown = masked(post.arrived())

    assert shown[headers.event[-1].lower()] == post.headers[headers.event[-1]]
    assert shown[headers.delivery[-1].lower()] == post.headers[headers.delivery[-1]]
    assert hook.secrets[0].reveal() not in shown.values()
    proof = headers.proofs[way.proof][-1].lower()
    assert shown[proof] == "…"


@EVERY_WAY
def test_a_payload_shows_whose_it_is_and_which_repository(way: Way) -> None:
    """Simulations know no more than the payload."""
    spec = spec_of(way.forge)
    payload: Any = payload_of(a_push(a_hook(way)))

    assert spec.payload_keys & payload.keys()
    others = (FORGES[other] for other in Forge if other is not way.forge)
    assert not any(other.payload_keys & payload.keys() for other in others)
    assert any(at(payload, field) for field in spec.repository_fields)


def at(payload: Any, field: str) -> str | None:
    for key in field.split("."):
        payload = payload.get(key, {})
    return payload if isinstance(payload, str) else None


@EVERY_WAY
def test_there_are_steps_to_set_it_up(way: Way) -> None:
    spec = spec_of(way.forge)
    for reach in spec.setup.pages:
        lines = setup_steps(a_hook(way, reach=reach), "https://relaunch.test/hook")

        text = "\n".join(lines)
        assert spec.setup.secret_fields[way.proof] in text
        assert "https://relaunch.test/hook" in text
        assert "{" not in text


@EVERY_FORGE
def test_routes_schemas_and_choices_know_it(forge: Forge) -> None:
    paths = {route.path for route in ROUTES}
    spec = document(ROUTES, version="1")
    choices = [
        parameter.type.choices
        for command in (add, push_command, simulate)
        for parameter in command.params
        if parameter.name == "forge" and isinstance(parameter.type, click.Choice)
    ]

    assert f"/webhooks/{forge.value}/{{hook_id}}" in paths
    assert forge.value in spec["components"]["schemas"]["Forge"]["enum"]
    assert len(choices) == 3
    assert all(forge.value in words for words in choices)


def test_nothing_outside_a_forges_folders_asks_which_forge_it_is() -> None:
    """What differs between forges stands in their specs."""
    own = re.compile(r"service/(forges|adapters)/(\w+)/")
    offenders = []
    for room in ("service", "handlers", "consumers"):
        for file in sorted((ROOT / room).rglob("*.py")):
            path = file.relative_to(ROOT).as_posix()
            named = set(re.findall(r"\bForge\.([A-Z]+)\b", file.read_text()))
            folder = own.match(path)
            named -= {folder[2].upper()} if folder else set()
            if named and path not in ALLOWED:
                offenders.append((path, named))

    assert offenders == []


ALLOWED = ("service/forges/registry.py",)
"""Where every forge has its line."""


@EVERY_FORGE
def test_no_forge_reads_anothers_folder(forge: Forge) -> None:
    others = "|".join(other.value for other in Forge if other is not forge)
    foreign = re.compile(rf"\bservice\.forges(\.| import )({others})\b")

    for file in (ROOT / "service" / "forges" / forge.value).glob("*.py"):
        assert not foreign.search(file.read_text()), file
