"""Every plug is pulled once, before a real Prometheus with the chart's rules.

Each drill sees that the alert which `docs/alerts.md` has an entry for is raised and no
other, that the dashboard shows what is wrong, and that the entry's mend ends it.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import Final

import aio_pika
import pytest
import pytest_asyncio

from tests.docs.shell import run_with
from tests.support.drills.alarms import (
    deliveries,
    entry,
    pulled,
    until_calm,
    until_raised,
)
from tests.support.drills.ground import Ground
from tests.support.drills.installation import an_installation, environment
from tests.support.stream import eventually

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.outage,
    pytest.mark.xdist_group("drills"),
    pytest.mark.prometheus,
    pytest.mark.helm,
    pytest.mark.index,
    pytest.mark.postgresql,
    pytest.mark.rabbitmq,
    # The installation starts once for all.
    pytest.mark.timeout(300, func_only=True),
]


SHOWN: Final = [
    ("Pods that answer", "relaunch-consumers", 1),
    ("Time to answer a delivery", "p99", 0.001),
    ("Time of a build", "p50", 0.1),
    ("From a push to its launchers", "all 90 %", 0.1),
    ("From a push to its launchers", "build 90 %", 0.1),
    ("Phases of builds", "build 90 %", 0.1),
    ("Confirms of the broker", "99 %", 0.0001),
    ("Deliveries", "accepted tracked", 0.0001),
    ("Evaluations", "changed definition_changed", 0.0001),
    ("Launchers moved, or offered an image", "moved", 0.5),
    ("Builds that ended", "succeeded built", 0.5),
]
"""What one push must be seen by: panel, line and least value."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def prepared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Ground]:
    async with an_installation(tmp_path_factory.mktemp("drills")) as there:
        repo, course = await there.follow("algebra")
        ground = Ground(there=there, repo=repo, course=course)
        # Percentiles grow from the first of a kind on: it is seen before more follow.
        await ground.until_counted('relaunch_build_phase_seconds_count{phase="build"}')
        yield ground


@pytest_asyncio.fixture(loop_scope="module")
async def ground(prepared: Ground) -> Ground:
    """Begin each drill, and each second try, as if none had failed before it."""
    await prepared.reset()
    return prepared


async def test_every_panel_shows_something_after_one_push(ground: Ground) -> None:
    there = ground.there
    await there.push(ground.repo, environment("algebra", ground.number()))
    await there.until_current(ground.course)

    async def all_show() -> bool:
        return not await asyncio.to_thread(idle)

    def idle() -> list[str]:
        board = there.dashboard
        return [str(target) for target in board.targets() if not board.draw(target)]

    try:
        await eventually(all_show, "every query to have data", 20)
    except AssertionError as exc:
        raise AssertionError(f"{exc}: none for {idle()}") from exc
    for panel, line, least in SHOWN:
        await ground.until_shown(panel, line, least)


def killed(
    kill: Callable[[], object], *, mend: Callable[[], object]
) -> AbstractAsyncContextManager[None]:
    """Pull a plug by what blocks, and mend so."""
    return pulled(
        partial(asyncio.to_thread, kill), mend=partial(asyncio.to_thread, mend)
    )


async def test_a_broker_that_is_killed(ground: Ground) -> None:
    there = ground.there
    async with deliveries(there.receiver, ground.course) as stream:
        async with killed(there.broker.kill, mend=there.start_broker):
            await until_raised(
                there.prometheus, "RelaunchDeliveriesSpooled", "RelaunchOutboxStuck"
            )
            await ground.until_shown("Deliveries kept in the database", "spooled", 0.01)
            await ground.until_shown("Oldest that waits", "event", 1)
            await ground.until_shown("What waits", "outbox", 1)
        await until_calm(there.prometheus)
    assert stream.refused == []


async def test_a_broker_whose_disk_is_full(ground: Ground) -> None:
    there = ground.there
    assert "disk alarm" in entry("RelaunchDeliveriesSpooled")
    fill, empty = (
        partial(
            run_with,
            f"rabbitmqctl set_disk_free_limit {size}",
            there.operator.folder,
            there.broker.tools,
        )
        for size in ("100000GB", "10MB")
    )
    async with deliveries(there.receiver, ground.course) as stream:
        async with pulled(fill, mend=empty):
            await until_raised(
                there.prometheus, "RelaunchDeliveriesSpooled", "RelaunchOutboxStuck"
            )
            await ground.until_shown("Deliveries kept in the database", "spooled", 0.01)
            await ground.until_shown("Confirms of the broker", "99 %", 0.9)
        await until_calm(there.prometheus)
    assert stream.refused == []


async def test_a_database_that_is_away(ground: Ground) -> None:
    there = ground.there
    async with deliveries(there.receiver, ground.course):
        async with killed(there.database.kill, mend=there.start_database):
            await until_raised(
                there.prometheus, "RelaunchDeliveriesFail", "RelaunchNobodyLeads"
            )
            await ground.until_shown("Answers to forges that are errors", "503", 0.01)
        await until_calm(there.prometheus)


