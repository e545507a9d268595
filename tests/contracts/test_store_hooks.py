"""Hooks of every store: what is kept of them."""

from dataclasses import replace
from datetime import timedelta

import pytest

from service.domain.hook import Hook, HookId, Proof, Reach, parse_binding
from service.domain.hook_health import HookHealth, HookProblem
from service.errors import ConflictError, NotFoundError
from service.ports.store import Store
from tests.support.clock import NOW
from tests.support.deliveries import OLDER, SECRETS, a_hook

CHECKED = HookHealth(
    at=NOW,
    problems=(HookProblem.GONE, HookProblem.WRONG_SECRET),
    since=NOW - timedelta(hours=1),
    repaired=(HookProblem.PAUSED,),
    redelivered=3,
    place="12345",
    trouble="403 not for this token",
)


@pytest.mark.parametrize(
    "hook",
    [
        pytest.param(a_hook(), id="plain"),
        pytest.param(
            a_hook(
                Proof.SIGNING_TOKEN,
                secrets=(
                    SECRETS[Proof.SIGNING_TOKEN],
                    OLDER[Proof.SIGNING_TOKEN],
                ),
                rotated_at=NOW,
                forge_id="4711",
                health=CHECKED,
            ),
            id="rotated and ill",
        ),
        pytest.param(
            a_hook(
                repository=parse_binding("https://forge.test/uni", Reach.OWNER),
                reach=Reach.OWNER,
                health=HookHealth(at=NOW),
            ),
            id="an owner's",
        ),
    ],
)
async def test_a_hook_is_kept_whole(store: Store, hook: Hook) -> None:
    async with store.transaction() as tx:
        await tx.hooks.add(hook)

    async with store.reading() as tx:
        assert await tx.hooks.get(hook.id) == hook
        assert list(await tx.hooks.list()) == [hook]
        assert await tx.hooks.get_many([hook.id, HookId("nobody's")]) == [hook]
        assert await tx.hooks.get_many([]) == []


async def test_a_hook_is_changed_and_removed(store: Store) -> None:
    ill = replace(a_hook(), health=CHECKED, forge_id="1")
    async with store.transaction() as tx:
        await tx.hooks.add(a_hook())
        await tx.hooks.save(ill)
        changed = await tx.hooks.get(ill.id)
        await tx.hooks.remove(ill.id)

    assert changed == ill
    async with store.reading() as tx:
        assert list(await tx.hooks.list()) == []
        with pytest.raises(NotFoundError):
            await tx.hooks.get(HookId("hook-hmac"))


async def test_an_id_is_taken_once(store: Store) -> None:
    async with store.transaction() as tx:
        await tx.hooks.add(a_hook())
        with pytest.raises(ConflictError):
            await tx.hooks.add(a_hook())


async def test_the_number_that_a_look_found_is_noted_for_hooks_of_that_name(
    store: Store,
) -> None:
    named = replace(a_hook().repository, number=None)
    hooks = {
        name: a_hook(id=HookId(name), repository=repository, reach=reach)
        for name, repository, reach in (
            ("of-it", named, Reach.REPOSITORY),
            ("in-capitals", replace(named, path="Uni/Course"), Reach.REPOSITORY),
            ("by-the-old-number", replace(named, number=7), Reach.REPOSITORY),
            ("by-another-number", replace(named, number=8), Reach.REPOSITORY),
            ("of-another", replace(named, path="uni/other"), Reach.REPOSITORY),
            ("elsewhere", replace(named, host="git.test"), Reach.REPOSITORY),
            ("of-an-owner", named, Reach.OWNER),
        )
    }
    async with store.transaction() as tx:
        for hook in hooks.values():
            await tx.hooks.add(hook)

        await tx.hooks.bind(replace(named, number=7), number=9)

        found = {name: (await tx.hooks.get(item.id)) for name, item in hooks.items()}
    known = {name for name, item in found.items() if item.repository.number == 9}
    assert known == {"of-it", "in-capitals", "by-the-old-number"}
    assert found["by-another-number"] == hooks["by-another-number"]


async def test_the_hooks_that_may_tell_of_a_repository_are_found(store: Store) -> None:
    named = replace(a_hook().repository, path="uni/course", number=7)
    hooks = [
        a_hook(id=HookId(name), repository=repository, reach=reach)
        for name, repository, reach in (
            ("of-it", replace(named, path="Uni/Course", number=None), Reach.REPOSITORY),
            ("renamed", replace(named, path="uni/former"), Reach.REPOSITORY),
            ("of-another", replace(named, path="uni/x", number=8), Reach.REPOSITORY),
            ("of-no-number", replace(named, path="x", number=None), Reach.REPOSITORY),
            ("elsewhere", replace(named, host="git.test"), Reach.REPOSITORY),
            ("of-its-owner", replace(named, path="uni", number=None), Reach.OWNER),
            ("of-its-host", replace(named, path="", number=None), Reach.HOST),
        )
    ]
    async with store.transaction() as tx:
        for hook in hooks:
            await tx.hooks.add(hook)

        found = {hook.id for hook in await tx.hooks.of_repository(named)}
        unnumbered = await tx.hooks.of_repository(replace(named, number=None))

    assert found == {"of-it", "renamed", "of-its-owner", "of-its-host"}
    assert {hook.id for hook in unnumbered} == found - {"renamed"}
