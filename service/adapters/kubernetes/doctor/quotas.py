"""Check how many builds the quotas and limits of the namespace allow."""

from collections.abc import Iterator, Mapping, Sequence
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

__all__ = ["check_limits", "check_quotas"]

_NAMES: Final[Mapping[str, str]] = {
    "cpu": "requests.cpu",
    "memory": "requests.memory",
    "ephemeral-storage": "requests.ephemeral-storage",
    "count/pods": "pods",
    "count/jobs.batch": "pods",
}
"""Other names for resources of a quota; each of our Jobs has one pod.
https://kubernetes.io/docs/concepts/policy/resource-quotas/"""
_OTHERS: Final = frozenset({"Terminating", "BestEffort"})
"""Scopes that do not include build pods: these have requests, and their deadline is on
the Job, not on the pod."""
_SETTINGS: Final = (
    "raise it, or lower RELAUNCH_KUBERNETES_CPU, _MEMORY and _DISK with their _LIMIT"
)


async def check_quotas(
    inspector: Inspector, sample: Sample, *, at_once: int
) -> Sequence[CheckResult]:
    """Compare each ResourceQuota with the requests of our pods."""
    try:
        listed = await inspector.object("resourcequotas")
    except ApiRefusedError:
        return [_unreadable(inspector, "ResourceQuotas", "quota")]
    build = sum_resources(sample.pods()[0])
    results = [
        _check_quota(quota, build, at_once)
        for quota in listed["items"]
        # A quota with a scope counts matching pods only. Build pods match neither of
        # these two.
        if not _OTHERS & set(quota["spec"].get("scopes") or ())
    ]
    return results or [CheckResult.ok("ResourceQuotas", "there are none")]


async def check_limits(inspector: Inspector, sample: Sample) -> Sequence[CheckResult]:
    """Compare each LimitRange with the resources of our containers and pods."""
    try:
        listed = await inspector.object("limitranges")
    except ApiRefusedError:
        return [_unreadable(inspector, "LimitRanges", "limitrange")]
    results = []
    for limits in listed["items"]:
        subject = f"LimitRange {limits['metadata']['name']}"
        violations = [
            text for pod in sample.pods() for text in _list_violations(limits, pod)
        ]
        if violations:
            seen = f"it rejects our pods: {', '.join(dict.fromkeys(violations))}"
            results.append(CheckResult.failed(subject, seen, _SETTINGS))
        else:
            results.append(CheckResult.ok(subject, "our pods are within it"))
    return results or [CheckResult.ok("LimitRanges", "there are none")]


def _unreadable(inspector: Inspector, subject: str, kind: str) -> CheckResult:
    return CheckResult.warning(
        subject,
        "cannot be read with these rights",
        f"kubectl -n {inspector.namespace} describe {kind}",
    )


def _check_quota(quota: Json, build: Amounts, at_once: int) -> CheckResult:
    subject = f"ResourceQuota {quota['metadata']['name']}"
    status = quota.get("status") or {}
    # `status.hard` is what is enforced; the spec stands in until the controller has
    # seen a quota that was just made.
    hard = {**(quota["spec"].get("hard") or {}), **(status.get("hard") or {})}
    used = status.get("used") or {}
    limits = {
        _NAMES.get(name, name): (name, parse_quantity(item))
        for name, item in hard.items()
    }
    counted = {name: pair for name, pair in limits.items() if build.get(name)}
    if not counted:
        return CheckResult.ok(subject, "it limits no resource that builds use")
    fits, tightest = min(
        (
            limit // build[name],
            f"{key} {_format(limit)}, of which a build requests {_format(build[name])}",
        )
        for name, (key, limit) in counted.items()
    )
    now = min(
        (limit - parse_quantity(used.get(key, 0))) // build[name]
        for name, (key, limit) in counted.items()
    )
    if fits < 1:
        return CheckResult.failed(subject, f"no build fits: {tightest}", _SETTINGS)
    if now < 1:
        seen = f"full now, with room for {fits} builds in all: {tightest}"
        return CheckResult.warning(subject, seen, "builds wait until others end")
    if fits < at_once:
        limit = f"RELAUNCH_BUILD_MAX_CONCURRENT={at_once}"
        seen = f"room for {fits} of the {limit}: {tightest}"
        return CheckResult.warning(
            subject, seen, "builds beyond it wait; raise the quota"
        )
    return CheckResult.ok(subject, f"room for {fits} builds at once")


def _list_violations(limits: Json, pod: Json) -> Iterator[str]:
    """Return the limits that a pod violates.

    https://kubernetes.io/docs/concepts/policy/limit-range/
    """
    containers = (*(pod.get("initContainers") or ()), *pod["containers"])
    for limit in limits["spec"]["limits"]:
        if limit["type"] == "Container":
            for container in containers:
                yield from _compare(limit, sum_resources({"containers": [container]}))
        elif limit["type"] == "Pod":
            yield from _compare(limit, sum_resources(pod))


def _compare(limit: Json, needed: Amounts) -> Iterator[str]:
    for name, most in (limit.get("max") or {}).items():
        requested = needed.get(f"limits.{name}", Decimal())
        if requested > parse_quantity(most):
            yield f"{name} {_format(requested)}, at most {most} {_scope(limit)}"
    for name, least in (limit.get("min") or {}).items():
        requested = needed.get(f"requests.{name}", Decimal())
        if requested < parse_quantity(least):
            yield f"{name} {_format(requested)}, at least {least} {_scope(limit)}"
    for name, ratio in (limit.get("maxLimitRequestRatio") or {}).items():
        requested = needed.get(f"requests.{name}", Decimal())
        if requested and needed.get(
            f"limits.{name}", Decimal()
        ) / requested > parse_quantity(ratio):
            yield f"{name} has a limit of more than {ratio} times the request"


def _scope(limit: Json) -> str:
    return f"for a {limit['type'].lower()}"


def _format(value: Decimal) -> str:
    """Format an amount with a suffix, such as 4Gi or 500m."""
    for unit, size in (("Gi", 2**30), ("Mi", 2**20), ("Ki", 2**10)):
        if value >= size and value % size == 0:
            return f"{value // size}{unit}"
    if value % 1:
        return f"{(value * 1000).normalize():f}m"
    return f"{int(value)}"
