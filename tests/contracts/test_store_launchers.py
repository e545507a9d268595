"""Hooks, sources and launchers of every store."""

import asyncio
import random
from dataclasses import replace
from datetime import timedelta

import pytest

from service.adapters.store import SqlStore
from service.domain.building.build import BuildKey, EnvironmentId
from service.domain.definition import Kind
from service.domain.fingerprint import Fingerprint
from service.domain.hook import HookId, Secret
from service.domain.launcher import Launcher, LauncherId, UpdatePolicy
from service.domain.repository import CommitSha, Ref
from service.domain.source import Revision, Seen, Source, SourceId
from service.errors import ConflictError, NotFoundError
from service.ports.store import Store
from tests.contracts.conftest import OpenDatabase
from tests.support.clock import NOW
from tests.support.deliveries import a_hook
from tests.support.values import (
    COMMIT,
    a_launcher,
    a_repository,
    a_source,
    an_item,
)

UNDECODABLE = "d\udcff/\udc80 \\udc80 \x00 ☃.txt"
"""A path that git may have and that is not UTF-8."""
SECOND = timedelta(seconds=1)


async def keep(store: Store, *launchers: Launcher) -> None:
    async with store.transaction() as tx:
        await tx.sources.find_or_add(a_source())
        for launcher in launchers:
            await tx.launchers.add(launcher)


async def launcher_of(store: Store) -> Launcher:
    async with store.reading() as tx:
        return await tx.launchers.get(a_launcher().id)


async def test_a_hook_keeps_everything_and_both_its_secrets(store: Store) -> None:
    hook = a_hook(
        secrets=(Secret("newer ☃"), Secret("older\udcff")), rotated_at=NOW + SECOND
    )

    async with store.transaction() as tx:
        await tx.hooks.add(hook)
    async with store.reading() as tx:
        kept = await tx.hooks.get(hook.id)

    assert replace(kept, secrets=tuple(kept.secrets)) == hook


async def test_hooks_are_listed_oldest_first_and_can_be_changed_and_removed(
    store: Store,
) -> None:
    old = a_hook(id=HookId("b"))
    new = a_hook(id=HookId("a"), created_at=old.created_at + SECOND)
    async with store.transaction() as tx:
        await tx.hooks.add(new)
        await tx.hooks.add(old)
        assert [hook.id for hook in await tx.hooks.list()] == ["b", "a"]

        await tx.hooks.save(replace(old, secrets=(Secret("changed"),)))
        assert (await tx.hooks.get(old.id)).secrets == (Secret("changed"),)

        await tx.hooks.remove(old.id)
        await tx.hooks.remove(old.id)
        assert [hook.id for hook in await tx.hooks.list()] == ["a"]


async def test_a_hook_that_is_there_is_not_added_and_one_that_is_not_not_saved(
    store: Store,
) -> None:
    async with store.transaction() as tx:
        with pytest.raises(NotFoundError):
            await tx.hooks.get(a_hook().id)
        with pytest.raises(NotFoundError):
            await tx.hooks.save(a_hook())
        await tx.hooks.add(a_hook())
        with pytest.raises(ConflictError):
            await tx.hooks.add(a_hook())


async def test_a_source_keeps_everything_even_paths_that_are_not_utf_8(
    store: Store,
) -> None:
    seen = Seen(
        commit=COMMIT,
        ref=Ref("refs/heads/\udce9t\udce9"),
        fingerprint=Fingerprint("f" * 64),
        meaning=None,
        kind=Kind.CONDA,
        items=(an_item(path=UNDECODABLE), an_item(path="b", mode="absent", oid="")),
        rules="7",
        is_private=True,
        at=NOW + timedelta(microseconds=7),
    )
    source = a_source(
        repository=a_repository(path="Owner/Name", number=2**40),
        revision=Revision.from_text("refs/tags/v1"),
        context_dir=UNDECODABLE,
        generation=2**33,
        seen=seen,
    )

    async with store.transaction() as tx:
        assert await tx.sources.find_or_add(source) == source
    async with store.reading() as tx:
        assert await tx.sources.get(source.id) == source


@pytest.mark.parametrize("text", ["", "main", "refs/heads/main", "refs/tags/main"])
async def test_the_same_repository_revision_and_folder_are_one_source(
    store: Store, text: str
) -> None:
    first = a_source(revision=Revision.from_text(text), context_dir="sub")
    again = replace(
        first,
        id=SourceId("again"),
        repository=a_repository(path="OWNER/name", number=7),
    )

    async with store.transaction() as tx:
        await tx.sources.find_or_add(first)
        assert (await tx.sources.find_or_add(again)).id == first.id


