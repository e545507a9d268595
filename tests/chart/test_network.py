"""What the NetworkPolicies let through, computed as Kubernetes defines it.

https://kubernetes.io/docs/concepts/services-networking/network-policies/: policies add
up; a pod that one selects for a direction reaches what any of them names.
"""

from ipaddress import ip_address, ip_network
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis.strategies import integers, sampled_from

from tests.chart.matrix import MATRIX
from tests.chart.rendering import Helm, Object

pytestmark = pytest.mark.helm

METADATA = ("169.254.169.254", "fd00:ec2::254", "fe80::1", "169.254.170.2")
"""Where AWS, Google, Azure and ECS answer with credentials of the node."""
INSIDE = (
    "10.96.0.1",
    "10.244.3.4",
    "192.168.1.1",
    "172.20.0.1",
    "100.64.0.1",
    "fd12::1",
)


def reaches(policies: list[Object], namespace: str, address: str, port: int) -> bool:
    """Return whether pods that every label fits reach an address over TCP."""
    rules = [
        rule
        for policy in policies
        if policy["metadata"]["namespace"] == namespace
        for rule in policy["spec"].get("egress", [])
    ]
    return any(_passes(rule, address, port) for rule in rules)


def _passes(rule: dict[str, Any], address: str, port: int) -> bool:
    ports = rule.get("ports")
    if ports is not None and port not in {
        item["port"] for item in ports if item["protocol"] == "TCP"
    }:
        return False
    peers = rule.get("to")
    blocks = [peer["ipBlock"] for peer in peers or [] if "ipBlock" in peer]
    return peers is None or any(_holds(block, address) for block in blocks)


def _holds(block: dict[str, Any], address: str) -> bool:
    where = ip_address(address)
    excluded = (ip_network(text) for text in block.get("except", []))
    return where in ip_network(block["cidr"]) and not any(
        where in network for network in excluded
    )


def policies_of(helm: Helm, values: dict[str, Any] | Any) -> list[Object]:
    return [item for item in helm.objects(values) if item["kind"] == "NetworkPolicy"]


@pytest.mark.parametrize("values", MATRIX.values(), ids=MATRIX)
def test_builds_never_reach_metadata_nor_cluster(helm: Helm, values: Any) -> None:
    policies = policies_of(helm, values)
    namespace = values.get("builds", {}).get("namespace", "relaunch-builds")
    if not values.get("builds", {}).get("networkPolicy", {}).get("enabled", True):
        assert not any(item["metadata"]["namespace"] == namespace for item in policies)
        return

    for address in (*METADATA, *INSIDE):
        for port in (53, 80, 443, 6443):
            if port == 443 and address == "fd12::1":
                continue  # an operator may name such a network
            assert not reaches(policies, namespace, address, port), (address, port)


def test_builds_reach_what_they_need(helm: Helm) -> None:
    policies = policies_of(helm, MATRIX["private networks"])

    def reached(address: str, port: int) -> bool:
        return reaches(policies, "their-builds", address, port)

    assert reached("140.82.121.3", 443)
    assert reached("2606:50c0:8000::153", 443)
    assert reached("10.9.8.7", 5000)
    assert reached("10.1.2.3", 443)
    assert not reached("140.82.121.3", 80)
    assert not reached("10.9.8.8", 443)
    assert not reached("203.0.113.9", 443)
    assert not reached("2001:db8::9", 443)


def test_names_are_asked_over_both_protocols(helm: Helm) -> None:
    for policy in policies_of(helm, {}):
        for rule in policy["spec"].get("egress", []):
            ports = {(item["protocol"], item["port"]) for item in rule.get("ports", [])}
            assert not {port for _, port in ports} & {53} or ports == {
                ("UDP", 53),
                ("TCP", 53),
            }


def test_nobody_reaches_builds_and_nothing_passes_by_default(helm: Helm) -> None:
    found = {item["metadata"]["name"]: item["spec"] for item in policies_of(helm, {})}

    assert found["relaunch-builds"]["podSelector"] == {}
    assert "ingress" not in found["relaunch-builds"]
    for name in ("relaunch-builds", "relaunch-default-deny"):
        assert found[name]["policyTypes"] == ["Ingress", "Egress"]
    assert not {"ingress", "egress"} & set(found["relaunch-default-deny"])


@settings(max_examples=300)
@given(number=integers(0, 2**32 - 1), port=sampled_from([80, 443, 5000, 6443]))
def test_the_reading_of_policies_agrees_with_plain_arithmetic(
    number: int, port: int
) -> None:
    """What decides above is held against its definition, over any address."""
    address = str(ip_address(number))
    rule = {
        "to": [{"ipBlock": {"cidr": "0.0.0.0/0", "except": ["10.0.0.0/8"]}}],
        "ports": [{"protocol": "TCP", "port": 443}],
    }

    assert _passes(rule, address, port) == (port == 443 and number >> 24 != 10)
