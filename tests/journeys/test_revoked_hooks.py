"""A hook that was removed, or a secret that was retired, is refused by everybody."""

import contextlib
import threading
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.error import URLError

import pytest

from tests.support.broker import broker_url
from tests.support.cluster import Cluster, a_cluster
from tests.support.service import Service

pytestmark = [
    pytest.mark.postgresql,
    pytest.mark.rabbitmq,
    pytest.mark.xdist_group("revoked"),
]

COMMIT = "1" * 40


@pytest.fixture
async def cluster(tmp_path: Path) -> AsyncIterator[Cluster]:
    async with a_cluster(tmp_path, bus=broker_url()) as cluster:
        yield cluster


def status(receiver: Service, hook: Mapping[str, Any]) -> int:
    try:
        receiver.deliver(hook, "refs/heads/main", COMMIT)
    except AssertionError as exc:
        return int(str(exc).split(": ")[1].split(" ")[0])
    return 202


@contextlib.contextmanager
def busy(receivers: list[Service], hook: Mapping[str, Any]) -> Iterator[None]:
    """Deliver without pause, so that every receiver remembers the hook."""
    is_over = threading.Event()

    def deliver(receiver: Service) -> None:
        while not is_over.is_set():
            with contextlib.suppress(URLError):
                status(receiver, hook)
            is_over.wait(0.05)

    threads = [
        threading.Thread(target=deliver, args=(service,)) for service in receivers
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        is_over.set()
        for thread in threads:
            thread.join()


def test_no_receiver_takes_a_revoked_hook_once_that_is_answered(
    cluster: Cluster,
) -> None:
    receivers = [cluster.receiver(name) for name in ("one", "two")]
    for receiver in receivers:
        receiver.launch()
    for receiver in receivers:
        receiver.until(receiver.answers, "an answer", 25)
    one, two = receivers
    body = {"repository": "https://github.com/uni/course", "paste": True}
    removed, rotated = (one.api("POST", "/hooks", body) for _ in range(2))

    with busy(receivers, removed), busy(receivers, rotated):
        newer = two.api("POST", f"/hooks/{rotated['id']}/rotate")
        assert [status(service, rotated) for service in receivers] == [202, 202]
        one.api("DELETE", f"/hooks/{removed['id']}")
        after = [status(service, removed) for _ in range(5) for service in receivers]
        two.api("POST", f"/hooks/{rotated['id']}/retire")
        retired = [status(service, rotated) for _ in range(5) for service in receivers]

    assert set(after) == {401}
    assert set(retired) == {401}
    assert [status(service, newer) for service in receivers] == [202, 202]