@pytest.mark.parametrize(
    "other",
    [
        pytest.param({"context_dir": "sub"}, id="another folder"),
        pytest.param({"revision": Revision.from_text("main")}, id="another revision"),
        pytest.param({"repository": a_repository(path="o/n")}, id="another path"),
        pytest.param({"repository": a_repository(host="h")}, id="another host"),
    ],
)
async def test_anything_else_is_another_source(
    store: Store, other: dict[str, object]
) -> None:
    async with store.transaction() as tx:
        await tx.sources.find_or_add(a_source())
        added = await tx.sources.find_or_add(a_source(id="other", **other))

    assert added.id == "other"


async def test_a_renamed_repository_with_its_number_is_the_same_source(
    store: Store,
) -> None:
    first = a_source(repository=a_repository(number=7))
    renamed = a_source(
        id="renamed", repository=a_repository(path="owner/other", number=7)
    )

    async with store.transaction() as tx:
        await tx.sources.find_or_add(first)
        assert (await tx.sources.find_or_add(renamed)).id == first.id


async def test_everybody_who_adds_a_source_at_once_gets_the_same(
    databases: OpenDatabase,
) -> None:
    async def add(store: Store, number: int) -> Source:
        async with store.transaction() as tx:
            return await tx.sources.find_or_add(a_source(id=f"source-{number}"))

    async with databases() as here, databases() as there, asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(add(SqlStore(database), number))
            for number, database in enumerate([here, there] * 4)
        ]

    assert len({task.result().id for task in tasks}) == 1


async def test_sources_are_found_by_path_or_number_on_the_same_host(
    store: Store,
) -> None:
    by_path = a_source(id="path", context_dir="1")
    by_number = a_source(
        id="number", repository=a_repository(path="old/name", number=7)
    )
    elsewhere = a_source(id="host", repository=a_repository(host="h", number=7))
    async with store.transaction() as tx:
        for source in (by_path, by_number, elsewhere):
            await tx.sources.find_or_add(source)

    async with store.reading() as tx:
        found = await tx.sources.of_repository(
            a_repository(path="OWNER/NAME", number=7)
        )
        assert {item.id for item in found} == {"path", "number"}
        found = await tx.sources.of_repository(a_repository())
        assert {item.id for item in found} == {"path"}
        found = await tx.sources.of_repositories(
            [a_repository(path="a/b", number=7), a_repository(host="h")]
        )
        assert {item.id for item in found} == {"number", "host"}
        found = await tx.sources.of_repositories([a_repository(path="a/b")])
        assert found == []


async def test_only_followed_sources_are_listed(store: Store) -> None:
    async with store.transaction() as tx:
        await tx.sources.find_or_add(a_source(id="followed"))
        await tx.sources.find_or_add(a_source(id="left", context_dir="other"))
        await tx.launchers.add(a_launcher(id="1", source_id="followed"))
        await tx.launchers.add(
            a_launcher(id="2", source_id="followed", environment_id="2")
        )

        assert [source.id for source in await tx.sources.list()] == ["followed"]


async def test_a_source_learns_its_number_and_what_was_seen(store: Store) -> None:
    learned = a_source(repository=a_repository(number=7), generation=3)
    async with store.transaction() as tx:
        await tx.sources.save_all([learned])
        with pytest.raises(NotFoundError):
            await tx.sources.get(learned.id)
        await tx.sources.find_or_add(a_source())
        await tx.sources.save_all([learned])

        assert await tx.sources.get(learned.id) == learned


async def test_a_launcher_keeps_everything(store: Store) -> None:
    launcher = a_launcher(
        policy=UpdatePolicy.NOTIFY,
        description="Ü\x00\udcff",
        launcher_type="non-interactive",
        resource_class_id=3,
        disk_storage=10,
        env_variables={"A": "1", "☃": "\udcff"},
        command=("sh", "-c"),
        args=("streamlit run",),
        wanted_key=BuildKey("w"),
        wanted_generation=4,
        generation=2,
        image="i@sha256:1",
        image_key=BuildKey("k"),
        available_generation=3,
        available_image="i@sha256:2",
        available_key=BuildKey("a"),
    )
    await keep(store, launcher)

    assert await launcher_of(store) == launcher


async def test_a_launcher_without_variables_differs_from_one_with_none_set(
    store: Store,
) -> None:
    await keep(
        store,
        a_launcher(env_variables=None),
        a_launcher(id="2", environment_id="2", env_variables={}),
    )

    async with store.reading() as tx:
        assert (await tx.launchers.get(a_launcher().id)).env_variables is None
        assert (await tx.launchers.get(LauncherId("2"))).env_variables == {}


