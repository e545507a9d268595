"""Hooks of organisations, groups and apps: one secret, many repositories."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from service.domain.delivery import delivery_id
from service.domain.hook import Hook, Proof, Reach, parse_binding
from service.domain.repository import Repository
from service.forges.registry import FORGES
from tests.support.api import Api
from tests.support.deliveries import (
    COURSE,
    EVERY_WAY,
    Way,
    a_commit,
    a_hook,
    a_push,
    some_facts,
)
from tests.support.front_door import FrontDoor, front_door

OTHER = Repository(
    host="forge.test",
    path="uni/other",
    url="https://forge.test/uni/other.git",
    number=4712,
)
FOREIGN = replace(
    COURSE, path="uni-evil/course", url="https://forge.test/uni-evil/course.git"
)


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[FrontDoor]:
    async with front_door(tmp_path) as opened:
        yield opened


def wide(reach: Reach, way: Way | Proof = Proof.HMAC) -> Hook:
    path = "/uni" if reach is Reach.OWNER else ""
    return a_hook(
        way, reach=reach, repository=parse_binding(f"https://forge.test{path}", reach)
    )


@EVERY_WAY
@pytest.mark.parametrize(
    "reach", [Reach.OWNER, Reach.HOST], ids=lambda item: item.value
)
async def test_one_secret_serves_many_repositories(
    door: FrontDoor, reach: Reach, way: Way
) -> None:
    if reach not in FORGES[way.forge].setup.pages:
        pytest.skip("the forge has no such hooks")
    hook = await door.add_hook(wide(reach, way))
    for repository in (COURSE, OTHER):
        await door.track("main", repository=repository)

    answers = [
        await door.post(hook, a_push(hook, some_facts(repository=value)))
        for value in (COURSE, OTHER, COURSE)
    ]

    assert [answer.json["status"] for answer in answers] == ["accepted"] * 3
    paths = ["uni/course", "uni/other", "uni/course"]
    assert [push.repository.path for push in door.pushes] == paths
    assert door.pushes[1].repository.url == "https://forge.test/uni/other.git"


async def test_a_big_body_of_an_owners_hook_is_bound_in_the_same_way(
    door: FrontDoor,
) -> None:
    hook = await door.add_hook(wide(Reach.OWNER))
    big = a_commit(message="x" * 1_500_000)

    answers = [
        await door.post(
            hook, a_push(hook, some_facts(repository=repository, commits=(big,)))
        )
        for repository in (COURSE, FOREIGN)
    ]

    assert [answer.status for answer in answers] == [202, 403]


async def test_case_80_another_owners_repository_is_refused_and_on_record(
    door: FrontDoor,
) -> None:
    hook = await door.add_hook(wide(Reach.OWNER))

    post = a_push(hook, some_facts(repository=FOREIGN))

    answer = await door.post(hook, post)

    assert answer.status == 403
    refused = door.count(
        "relaunch_deliveries_total",
        forge="github",
        outcome="refused",
        reason="foreign_repository",
    )
    assert refused == 1
    await door.log.flush()
    async with door.store.reading() as tx:
        record = await tx.deliveries.get(delivery_id(hook.id, None, post.body))
    assert record.status == "refused"


async def test_an_owner_cannot_name_the_number_of_somebody_elses_repository(
    door: FrontDoor,
) -> None:
    """Its secret is the owner's: a number that it signs proves nothing."""
    hook = await door.add_hook(wide(Reach.OWNER))
    victim = replace(COURSE, path="victim/course", url="https://forge.test/victim/c")
    await door.track("main", repository=victim)

    answer = await door.post(
        hook, a_push(hook, some_facts(repository=replace(OTHER, number=COURSE.number)))
    )

    assert answer.json["reason"] == "not_tracked"
    assert door.pushes == []


async def test_an_owners_hook_is_not_bound_to_the_first_repository_that_comes(
    door: FrontDoor,
) -> None:
    hook = await door.add_hook(wide(Reach.HOST))

    await door.post(hook, a_push(hook, some_facts(repository=COURSE)))
    answer = await door.post(hook, a_push(hook, some_facts(repository=OTHER)))

    assert answer.status == 202
    assert (await door.hook(hook)).repository.number is None


@pytest.mark.parametrize(
    ("url", "reach", "forge", "word"),
    [
        ("https://github.com/my-org", "owner", "github", "organization my-org"),
        ("https://github.com", "host", "github", "GitHub App"),
        ("https://gitlab.com/a/b", "owner", "gitlab", "group a/b"),
        ("https://gitlab.com", "host", "gitlab", "System hooks"),
    ],
)
async def test_a_wide_hook_says_where_it_is_made(
    api: Api, url: str, reach: str, forge: str, word: str
) -> None:
    body = {"repository": url, "reach": reach, "forge": forge}
    made = (await api.call("POST", "/hooks", body)).json

    assert (made["reach"], made["repository"]) == (reach, url)
    assert word in " ".join(made["instructions"])
