"""Receivers and consumers as processes of their own, over RabbitMQ and PostgreSQL."""

import re
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from tests.support.broker import broker_url
from tests.support.cluster import SHARED, Cluster, a_cluster
from tests.support.courses import Course, a_course
from tests.support.databases import migrated_schema
from tests.support.service import Service

pytestmark = [
    pytest.mark.outage,
    pytest.mark.postgresql,
    pytest.mark.rabbitmq,
    pytest.mark.xdist_group("outages"),
]

LEASE_ENDS = 30.0
"""Seconds: the lease of a killed leader, the next one's poll, and a busy machine."""
PROMPT = 5.0
"""Seconds in which a process that is asked to stop has ended."""


@pytest.fixture
async def cluster(tmp_path: Path) -> AsyncIterator[Cluster]:
    async with a_cluster(tmp_path, bus=broker_url()) as cluster:
        yield cluster


def started(*processes: Service) -> None:
    """Start them all at once."""
    for process in processes:
        process.launch()
    for process in processes:
        process.until(process.answers, "an answer", 25)


def leader_of(consumers: Sequence[Service]) -> Service | None:
    """Return the process whose last word about it is that it leads."""
    for consumer in consumers:
        words = re.findall(r"] ((?:no longer )?leading)\b", consumer.said())
        if words and words[-1] == "leading":
            return consumer
    return None


def the_leader(consumers: Sequence[Service]) -> Service:
    consumers[0].until(
        lambda: leader_of(consumers) is not None, "somebody to lead", LEASE_ENDS
    )
    leader = leader_of(consumers)
    assert leader is not None
    return leader


def generation(receiver: Service, course: Course) -> int:
    """Return the generation of a launcher's image; 0 without one."""
    found = receiver.api("GET", f"/session_launchers/{course.launcher['id']}")
    return int(found["generation"])


def imported(receiver: Service, consumer: Service, course: Course) -> str:
    """Import the course's package inside its launcher's environment."""
    code = f"import {course.name}; print({course.name}.version)"
    command = [sys.executable, "-m", "service.cli", "--url", receiver.url, "launcher"]
    done = subprocess.run(
        [*command, "run", course.name, "python", "-c", code],
        env=consumer.environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


@pytest.mark.index
@pytest.mark.timeout(150)
def test_a_leader_that_is_killed_while_it_builds_is_replaced_and_nothing_is_lost(
    cluster: Cluster, tmp_path: Path
) -> None:
    one, two = cluster.receiver("one"), cluster.receiver("two")
    consumers = [cluster.consumer("one"), cluster.consumer("two")]
    started(one, two, *consumers)
    course = a_course(one, tmp_path, "course")
    one.until(lambda: generation(two, course) > 0, "the first image", 40)
    first = generation(one, course)

    commit = course.push(2)
    receipts = [
        service.deliver(course.hook, "refs/heads/main", commit)
        for service in (one, two)
    ]
    one.until(lambda: states(two)[0] == "running", "the build to run", 20)
    leader = the_leader(consumers)
    leader.kill()
    (survivor,) = (consumer for consumer in consumers if consumer is not leader)
    the_leader([survivor])
    survivor.until(lambda: generation(two, course) > first, "the second image", 40)

    assert imported(two, survivor, course) == "2.0"
    assert "build retried" in survivor.said()
    assert states(one) == ["succeeded", "succeeded"]
    for receipt in receipts:
        assert one.api("GET", f"/explanations?of={receipt['delivery']}")["evaluations"]
    assert one.api("GET", "/dead_letters") == []


def test_a_process_that_is_asked_to_stop_ends_well_and_at_once(
    cluster: Cluster,
) -> None:
    receiver = cluster.receiver("one")
    consumers = [cluster.consumer("one"), cluster.consumer("two")]
    started(receiver, *consumers)
    leader = the_leader(consumers)
    (other,) = (consumer for consumer in consumers if consumer is not leader)

    assert ended_well(leader)
    the_leader([other])
    assert ended_well(other)
    assert ended_well(receiver)


def ended_well(process: Service) -> bool:
    code = process.stop(PROMPT)
    assert "Traceback" not in process.said(), process.said()
    return code == 0


def states(receiver: Service) -> list[str]:
    """Return the states of all builds, newest first."""
    return [item["state"] for item in receiver.api("GET", "/builds?limit=50")]


HEAVY = ("rattler", "kubernetes_asyncio", "gitlab")


def imports(process: Service) -> set[str]:
    """Return the packages that a process imported since it was started."""
    lines = (
        line for line in process.said().splitlines() if line.startswith("import time:")
    )
    return {line.rpartition("|")[2].strip().partition(".")[0] for line in lines}


def used(receiver: Service) -> set[str]:
    """Make a receiver do all it can do; return what it imported for it."""
    receiver.api("POST", "/hooks", {"repository": "https://github.com/ada/pi"})
    receiver.api("GET", "/dead_letters")
    receiver.api("GET", "/version")
    return imports(receiver)


def test_a_receiver_imports_no_builder_and_no_client_that_it_does_not_need(
    cluster: Cluster,
) -> None:
    receiver = cluster.receiver("one", PYTHONPROFILEIMPORTTIME="1")
    started(receiver)

    seen = used(receiver)

    assert "aio_pika" in seen
    assert seen.isdisjoint(HEAVY)


async def test_without_a_broker_nothing_of_its_client_is_imported(
    tmp_path: Path,
) -> None:
    async with migrated_schema() as database:
        receiver = Service(
            tmp_path / "receiver",
            role="receive",
            RELAUNCH_DATABASE=database,
            PYTHONPROFILEIMPORTTIME="1",
            **SHARED,
        )
        receiver.start()
        try:
            seen = used(receiver)
        finally:
            receiver.kill()

    assert "aiohttp" in seen
    assert seen.isdisjoint({"aio_pika", "aiormq", "pamqp", *HEAVY})


@pytest.mark.parametrize("role", ["receive", "consume"])
@pytest.mark.parametrize(
    ("variables", "told"),
    [
        pytest.param(
            {"RELAUNCH_BUS": "amqp://127.0.0.1", "RELAUNCH_SECRET_KEY": "k"},
            "SQLite belongs to one; set RELAUNCH_DATABASE to postgresql://",
            id="no-shared-database",
        ),
        pytest.param(
            {"RELAUNCH_DATABASE": "postgresql://127.0.0.1/nobody"},
            "set RELAUNCH_SECRET_KEY",
            id="no-shared-key",
        ),
    ],
)
def test_what_processes_must_share_is_asked_for_at_the_start(
    tmp_path: Path, role: str, variables: dict[str, str], told: str
) -> None:
    assert told in refusal(Service(tmp_path / "data", role=role, **variables))


def test_a_receiver_is_asked_for_the_token_that_all_receivers_share(
    tmp_path: Path,
) -> None:
    shared = {key: text for key, text in SHARED.items() if key != "RELAUNCH_TOKEN"}
    database = {"RELAUNCH_DATABASE": "postgresql://127.0.0.1/nobody"}

    told = refusal(Service(tmp_path / "data", role="receive", **shared | database))

    assert "set RELAUNCH_TOKEN" in told


def refusal(service: Service) -> str:
    """Return what a process says that refuses to start: a sentence for each lack."""
    done = subprocess.run(
        [sys.executable, "-m", "service.cli", service.role],
        env=service.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    first, *more = done.stderr.splitlines()
    assert first.startswith("Error: ")
    assert all(text.startswith("  ") for text in more), done.stderr
    assert not service.data.exists()
    return done.stderr
