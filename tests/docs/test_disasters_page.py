"""Who follows `docs/disasters.md` gets back what it promises: every block is run."""

import asyncio
import json
import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Final

import pytest
from yarl import URL

from tests.docs.reading import Page
from tests.docs.shell import run
from tests.docs.test_upgrade_page import database_of_its_own
from tests.support.broker import OwnBroker, own_broker
from tests.support.cluster import SHARED
from tests.support.courses import Course, a_bare_course, a_course
from tests.support.databases import a_key
from tests.support.service import Service
from tests.support.stream import eventually

PAGE: Final = Page("docs/disasters.md")
HEALED: Final = 60.0
SOME: Final = 10
SOON: Final = {
    # Five minutes, unless the sweep is to come round sooner than that.
    "RELAUNCH_SWEEP_INTERVAL": "3s",
    "RELAUNCH_SWEEP_MAX_INTERVAL": "6h",
    "RELAUNCH_RECEIVE_PUBLISH_DEADLINE": "2s",
}


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnBroker]:
    with own_broker(tmp_path_factory.mktemp("rabbitmq")) as own:
        yield own


def settings_of(service: Service) -> dict[str, str]:
    return {
        name: text
        for name, text in service.environment.items()
        if name.startswith("RELAUNCH_")
    }


def evaluated(receiver: Service, delivery: str) -> bool:
    try:
        explanation = receiver.api("GET", f"/explanations?of={delivery}")
    except AssertionError:
        return False  # its record is on its way
    return bool(explanation["evaluations"])


async def all_evaluated(receiver: Service, deliveries: list[str]) -> None:
    async def are() -> bool:
        while deliveries:
            if not await asyncio.to_thread(evaluated, receiver, deliveries[-1]):
                return False
            deliveries.pop()
        return True

    await eventually(are, "an evaluation of every delivery", HEALED)


async def deliver(receiver: Service, course: Course) -> list[str]:
    tip = course.repo.tip()
    send = partial(receiver.deliver, course.hook, "refs/heads/main", tip)
    receipts = [await asyncio.to_thread(send) for _ in range(SOME)]
    assert {receipt["status"] for receipt in receipts} == {"accepted"}
    return [receipt["delivery"] for receipt in receipts]


async def started(*processes: Service) -> None:
    for process in processes:
        process.launch()
    for process in processes:
        answers = process.answers
        await asyncio.to_thread(process.until, answers, "an answer", HEALED)


@pytest.mark.outage
@pytest.mark.rabbitmq
@pytest.mark.postgresql
@pytest.mark.xdist_group("outages")
@pytest.mark.timeout(180, func_only=True)
async def test_a_broker_that_lost_everything_loses_no_delivery(
    broker: OwnBroker, tmp_path: Path
) -> None:
    url = str(URL(broker.url).with_user("relaunch").with_password("s3cret"))
    bus = str(URL(url).with_path("/relaunch"))
    tools = {**broker.tools, "PASSWORD": "s3cret"}
    await run(PAGE.block("rabbitmqctl add_vhost"), tmp_path, **tools)
    async with database_of_its_own() as database:
        given = {**SHARED, **SOON, "RELAUNCH_DATABASE": database, "RELAUNCH_BUS": bus}
        receiver = Service(tmp_path / "receiver", role="receive", **given)
        consumer = Service(tmp_path / "data", role="consume", **given)
        try:
            await run("relaunch migrate", tmp_path, **given)
            await started(receiver, consumer)
            course = await asyncio.to_thread(a_bare_course, receiver, tmp_path)
            await all_evaluated(receiver, await deliver(receiver, course))
            assert await asyncio.to_thread(consumer.stop) == 0
            in_the_broker = await deliver(receiver, course)

            lost = "rabbitmqctl delete_vhost relaunch; rabbitmqctl delete_user relaunch"
            await run(lost, tmp_path, **tools)
            spooled = await deliver(receiver, course)
            await run(PAGE.block("rabbitmqctl add_vhost"), tmp_path, **tools)
            await started(consumer)

            await all_evaluated(receiver, [*in_the_broker, *spooled])
            assert "lost delivery found" in consumer.said()
            letters = partial(receiver.api, "GET", "/dead_letters")
            assert await asyncio.to_thread(letters) == []
        finally:
            receiver.kill()
            consumer.kill()


def version_of(service: Service, course: Course) -> tuple[bool, str]:
    """Return whether the launcher has what its head defines, and its image."""
    launcher = service.api("GET", f"/session_launchers/{course.launcher['id']}")
    source = launcher["source_id"]
    seen = service.api("GET", f"/sources/{source}/evaluations")
    image = launcher["environment"]["container_image"]
    is_seen = bool(seen) and seen[0].get("commit") == course.repo.tip()
    is_built = bool(launcher["generation"]) and not launcher["outdated"]
    return is_seen and is_built, image


