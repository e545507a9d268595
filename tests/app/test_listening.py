"""Addresses: taken, told of, found by the command line."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from service.adapters.address_file import find_address, keep_address
from service.app.listening import CONSUMERS_ADDRESSES, bind
from service.errors import PermanentError
from service.settings import Settings, load
from tests.support.cluster import SHARED
from tests.support.databases import migrated_schema
from tests.support.service import Service

KEEPER = """
import sys, time
from pathlib import Path
from service.adapters.address_file import keep_address
with keep_address(Path(sys.argv[1]), "http://127.0.0.1:7"):
    print("kept", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def taken() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as other:
        yield f"127.0.0.1:{other.getsockname()[1]}"


def settings(tmp_path: Path, listen: str) -> Settings:
    return load(data=tmp_path, listen=listen)


def test_a_free_port_is_told_to_whoever_asks_for_the_settings(tmp_path: Path) -> None:
    with bind(settings(tmp_path, "127.0.0.1:0")) as bound:
        assert not bound.url.endswith(":0")
        assert bound.settings.url == bound.url


@pytest.mark.parametrize(
    ("listen", "reached"),
    [("0.0.0.0:0", "http://127.0.0.1:"), ("localhost:0", "http://localhost:")],
)
def test_this_machine_is_told_an_address_that_it_reaches(
    tmp_path: Path, listen: str, reached: str
) -> None:
    with bind(settings(tmp_path, listen)) as bound:
        assert bound.url.startswith(reached)


def test_a_taken_port_is_told_with_the_setting(tmp_path: Path, taken: str) -> None:
    with (
        pytest.raises(PermanentError, match=r"another program.*RELAUNCH_LISTEN"),
        bind(settings(tmp_path, taken)),
    ):
        pass


def test_a_port_that_a_service_of_the_folder_has_is_told_so(
    tmp_path: Path, taken: str
) -> None:
    with (
        keep_address(tmp_path, f"http://{taken}"),
        pytest.raises(PermanentError, match=r"over the same data folder"),
        bind(settings(tmp_path, taken)),
    ):
        pass


def test_an_unknown_host_is_told(tmp_path: Path) -> None:
    with (
        pytest.raises(PermanentError, match=r"cannot listen on nowhere\.invalid:80"),
        bind(settings(tmp_path, "nowhere.invalid:80")),
    ):
        pass


def test_roles_of_one_machine_have_different_defaults(tmp_path: Path) -> None:
    assert load(data=tmp_path).listen not in CONSUMERS_ADDRESSES


def test_a_further_consumer_takes_another_port(tmp_path: Path, taken: str) -> None:
    own, (_, last) = settings(tmp_path, "127.0.0.1:0"), CONSUMERS_ADDRESSES

    with bind(own, addresses=[taken, last]) as bound:
        assert not bound.url.endswith(f"//{taken}")
    with (
        pytest.raises(PermanentError, match=r"another program"),
        bind(own, addresses=[taken]),
    ):
        pass


def test_an_address_is_found_while_its_process_lives(tmp_path: Path) -> None:
    assert find_address(tmp_path) is None
    with keep_address(tmp_path, "http://127.0.0.1:1"):
        assert find_address(tmp_path) == "http://127.0.0.1:1"
        with keep_address(tmp_path, "http://127.0.0.1:2"):
            assert find_address(tmp_path)
        assert find_address(tmp_path) == "http://127.0.0.1:1"

    assert list(tmp_path.iterdir()) == []


def test_a_process_that_was_killed_is_not_found_and_cleaned_up(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", KEEPER, str(tmp_path)], stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    process.stdout.readline()
    assert find_address(tmp_path) == "http://127.0.0.1:7"

    os.kill(process.pid, signal.SIGKILL)
    process.communicate()

    assert len(list(tmp_path.iterdir())) == 1
    assert find_address(tmp_path) is None
    with keep_address(tmp_path, "http://127.0.0.1:8"):
        assert len(list(tmp_path.iterdir())) == 1


def test_a_folder_that_takes_no_file_stops_nobody(tmp_path: Path) -> None:
    with keep_address(tmp_path / "absent", "http://127.0.0.1:1"):
        assert find_address(tmp_path / "absent") is None


def _version(environment: dict[str, str]) -> str:
    command = [sys.executable, "-m", "service.cli", "version"]
    return subprocess.check_output(command, env=environment, text=True)


@pytest.mark.postgresql
async def test_receiver_consumer_and_command_line_of_one_machine_find_each_other(
    tmp_path: Path,
) -> None:
    async with migrated_schema() as database:
        shared = SHARED | {
            "RELAUNCH_DATABASE": database,
            "RELAUNCH_PUBLIC_URL": "https://relaunch.example.org",
        }
        receiver = Service(tmp_path / "data", role="receive", name="r", **shared)
        consumer = Service(tmp_path / "data", role="consume", name="c", **shared)
        receiver.start()
        consumer.start()
        try:
            environment = receiver.environment
            del environment["RELAUNCH_LISTEN"]
            said = await asyncio.to_thread(_version, environment)
        finally:
            receiver.stop()
            consumer.stop()

    assert "its health is at http://127.0.0.1:" in consumer.said()
    assert f"answers at {receiver.url}; " in receiver.said()
    assert "Forges reach it at https://relaunch.example.org" in receiver.said()
    assert "not running" not in said
    assert list((tmp_path / "data").glob("address-*")) == []
