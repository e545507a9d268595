"""What builds ask for is counted as Kubernetes counts it."""

from decimal import Decimal
from typing import Any

import pytest

from service.adapters.kubernetes.doctor.nodes import _check_nodes, _list_taints
from service.adapters.kubernetes.doctor.quantities import parse_quantity, sum_resources
from service.adapters.kubernetes.doctor.quotas import _format
from service.domain.diagnosis import CheckStatus


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2", 2),
        ("500m", Decimal("0.5")),
        ("0.5", Decimal("0.5")),
        ("4Gi", 4 * 2**30),
        ("1.5Ki", 1536),
        ("1k", 1000),
        ("2M", 2_000_000),
        ("1e3", 1000),
        ("12E", 12 * 10**18),
        ("16329924Ki", 16329924 * 1024),
        (3, 3),
    ],
)
def test_a_quantity_is_read_as_kubernetes_reads_it(text: object, value: object) -> None:
    assert parse_quantity(text) == value


@pytest.mark.parametrize("text", ["", "Gi", "4GiB", "one", "1 Gi", None])
def test_what_is_no_quantity_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match="is not a quantity"):
        parse_quantity(text)


@pytest.mark.parametrize("text", ["4Gi", "500m", "2", "64Mi", "0", "1Ki"])
def test_an_amount_is_written_as_people_do(text: str) -> None:
    assert _format(parse_quantity(text)) == text


def a_container(**requests: str) -> dict[str, Any]:
    return {"resources": {"requests": requests, "limits": {"cpu": "4"}}}


def test_a_pod_needs_the_most_of_a_phase_and_the_sum_of_what_stays() -> None:
    pod = {
        "initContainers": [a_container(cpu="3", memory="1Gi"), a_container(cpu="1")],
        "containers": [a_container(cpu="1"), a_container(cpu="1", memory="2Gi")],
    }

    needed = sum_resources(pod)

    assert needed["requests.cpu"] == 3
    assert needed["requests.memory"] == 2 * 2**30
    assert needed["limits.cpu"] == 8
    assert needed["pods"] == 1


def a_node(*taints: dict[str, str], ready: str = "True", **room: str) -> dict[str, Any]:
    allocatable = {"cpu": "8", "memory": "16Gi", "ephemeral-storage": "90Gi", **room}
    return {
        "metadata": {"labels": {"kubernetes.io/os": "linux"}},
        "spec": {"taints": list(taints)},
        "status": {
            "conditions": [{"type": "Ready", "status": ready}],
            "allocatable": allocatable,
        },
    }


DEDICATED = {"key": "for", "value": "builds", "effect": "NoSchedule"}
POD = {
    "nodeSelector": {"kubernetes.io/os": "linux"},
    "containers": [a_container(cpu="2", memory="4Gi", **{"ephemeral-storage": "10Gi"})],
}


@pytest.mark.parametrize(
    ("node", "more", "words"),
    [
        pytest.param(a_node(), {}, "1 of 1 that accept builds", id="well"),
        pytest.param(a_node(ready="False"), {}, "none of them is ready", id="down"),
        pytest.param(a_node(DEDICATED), {}, "for=builds:NoSchedule", id="taint"),
        pytest.param(
            a_node(DEDICATED),
            {"tolerations": [{"key": "for", "operator": "Equal", "value": "builds"}]},
            "1 of 1",
            id="tolerated",
        ),
        pytest.param(
            a_node(memory="2Gi"), {}, "the largest has 8 CPUs, 2 GiB", id="small"
        ),
        pytest.param(
            a_node(), {"nodeSelector": {"a": "b"}}, "has the labels a=b", id="labels"
        ),
    ],
)
def test_a_node_takes_a_build_or_it_is_said_why_not(
    node: dict[str, Any], more: dict[str, Any], words: str
) -> None:
    found = _check_nodes("nodes", [node], POD | more)

    assert words in found.seen
    assert (found.status is CheckStatus.OK) == ("1 of 1" in words)


@pytest.mark.parametrize(
    ("toleration", "is_tolerated"),
    [
        ({"operator": "Exists"}, True),
        ({"key": "for", "operator": "Exists"}, True),
        ({"key": "for", "value": "others"}, False),
        ({"key": "for", "value": "builds", "effect": "NoExecute"}, False),
        ({"key": "other", "operator": "Exists"}, False),
    ],
)
def test_a_toleration_is_matched_as_the_scheduler_does(
    toleration: dict[str, str], *, is_tolerated: bool
) -> None:
    assert (not _list_taints(a_node(DEDICATED), [toleration])) == is_tolerated


def test_a_taint_that_only_prefers_keeps_nobody_away() -> None:
    soft = {"key": "a", "value": "", "effect": "PreferNoSchedule"}

    assert _list_taints(a_node(soft), ()) == []
