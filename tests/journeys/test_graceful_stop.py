"""SIGTERM under load: no request is cut, no message lost, the lease is handed over."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.journeys.test_cluster import started, the_leader
from tests.support.broker import broker_url
from tests.support.cluster import Cluster, a_cluster
from tests.support.courses import a_bare_course
from tests.support.delivery_stream import delivering

pytestmark = [
    pytest.mark.outage,
    pytest.mark.postgresql,
    pytest.mark.rabbitmq,
    pytest.mark.xdist_group("outages"),
    pytest.mark.timeout(150),
]

GRACE = 30.0
"""Seconds that Kubernetes gives by default, and the chart."""
SENDERS = 4
SOME = 40
SETTLED = 60.0


@pytest.fixture
async def cluster(tmp_path: Path) -> AsyncIterator[Cluster]:
    async with a_cluster(tmp_path, bus=broker_url()) as cluster:
        yield cluster


def test_a_stop_under_load_cuts_no_request_and_loses_no_message(
    cluster: Cluster, tmp_path: Path
) -> None:
    one, two = cluster.receiver("one"), cluster.receiver("two")
    consumers = [cluster.consumer("one"), cluster.consumer("two")]
    started(one, two, *consumers)
    course = a_bare_course(two, tmp_path)
    leader = the_leader(consumers)
    (other,) = (consumer for consumer in consumers if consumer is not leader)

    with delivering(course, [one, two], senders=SENDERS) as stream:
        stream.until_more(SOME)
        assert one.stop(within=GRACE) == 0
        stream.until_more(SOME)
        assert leader.stop(within=GRACE) == 0
        assert the_leader([other]) is other
        stream.until_more(SOME)

    assert stream.cut == []
    assert "Traceback" not in one.said() + leader.said()
    waiting = list(stream.accepted)

    def is_settled() -> bool:
        waiting[:] = [
            delivery
            for delivery in waiting
            if not two.api("GET", f"/explanations?of={delivery}")["evaluations"]
        ]
        return not waiting

    two.until(is_settled, "an evaluation of every delivery", SETTLED)
    assert two.api("GET", "/dead_letters") == []
