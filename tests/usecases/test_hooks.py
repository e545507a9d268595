"""Webhooks, edited without an HTTP application."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from service.adapters.forge_api.hook_routing import RoutedForgeHooks
from service.domain.delivery import Forge
from service.domain.hook import HookId, Proof, Reach
from service.errors import ConflictError, InvalidRequestError, NotFoundError
from service.usecases.hooks import HookEditor
from tests.support.world import World, a_world

PUBLIC_URL = "https://relaunch.example"


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with a_world(tmp_path) as opened:
        yield opened


@pytest.fixture
def revoked() -> list[HookId]:
    return []


@pytest.fixture
def editor(world: World, revoked: list[HookId]) -> HookEditor:
    """Edit hooks as a service without any token does."""

    async def revoke(hook: HookId) -> None:
        revoked.append(hook)

    return HookEditor(
        store=world.store,
        forge_hooks=RoutedForgeHooks(
            open_api=lambda _: None, kinds={"git.example.org": Forge.GITLAB}
        ),
        clock=world.clock,
        ids=world.ids,
        public_url=PUBLIC_URL,
        revoke=revoke,
    )


async def test_a_secret_lives_beside_the_older_one_until_that_is_retired(
    editor: HookEditor, revoked: list[HookId]
) -> None:
    added = await editor.add("https://github.com/uni/course")
    hook_id = added.hook.id
    rotated = await editor.rotate_secret(hook_id)
    with pytest.raises(ConflictError, match="retire the older one"):
        await editor.rotate_secret(hook_id)
    assert revoked == []

    retired = await editor.retire_secret(hook_id)

    assert (added.is_done, rotated.is_done) == (False, False)
    assert len(added.hook.secrets) == 1
    assert rotated.hook.secrets[1] == added.hook.secrets[0]
    assert retired.secrets == rotated.hook.secrets[:1]
    assert revoked == [hook_id]


async def test_a_removed_hook_is_revoked_and_gone(
    editor: HookEditor, revoked: list[HookId]
) -> None:
    hook = (await editor.add("https://gitlab.com/uni", reach=Reach.OWNER)).hook
    with pytest.raises(ConflictError, match="No token"):
        await editor.send_test(hook.id)

    await editor.remove(hook.id)

    assert revoked == [hook.id]
    with pytest.raises(NotFoundError):
        await editor.remove(hook.id)


async def test_what_a_forge_does_not_offer_adds_no_hook(
    world: World, editor: HookEditor
) -> None:
    with pytest.raises(InvalidRequestError, match="offers hmac"):
        await editor.add("https://github.com/uni/course", proof=Proof.SECRET_TOKEN)
    with pytest.raises(InvalidRequestError, match="which forge"):
        await editor.add("https://git.example/uni/course")
    named = await editor.add("https://git.example/uni/course", forge=Forge.GITLAB)

    async with world.store.reading() as tx:
        (hook,) = await tx.hooks.list()
    assert hook == named.hook
    assert hook.proof is Proof.SIGNING_TOKEN


async def test_the_forge_of_a_host_is_the_one_that_the_settings_name(
    editor: HookEditor,
) -> None:
    added = await editor.add("https://git.example.org/uni/course")

    assert added.hook.forge is Forge.GITLAB
    with pytest.raises(InvalidRequestError, match="RELAUNCH_FORGE_KINDS"):
        await editor.add("https://git.example.com/uni/course")
