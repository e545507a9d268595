"""A registry refuses what builds push, before a Prometheus with the chart's rules."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import pytest

from tests.adapters.kubernetes.door import Door, a_door
from tests.docs.operators import Operator
from tests.support.cluster import SHARED
from tests.support.drills.alarms import until_calm, until_raised
from tests.support.drills.dashboard import NAMESPACE, Dashboard, chart_monitoring
from tests.support.drills.prometheus import Prometheus, a_prometheus, in_drill_time
from tests.support.kube import Kube
from tests.support.kube_cluster import KubeCluster, a_kube_cluster
from tests.support.stream import eventually

pytestmark = [
    pytest.mark.kubernetes,
    pytest.mark.prometheus,
    pytest.mark.helm,
    pytest.mark.postgresql,
    pytest.mark.rabbitmq,
    pytest.mark.timeout(240, func_only=True),
]

PUSHED_WITHIN: Final = 60.0
PUSHES: Final = frozenset({"POST", "PATCH", "PUT"})
"""https://github.com/opencontainers/distribution-spec/blob/main/spec.md#push"""


@pytest.fixture
async def door(kube: Kube) -> AsyncIterator[Door]:
    """A registry that shows everything and takes nothing, until it is mended."""
    async with a_door(kube, refuses=lambda asked: asked.method in PUSHES) as door:
        yield door


@pytest.fixture
async def cluster(kube: Kube, door: Door, tmp_path: Path) -> AsyncIterator[KubeCluster]:
    settings = {
        "RELAUNCH_KUBERNETES_TARGET": f"{door.host}/{kube.namespace}",
        "RELAUNCH_KUBERNETES_INSECURE_REGISTRIES": json.dumps(
            [kube.registry, door.host]
        ),
        # Nodes pull from the registry that they know.
        "RELAUNCH_KUBERNETES_SMOKE_TEST": "false",
    }
    async with a_kube_cluster(tmp_path, kube, **settings) as cluster:
        yield cluster


async def test_a_registry_that_refuses_what_is_pushed(
    cluster: KubeCluster, door: Door, tmp_path: Path
) -> None:
    rules, panels = chart_monitoring()
    (tmp_path / "prometheus").mkdir()
    with a_prometheus(tmp_path / "prometheus", in_drill_time(rules)) as prometheus:
        watch(prometheus, cluster)
        await until_calm(prometheus)
        course = await asyncio.to_thread(cluster.follow, "course")
        course.push(1)
        await asyncio.to_thread(cluster.deliver, course)

        await until_raised(
            prometheus,
            "RelaunchBuildsFailForOperators",
            later="RelaunchLaunchersOutdated",
            reason="registry_refused",
        )
        board = Dashboard(panels, prometheus)
        shown = await asyncio.to_thread(board.reads, "Builds that ended")
        assert shown["failed registry_refused"] > 0

        door.is_mended = True
        operator = Operator(
            folder=tmp_path,
            names={"relaunch ": f"relaunch --url {cluster.receiver.url} "},
            settings={"RELAUNCH_TOKEN": SHARED["RELAUNCH_TOKEN"]},
        )
        await operator.run(f"relaunch rebuild {course.launcher['id']}")

        async def is_current() -> bool:
            launcher = await asyncio.to_thread(cluster.launcher, course)
            return bool(launcher["generation"]) and not launcher["outdated"]

        await eventually(is_current, "the launcher to move", PUSHED_WITHIN)
        await until_calm(prometheus)


def watch(prometheus: Prometheus, cluster: KubeCluster) -> None:
    """Watch two processes as three roles: a receiver answers the API, too."""
    for role in ("receivers", "api"):
        prometheus.watch(
            cluster.receiver.url, job=f"relaunch-{role}", namespace=NAMESPACE
        )
    prometheus.watch(
        cluster.consumer.url, job="relaunch-consumers", namespace=NAMESPACE
    )
