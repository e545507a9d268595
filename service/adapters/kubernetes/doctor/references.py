"""Check the objects that pods refer to: Secrets, ConfigMaps, claims, accounts, queues.

Of a Secret, only its type, its keys and the hosts of its registries are ever shown.
"""

import base64
import json
from collections.abc import Sequence
from typing import Final

from service.adapters.kubernetes.client import Json
from service.adapters.kubernetes.doctor.access import minor_of
from service.adapters.kubernetes.doctor.inspector import Inspector
from service.adapters.kubernetes.doctor.sample import Reference
from service.adapters.kubernetes.errors import ApiRefusedError
from service.domain.diagnosis import CheckResult
from service.errors import NotFoundError

__all__ = ["check_queue", "check_reference", "docker_config"]

_PATHS: Final = {
    "Secret": ("secrets", "/api/v1"),
    "ConfigMap": ("configmaps", "/api/v1"),
    "PersistentVolumeClaim": ("persistentvolumeclaims", "/api/v1"),
    "ServiceAccount": ("serviceaccounts", "/api/v1"),
}
_OF_CLUSTER: Final = {
    "PriorityClass": "/apis/scheduling.k8s.io/v1/priorityclasses",
    "RuntimeClass": "/apis/node.k8s.io/v1/runtimeclasses",
}
SUSPENDS: Final = 22
"""The first Kubernetes 1.x with suspended Jobs by default, which Kueue needs.
https://kubernetes.io/docs/concepts/workloads/controllers/job/#suspending-a-job"""
_KUEUE: Final = "/apis/kueue.x-k8s.io/v1beta1"
DOCKER: Final = ".dockerconfigjson"


async def check_reference(
    inspector: Inspector, reference: Reference, *, hosts: Sequence[str]
) -> Sequence[CheckResult]:
    """Check that an object exists, as far as rights allow.

    Args:
        inspector: The API client.
        reference: The object.
        hosts: The registries that a pull or push Secret needs credentials for.
    """
    subject = f"{reference.kind} {reference.name}"
    try:
        item = await _read_object(inspector, reference)
    except NotFoundError:
        return [
            CheckResult.failed(
                subject, "it does not exist", _create_command(inspector, reference)
            )
        ]
    except ApiRefusedError:
        word = reference.kind.lower()
        seen = "cannot be read with these rights"
        if reference.kind == "Secret":
            # The chart's Role gives the consumer no right to read Secrets: whoever
            # takes over the consumer must not get the credentials of builds.
            seen += ", as it should be; a build without it reports that"
        advice = f"kubectl -n {inspector.namespace} get {word} {reference.name}"
        return [CheckResult.warning(subject, seen, advice)]
    # A Secret without the key that a volume names lets the pod wait for ever in
    # ContainerCreating, with no failure.
    missing = sorted(reference.keys - set(item.get("data") or {}))
    if missing:
        seen = f"it has no {', '.join(missing)}"
        return [
            CheckResult.failed(subject, seen, _create_command(inspector, reference))
        ]
    if reference.kind == "PersistentVolumeClaim":
        return [_check_claim(subject, item)]
    if DOCKER in reference.keys:
        return [_check_hosts(subject, item, hosts)]
    return [CheckResult.ok(subject, "it exists")]


async def check_queue(inspector: Inspector, queue: str) -> Sequence[CheckResult]:
    """Check that Kueue is installed, and that the queue exists."""
    subject = f"LocalQueue {queue}"
    if minor_of(await inspector.version()) < SUSPENDS:
        seen = f"Kubernetes before 1.{SUSPENDS} has no suspended Jobs: none would wait"
        advice = "unset RELAUNCH_KUBERNETES_QUEUE, or use a newer Kubernetes"
        return [CheckResult.failed(subject, seen, advice)]
    try:
        await inspector.object("localqueues", queue, api=_KUEUE)
    except NotFoundError:
        seen = "it does not exist, or Kueue is not installed: no build would ever start"
        return [CheckResult.failed(subject, seen, "create it, or unset the setting")]
    except ApiRefusedError:
        advice = f"kubectl -n {inspector.namespace} get localqueue {queue}"
        seen = "cannot be read with these rights"
        return [CheckResult.warning(subject, seen, advice)]
    return [CheckResult.ok(subject, "it exists")]


async def docker_config(inspector: Inspector, name: str) -> bytes | None:
    """Return the credentials in a Secret; None when it cannot be read."""
    if not name:
        return None
    try:
        secret = await inspector.object("secrets", name)
    except (NotFoundError, ApiRefusedError):
        return None
    data = (secret.get("data") or {}).get(DOCKER)
    return base64.b64decode(data) if data else None


async def _read_object(inspector: Inspector, reference: Reference) -> Json:
    if path := _OF_CLUSTER.get(reference.kind):
        return await inspector.read(f"{path}/{reference.name}")
    resource, api = _PATHS[reference.kind]
    return await inspector.object(resource, reference.name, api=api)


def _check_claim(subject: str, item: Json) -> CheckResult:
    phase = (item.get("status") or {}).get("phase") or "?"
    modes = item["spec"].get("accessModes") or ()
    if phase == "Lost":
        return CheckResult.failed(subject, "its volume is lost", "create it again")
    if phase != "Bound":
        return CheckResult.warning(
            subject,
            f"it is {phase}, without a volume yet",
            "nothing to do if its class waits for the first pod "
            "(WaitForFirstConsumer); otherwise kubectl describe pvc",
        )
    if "ReadWriteMany" in modes:
        return CheckResult.ok(subject, f"it has a volume, {', '.join(modes)}")
    return CheckResult.warning(
        subject,
        f"its volume is {', '.join(modes)}: on one node at a time",
        "select that node with RELAUNCH_KUBERNETES_NODE_SELECTOR, or use a volume that "
        "is ReadWriteMany",
    )


def _check_hosts(subject: str, item: Json, hosts: Sequence[str]) -> CheckResult:
    try:
        read = json.loads(base64.b64decode(item["data"][DOCKER]))
        known = sorted(read.get("auths") or {})
    except (ValueError, AttributeError):
        return CheckResult.failed(
            subject, f"its {DOCKER} is no valid Docker configuration"
        )
    unknown = [text for text in hosts if not any(text in host for host in known)]
    seen = f"it exists, for {', '.join(known) or 'no registry'}"
    if unknown:
        return CheckResult.warning(
            subject,
            f"{seen}; not for {', '.join(unknown)}",
            "nothing to do if that registry needs no credentials",
        )
    return CheckResult.ok(subject, seen)


def _create_command(inspector: Inspector, reference: Reference) -> str:
    """Return the command that creates an object; the operator fills in `<…>`."""
    kubectl = f"kubectl -n {inspector.namespace} create"
    if reference.kind == "Secret" and DOCKER in reference.keys:
        return (
            f"{kubectl} secret docker-registry {reference.name} --docker-server=<host> "
            "--docker-username=<name> --docker-password=<password>"
        )
    if reference.kind == "Secret" and "password" in reference.keys:
        return (
            f"{kubectl} secret generic {reference.name} "
            "--type=kubernetes.io/basic-auth --from-literal=username=<name> "
            "--from-literal=password=<token>"
        )
    if reference.kind in {"Secret", "ConfigMap"}:
        keys = " ".join(f"--from-file={key}=<file>" for key in sorted(reference.keys))
        word = "secret generic" if reference.kind == "Secret" else "configmap"
        return f"{kubectl} {word} {reference.name} {keys}".strip()
    return f"create it, or change the setting that names {reference.name}"