async def built(service: Service, course: Course, *, after: str = "") -> str:
    """Return the image of the head, which is another one than that before."""

    async def is_there() -> bool:
        is_newest, image = await asyncio.to_thread(version_of, service, course)
        return is_newest and image != after

    await eventually(is_there, "the image of the head", HEALED)
    return version_of(service, course)[1]


@pytest.mark.outage
@pytest.mark.index
@pytest.mark.rabbitmq
@pytest.mark.postgresql
@pytest.mark.xdist_group("outages")
@pytest.mark.timeout(180, func_only=True)
async def test_after_an_older_backup_launchers_end_at_their_heads(
    broker: OwnBroker, tmp_path: Path
) -> None:
    if shutil.which("pg_dump") is None:
        pytest.skip("no pg_dump on this machine")
    async with database_of_its_own() as lost, database_of_its_own() as restored:
        given = {**SHARED, "RELAUNCH_BUS": broker.url, "RELAUNCH_SWEEP_INTERVAL": "1h"}
        data = tmp_path / "data"
        before = Service(data, role="dev", **given, RELAUNCH_DATABASE=lost)
        after = Service(data, role="dev", **given, RELAUNCH_DATABASE=restored)
        here = {"RELAUNCH_DATABASE": restored}
        try:
            await started(before)
            course = await asyncio.to_thread(a_course, before, tmp_path, "course")
            first = await built(before, course)
            dump = f"pg_dump --format=custom --no-owner --file=relaunch.dump {lost}"
            await run(dump, tmp_path)
            course.push(2)
            await deliver(before, course)
            second = await built(before, course, after=first)
            # What it had not handled yet is in the broker.
            course.push(3)
            await deliver(before, course)
            before.kill()

            await run(PAGE.block("pg_restore"), tmp_path, **SHARED, **here)
            await started(after)
            third = await built(after, course, after=first)

            letters = partial(after.api, "GET", "/dead_letters")
            assert await asyncio.to_thread(letters) == []
            assert len({first, second, third}) == 3
        finally:
            before.kill()
            after.kill()


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    service = Service(tmp_path / "data", **SHARED)
    service.start()
    yield service
    service.kill()


@pytest.mark.index
async def test_launchers_whose_images_are_gone_are_built_again(
    service: Service, tmp_path: Path
) -> None:
    course = await asyncio.to_thread(a_course, service, tmp_path, "course")
    first = await built(service, course)
    await run("rm -r data/builder/images/* data/builder/environments/*", tmp_path)

    await run(PAGE.block("relaunch launcher"), tmp_path, **settings_of(service))

    async def is_new() -> bool:
        return (await built(service, course)) != first

    await eventually(is_new, "another image", HEALED)
    command = "relaunch launcher run course python -c 'import course; print(course)'"
    assert "course" in await run(command, tmp_path, **settings_of(service))


async def test_without_the_key_hooks_are_usable_again_once_they_are_rotated(
    service: Service, tmp_path: Path
) -> None:
    course = await asyncio.to_thread(a_bare_course, service, tmp_path)
    await asyncio.to_thread(service.stop)
    service.set("RELAUNCH_SECRET_KEY", a_key().reveal())
    await asyncio.to_thread(service.start)
    with pytest.raises(AssertionError, match=r"50\d"):
        await deliver(service, course)
    await asyncio.to_thread(service.stop)

    said = await run(PAGE.block("python3 -c"), tmp_path, **settings_of(service))
    assert said.splitlines()[0] == "replaced 1 secret that no key reads"
    service.set("RELAUNCH_SECRET_KEY", (tmp_path / "new-key").read_text().strip())
    await asyncio.to_thread(service.start)
    with pytest.raises(AssertionError, match="401"):
        await deliver(service, course)
    script = f"{PAGE.block('relaunch hook')} --output json"
    rotated = json.loads(await run(script, tmp_path, **settings_of(service)))

    course.hook = {**course.hook, "secret": rotated["secret"]}
    assert len(await deliver(service, course)) == SOME


async def test_the_sweep_is_hurried_and_tables_go_back(tmp_path: Path) -> None:
    here = {"RELAUNCH_DATA": str(tmp_path / "data")}
    await run("relaunch migrate", tmp_path, **here)

    sweep = await run(PAGE.block("relaunch sweep\n"), tmp_path, **here)
    back = await run(PAGE.block("relaunch migrate"), tmp_path, **here)

    assert sweep == "0 sources are asked sooner\n"
    assert "and has schema" in back
