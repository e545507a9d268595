"""Lists are cut in the database, and say how long they are."""

from dataclasses import replace
from datetime import timedelta

from service.domain.delivery import DeliveryId
from service.domain.hook import HookId
from service.domain.launcher import Launcher, LauncherId
from service.domain.source import SourceId
from service.ports.store import Cursor, PageRequest, Store
from tests.support.clock import NOW
from tests.support.deliveries import a_hook, a_record
from tests.support.values import a_launcher, a_source

SECOND = timedelta(seconds=1)


def many(count: int, *, source: str = "source") -> list[Launcher]:
    return [
        a_launcher(
            id=f"{source}-{number}",
            environment_id=f"{source}-{number}",
            source_id=source,
            name=f"named {number % 2}",
            created_at=NOW + number * SECOND,
        )
        for number in range(count)
    ]


async def keep(store: Store, *launchers: Launcher) -> None:
    async with store.transaction() as tx:
        for number, source in enumerate(
            sorted({item.tracked_source for item in launchers})
        ):
            await tx.sources.find_or_add(
                a_source(
                    id=source, context_dir=source, created_at=NOW + number * SECOND
                )
            )
        for launcher in launchers:
            await tx.launchers.add(launcher)


async def test_pages_of_launchers_make_the_whole_list(store: Store) -> None:
    launchers = many(7)
    await keep(store, *launchers)

    async with store.reading() as tx:
        pages = [
            await tx.launchers.list(PageRequest(offset=offset, limit=3))
            for offset in (0, 3, 6, 9)
        ]

    listed = [launcher for page in pages for launcher in page]
    assert listed == launchers[::-1]
    assert [len(page) for page in pages] == [3, 3, 1, 0]
    assert {page.total for page in pages} == {7}


async def test_a_page_behind_a_cursor_goes_on_whatever_came_or_went(
    store: Store,
) -> None:
    launchers = many(7)
    await keep(store, *launchers)

    async with store.reading() as tx:
        first = await tx.launchers.list(PageRequest(limit=3))
    last = first.items[-1]
    late = a_launcher(
        id="late",
        environment_id="late",
        source_id=last.source_id,
        created_at=NOW + 60 * SECOND,
    )
    async with store.transaction() as tx:
        await tx.launchers.remove(last.id)
        await tx.launchers.add(late)
    behind = Cursor(at=last.created_at, id=last.id)
    async with store.reading() as tx:
        second = await tx.launchers.list(PageRequest(limit=3, after=behind))

    assert list(second) == launchers[3::-1][:3]
    assert second.total == 7


async def test_launchers_of_one_moment_stand_in_pages_by_their_ids(
    store: Store,
) -> None:
    launchers = [replace(launcher, created_at=NOW) for launcher in many(5)]
    await keep(store, *launchers)

    found: list[Launcher] = []
    async with store.reading() as tx:
        after: Cursor | None = None
        while page := (
            await tx.launchers.list(PageRequest(limit=2, after=after))
        ).items:
            found += page
            after = Cursor(at=page[-1].created_at, id=page[-1].id)

    assert found == launchers[::-1]


async def test_the_number_of_a_list_follows_every_change(store: Store) -> None:
    await keep(store, *many(4, source="course"), *many(1, source="lonely"))
    async with store.transaction() as tx:
        (moved,) = await tx.launchers.of_source(SourceId("lonely"))
        await tx.launchers.save(replace(moved, source_id=SourceId("course")))
        await tx.launchers.remove(LauncherId("course-0"))
        await tx.launchers.remove(LauncherId("nobody"))

    async with store.reading() as tx:
        everything = await tx.launchers.list(PageRequest(limit=1))
        sources = await tx.sources.list(PageRequest(limit=1))
        followers = await tx.launchers.of_sources([SourceId("course")], limit=1)
        due = await tx.sweeps.due(now=NOW, per_host=9)

    assert (everything.total, sources.total) == (4, 1)
    assert followers[SourceId("course")].total == 4
    assert [turn.source.id for turn in due] == ["course"]


async def test_a_page_counts_what_its_filters_leave(store: Store) -> None:
    await keep(store, *many(5))

    async with store.reading() as tx:
        named = await tx.launchers.list(PageRequest(limit=2), name="named 0")
        nobody = await tx.launchers.list(name="nobody")
        elsewhere = await tx.launchers.list(project="elsewhere")

    assert [launcher.name for launcher in named] == ["named 0", "named 0"]
    assert named.total == 3
    assert (list(nobody), nobody.total) == ([], 0)
    assert (list(elsewhere), elsewhere.total) == ([], 0)


async def test_followers_are_the_oldest_few_and_how_many_there_are(
    store: Store,
) -> None:
    await keep(store, *many(4, source="course"), *many(1, source="lonely"))
    wanted = [SourceId("course"), SourceId("lonely"), SourceId("none")]

    async with store.reading() as tx:
        followers = await tx.launchers.of_sources(wanted, limit=2)

    assert list(followers[SourceId("course")]) == ["course-0", "course-1"]
    assert followers[SourceId("course")].total == 4
    assert list(followers[SourceId("lonely")]) == [LauncherId("lonely-0")]
    assert SourceId("none") not in followers


async def test_pages_of_sources_hold_only_followed_ones(store: Store) -> None:
    await keep(store, *many(2, source="a"), *many(1, source="b"))
    async with store.transaction() as tx:
        await tx.sources.find_or_add(a_source(id="left", context_dir="left"))

    async with store.reading() as tx:
        page = await tx.sources.list(PageRequest(offset=1, limit=1))
        some = await tx.sources.get_many([SourceId("left"), SourceId("none")])

    assert [source.id for source in page] == ["b"]
    assert page.total == 2
    assert [source.id for source in some] == ["left"]


async def test_hooks_come_with_the_newest_delivery_of_each(store: Store) -> None:
    async with store.transaction() as tx:
        for number, name in enumerate(("a", "b", "quiet")):
            hook = a_hook(id=HookId(name), created_at=NOW + number * SECOND)
            await tx.hooks.add(hook)
        await tx.deliveries.record(
            a_record(
                id=DeliveryId(f"{name}{number}"),
                hook_id=HookId(name),
                received_at=NOW + number * SECOND,
            )
            for name in ("a", "b")
            for number in range(3)
        )

    async with store.reading() as tx:
        page = await tx.hooks.list(PageRequest(offset=1, limit=2))
        newest = await tx.deliveries.newest(hook.id for hook in page)

        place, walked = await tx.hooks.next(), list[str]()
        while place is not None:
            walked.append(place.id)
            place = await tx.hooks.next(place)
        assert (walked, await tx.hooks.count()) == (["a", "b", "quiet"], 3)
    assert [hook.id for hook in page] == ["b", "quiet"]
    assert page.total == 3
    assert {hook: record.id for hook, record in newest.items()} == {"b": "b2"}
