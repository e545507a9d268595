"""Check that a node accepts builds and has room for one."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final

from service.adapters.kubernetes.client import Json
from service.adapters.kubernetes.doctor.inspector import Inspector
from service.adapters.kubernetes.doctor.quantities import (
    Amounts,
    parse_quantity,
    sum_resources,
)
from service.adapters.kubernetes.doctor.sample import Sample
from service.adapters.kubernetes.errors import ApiRefusedError
from service.domain.diagnosis import CheckResult

__all__ = ["check_nodes"]

_COUNTED: Final = ("cpu", "memory", "ephemeral-storage")
_GI: Final = Decimal(2**30)


async def check_nodes(inspector: Inspector, sample: Sample) -> Sequence[CheckResult]:
    """Check for nodes with the labels, tolerated taints and resources for a build."""
    platform = sample.build.spec.platform
    subject = f"nodes for {platform}"
    try:
        listed = await inspector.read("/api/v1/nodes")
    except ApiRefusedError:
        return [
            CheckResult.warning(
                subject,
                "cannot be read with these rights",
                "kubectl describe nodes: one has to have, in `Allocatable`, "
                f"{_describe_needed(sum_resources(sample.pods()[0]))}",
            )
        ]
    return [_check_nodes(subject, listed["items"], sample.pods()[0])]


def _check_nodes(subject: str, nodes: Sequence[Json], pod: Json) -> CheckResult:
    needed = sum_resources(pod)
    selected = [node for node in nodes if _is_selected(node, pod["nodeSelector"])]
    if not selected:
        labels = ", ".join(
            f"{name}={item}" for name, item in pod["nodeSelector"].items()
        )
        return CheckResult.failed(
            subject,
            f"none of {len(nodes)} nodes has the labels {labels}",
            "label nodes, or change RELAUNCH_KUBERNETES_NODE_SELECTOR",
        )
    ready = [node for node in selected if _is_ready(node)]
    if not ready:
        seen = f"{len(selected)} have the labels, and none of them is ready"
        return CheckResult.failed(subject, seen, "kubectl get nodes")
    accepting = [
        node for node in ready if not _list_taints(node, pod.get("tolerations") or ())
    ]
    if not accepting:
        taints = sorted({text for node in ready for text in _list_taints(node, ())})
        return CheckResult.failed(
            subject,
            f"taints keep builds away: {', '.join(taints)}",
            "set RELAUNCH_KUBERNETES_TOLERATIONS",
        )
    return _check_room(subject, accepting, needed)


def _check_room(subject: str, nodes: Sequence[Json], needed: Amounts) -> CheckResult:
    large = [node for node in nodes if _has_room(node, needed)]
    if not large:
        most = max(
            nodes,
            key=lambda node: parse_quantity(node["status"]["allocatable"]["memory"]),
        )
        return CheckResult.failed(
            subject,
            f"{len(nodes)} accept builds, and none is large enough for "
            f"{_describe_needed(needed)}; the largest has "
            f"{_describe_allocatable(most)}",
            "lower RELAUNCH_KUBERNETES_CPU, _MEMORY and _DISK (docs/kubernetes.md, "
            "Small nodes), or bring larger nodes",
        )
    seen = (
        f"{len(large)} of {len(nodes)} that accept builds have, when empty, room for "
    )
    return CheckResult.ok(subject, f"{seen}{_describe_needed(needed)}")


def _is_selected(node: Json, selector: Mapping[str, str]) -> bool:
    labels = node["metadata"].get("labels") or {}
    return all(labels.get(name) == value for name, value in selector.items())


def _is_ready(node: Json) -> bool:
    conditions = (node.get("status") or {}).get("conditions") or ()
    is_up = any(
        condition["type"] == "Ready" and condition["status"] == "True"
        for condition in conditions
    )
    return is_up and not node["spec"].get("unschedulable")


def _list_taints(node: Json, tolerations: Sequence[Mapping[str, str]]) -> list[str]:
    """Return the taints that pods do not tolerate.

    https://kubernetes.io/docs/concepts/scheduling-eviction/taint-and-toleration/
    """
    taints = node["spec"].get("taints") or ()
    return [
        f"{taint['key']}={taint.get('value', '')}:{taint['effect']}"
        for taint in taints
        # A preference keeps no pod away when there is no better node.
        if taint["effect"] != "PreferNoSchedule"
        and not any(_tolerates(each, taint) for each in tolerations)
    ]


def _tolerates(toleration: Mapping[str, str], taint: Mapping[str, str]) -> bool:
    if toleration.get("effect") not in {None, "", taint["effect"]}:
        return False
    # An empty key with `Exists` tolerates every taint.
    if toleration.get("key") not in {None, "", taint["key"]}:
        return False
    is_any = toleration.get("operator") == "Exists"
    return is_any or toleration.get("value", "") == taint.get("value", "")


def _has_room(node: Json, needed: Amounts) -> bool:
    room = node["status"]["allocatable"]
    return all(
        needed.get(f"requests.{name}", Decimal()) <= parse_quantity(room.get(name, 0))
        for name in _COUNTED
    )


def _describe_needed(needed: Amounts) -> str:
    return _describe_amounts(
        {name: needed.get(f"requests.{name}", 0) for name in _COUNTED}
    )


def _describe_allocatable(node: Json) -> str:
    room = node["status"]["allocatable"]
    return _describe_amounts(
        {name: parse_quantity(room.get(name, 0)) for name in _COUNTED}
    )


def _describe_amounts(amounts: Mapping[str, Decimal | int]) -> str:
    cpu, memory, disk = (Decimal(amounts[name]) for name in _COUNTED)
    sizes = f"{memory / _GI:.2g} GiB of memory and {disk / _GI:.2g} GiB of disk"
    return f"{cpu.normalize():f} CPUs, {sizes}"