async def test_a_token_that_has_ended(ground: Ground) -> None:
    there = ground.there

    async def end() -> None:
        there.forge.tokens.revoke(there.forge.token)

    async def renew() -> None:
        await there.take_token(f"token-{ground.number()}")

    async with deliveries(there.receiver, ground.course):
        async with pulled(end, mend=renew):
            await until_raised(
                there.prometheus, "RelaunchForgeTokenRefused", host=there.forge.host
            )
            await ground.until_shown("Forges", f"{there.forge.host} unauthorized", 0.01)
        await until_calm(there.prometheus)


@pytest.mark.parametrize("role", ["receivers", "api", "consumers"])
async def test_a_role_that_is_down(ground: Ground, role: str) -> None:
    there = ground.there
    kill = partial(asyncio.to_thread, there.processes[role].kill)
    async with pulled(kill, mend=partial(there.start, role)):
        await until_raised(there.prometheus, "RelaunchDown", role=role)
        shown = await ground.shows("Pods that answer")
        assert shown == {f"relaunch-{each}": each != role for each in there.processes}
    await until_calm(there.prometheus)


async def test_a_hook_that_is_gone_and_cannot_be_made_again(ground: Ground) -> None:
    there = ground.there
    (hook,) = there.forge.hooks_of(ground.repo)
    permit = partial(there.forge.tokens.add, there.forge.token, "owner", is_owner=True)

    async def remove() -> None:
        permit(may_change=False)
        there.forge.hooks.remove(hook)

    async def let_repair() -> None:
        permit(may_change=True)

    async with pulled(remove, mend=let_repair):
        await until_raised(there.prometheus, "RelaunchHooksUnhealthy")
        await ground.until_shown("Dead letters, unhealthy hooks", "unhealthy hooks", 1)
        assert "`relaunch hook show HOOK`" in entry("RelaunchHooksUnhealthy")
        said = await there.operator.run("relaunch hook list")
        assert "unhealthy" in said
        hook_id = ground.course.hook["id"]
        said = await there.operator.run(f"relaunch hook show {hook_id}")
        assert "403 Resource not accessible" in said
    await until_calm(there.prometheus)
    assert len(there.forge.hooks_of(ground.repo)) == 1


async def test_an_index_that_refuses(ground: Ground) -> None:
    there = ground.there
    launcher = ground.course.launcher["id"]

    async def refuse() -> None:
        there.index.does = "refuse"
        await there.push(
            ground.repo, {"requirements.txt": f"words{ground.number()}==1.0\n"}
        )

    async def serve() -> None:
        there.index.serve()
        assert "`relaunch rebuild\nLAUNCHER`" in entry("RelaunchBuildsFailForOperators")
        await there.operator.run(f"relaunch rebuild {launcher}")

    async with pulled(refuse, mend=serve):
        await until_raised(
            there.prometheus,
            "RelaunchBuildsFailForOperators",
            later="RelaunchLaunchersOutdated",
            reason="index_refused",
        )
        await ground.until_shown("Builds that ended", "failed index_refused", 0.5)
        said = await there.operator.run(f"relaunch explain {launcher}")
        assert "does not let this build in" in said
    await there.until_current(ground.course)
    await until_calm(there.prometheus)


async def test_a_launcher_that_is_outdated_without_a_build(ground: Ground) -> None:
    there = ground.there
    launcher = ground.course.launcher["id"]

    async def cancel() -> None:
        there.index.hang()
        needed = f"sentences{ground.number()}==1.0\n"
        await there.push(ground.repo, {"requirements.txt": needed})
        build = await there.running_build()
        await there.operator.run(f"relaunch cancel {build}")

    async def rebuild() -> None:
        there.index.serve()
        assert "`relaunch rebuild LAUNCHER`" in entry("RelaunchLaunchersOutdated")
        await there.operator.run(f"relaunch rebuild --queue {launcher}")

    async with pulled(cancel, mend=rebuild):
        await until_raised(there.prometheus, "RelaunchLaunchersOutdated")
        panel = "Launchers without the image of their head, and without a build"
        await ground.until_shown(panel, "launchers", 1)
        assert "outdated" in await there.operator.run("relaunch launcher list")
        said = await there.operator.run(f"relaunch explain {launcher}")
        assert "cancelled" in said
    await there.until_current(ground.course)
    await until_calm(there.prometheus)


async def test_a_message_that_nobody_can_handle(ground: Ground) -> None:
    there = ground.there

    async def spoil() -> None:
        connection = await aio_pika.connect(there.broker.url)
        async with connection, connection.channel() as channel:
            exchange = await channel.get_exchange("relaunch.events")
            await exchange.publish(aio_pika.Message(b"\xff"), "push.received.v2")

    async with pulled(spoil, mend=there.drop_dead_letters):
        await until_raised(there.prometheus, "RelaunchDeadLetters", role="evaluation")
        await ground.until_shown("Dead letters, unhealthy hooks", "evaluation", 1)
    await until_calm(there.prometheus)