async def test_launchers_are_found_by_environment_source_and_project(
    store: Store,
) -> None:
    first = a_launcher(id="1", environment_id="e1")
    second = a_launcher(
        id="2", environment_id="e2", project_id="other", created_at=NOW + SECOND
    )
    await keep(store, first, second)

    async with store.reading() as tx:
        assert await tx.launchers.of_environment(EnvironmentId("e2")) == second
        assert await tx.launchers.of_source(first.tracked_source) == [first, second]
        assert list(await tx.launchers.list()) == [second, first]
        assert list(await tx.launchers.list(project="other")) == [second]
        assert await tx.launchers.of_source(SourceId("none")) == []
        with pytest.raises(NotFoundError):
            await tx.launchers.of_environment(EnvironmentId("e3"))


async def test_two_launchers_share_neither_id_nor_environment(store: Store) -> None:
    await keep(store, a_launcher())
    async with store.transaction() as tx:
        with pytest.raises(ConflictError):
            await tx.launchers.add(a_launcher(environment_id="other"))
        with pytest.raises(ConflictError):
            await tx.launchers.add(a_launcher(id="other"))


async def test_a_launcher_cannot_follow_what_is_no_source(store: Store) -> None:
    with pytest.raises(ConflictError):
        await keep(store, a_launcher(source_id="nothing"))


async def test_saving_leaves_the_image_alone(store: Store) -> None:
    await keep(store, a_launcher())
    stale = await launcher_of(store)
    async with store.transaction() as tx:
        await tx.launchers.roll_out(
            stale.id, image="i", key=BuildKey("k"), generation=3
        )
        await tx.launchers.make_available(
            stale.id, image="j", key=BuildKey("l"), generation=4
        )
        await tx.launchers.save(replace(stale, name="new name", wanted_generation=9))

    launcher = await launcher_of(store)
    assert (launcher.name, launcher.wanted_generation) == ("new name", 9)
    assert (launcher.image, launcher.image_key, launcher.generation) == ("i", "k", 3)
    assert launcher.available_image == "j"
    assert (launcher.available_key, launcher.available_generation) == ("l", 4)


async def test_a_launcher_moves_to_a_higher_generation_only(store: Store) -> None:
    await keep(store, a_launcher())
    async with store.transaction() as tx:
        moved = [
            await tx.launchers.roll_out(
                a_launcher().id,
                image=f"image-{generation}",
                key=BuildKey(f"key-{generation}"),
                generation=generation,
            )
            for generation in (2, 2, 1, 3)
        ]

    launcher = await launcher_of(store)
    assert moved == [True, False, False, True]
    assert (launcher.image, launcher.image_key) == ("image-3", "key-3")
    assert launcher.generation == 3


async def test_a_launcher_that_is_gone_neither_moves_nor_is_saved(
    store: Store,
) -> None:
    await keep(store, a_launcher())
    async with store.transaction() as tx:
        await tx.launchers.remove(a_launcher().id)
        await tx.launchers.remove(a_launcher().id)
        key = BuildKey("k")
        for change in (tx.launchers.roll_out, tx.launchers.make_available):
            assert not await change(a_launcher().id, image="i", key=key, generation=9)
        with pytest.raises(NotFoundError):
            await tx.launchers.save(a_launcher())


async def test_moves_in_any_order_end_at_the_highest_generation(
    databases: OpenDatabase,
) -> None:
    generations = list(range(1, 21))
    random.Random(7).shuffle(generations)
    commit = CommitSha("f" * 40)

    async def move(store: Store, generation: int) -> None:
        async with store.transaction() as tx:
            image, key = f"{commit}-{generation}", BuildKey(f"key-{generation}")
            launchers = tx.launchers
            for change in (launchers.make_available, launchers.roll_out):
                await change(
                    a_launcher().id, image=image, key=key, generation=generation
                )

    async with databases() as here, databases() as there:
        await keep(SqlStore(here), a_launcher())
        async with asyncio.TaskGroup() as group:
            for generation in generations:
                database = here if generation % 2 else there
                group.create_task(move(SqlStore(database), generation))

        launcher = await launcher_of(SqlStore(here))
    assert launcher.generation == launcher.available_generation == 20
    assert launcher.image == launcher.available_image == f"{commit}-20"
    assert launcher.image_key == launcher.available_key == "key-20"


async def test_what_a_launcher_starts_from_and_anything_older_is_no_offer(
    store: Store,
) -> None:
    await keep(store, a_launcher())
    async with store.transaction() as tx:
        await tx.launchers.roll_out(
            a_launcher().id, image="new", key=BuildKey("new"), generation=3
        )
        offered = [
            await tx.launchers.make_available(
                a_launcher().id, image="other", key=BuildKey("other"), generation=value
            )
            for value in (2, 3, 4)
        ]

    assert offered == [False, False, True]
