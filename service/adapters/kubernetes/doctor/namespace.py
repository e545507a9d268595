"""Check the namespace of builds and its Pod Security level."""

from collections.abc import Sequence
from typing import Final

from service.adapters.kubernetes.doctor.access import minor_of
from service.adapters.kubernetes.doctor.inspector import Inspector
from service.adapters.kubernetes.errors import ApiRefusedError
from service.domain.diagnosis import CheckResult
from service.errors import NotFoundError

__all__ = ["check_namespace"]

ENFORCE: Final = "pod-security.kubernetes.io/enforce"
"""https://kubernetes.io/docs/concepts/security/pod-security-admission/"""
ENFORCED_SINCE: Final = 23
"""The first Kubernetes 1.x that enforces these labels by default."""


async def check_namespace(inspector: Inspector) -> Sequence[CheckResult]:
    """Check that the namespace exists, and enforces restricted pods."""
    name = inspector.namespace
    subject = f"namespace {name}"
    create = f"kubectl create namespace {name}"
    try:
        item = await inspector.read(f"/api/v1/namespaces/{name}")
    except NotFoundError:
        return [CheckResult.failed(subject, "it does not exist", create)]
    except ApiRefusedError:
        return [
            CheckResult.warning(
                subject,
                "it and its labels cannot be read with these rights; the dry run of a "
                "Job, below, shows whether it exists",
                f"kubectl get namespace {name} --show-labels",
            )
        ]
    if (item.get("status") or {}).get("phase") == "Terminating":
        return [CheckResult.failed(subject, "it is being deleted", create)]
    minor = minor_of(await inspector.version())
    labels = item["metadata"].get("labels") or {}
    return [
        CheckResult.ok(subject, "it exists"),
        _check_pod_security(name, labels, minor),
    ]


def _check_pod_security(name: str, labels: dict[str, str], minor: int) -> CheckResult:
    subject = "Pod Security"
    level = labels.get(ENFORCE, "")
    advice = f"kubectl label namespace {name} {ENFORCE}=restricted --overwrite"
    if level != "restricted":
        seen = f"namespace {name} enforces {level or 'nothing'}; expected restricted"
        return CheckResult.warning(subject, seen, advice)
    if minor < ENFORCED_SINCE:
        return CheckResult.warning(
            subject,
            f"the label is set, but Kubernetes before 1.{ENFORCED_SINCE} enforces it "
            "only with the PodSecurity feature enabled",
        )
    return CheckResult.ok(subject, f"namespace {name} enforces restricted")
