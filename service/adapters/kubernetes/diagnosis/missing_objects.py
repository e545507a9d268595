"""Read which volume, object or key a pod cannot start without."""

import re
from typing import Final

from service.adapters.kubernetes.diagnosis.evidence import FailureEvidence
from service.domain.building.failure import Failure, FailureClass

__all__ = [
    "OPERATOR_HINT",
    "absent_object",
    "first_line",
    "missing_object",
    "mount_failure",
    "operator_failure",
]

OPERATOR_HINT: Final = "an operator has to fix this; the build is retried automatically"
_MOUNT_REASONS: Final = ("FailedMount", "FailedAttachVolume", "FailedMapVolume")
_KINDS: Final = {
    "secret": "Secret",
    "configmap": "ConfigMap",
    "config": "ConfigMap",
    "persistentvolumeclaim": "PersistentVolumeClaim",
    "serviceaccount": "ServiceAccount",
    "runtimeclass": "RuntimeClass",
    "namespace": "Namespace",
}


_ABSENT: Final = re.compile(
    r"(?i)\b(?P<kind>secret|configmap|persistentvolumeclaim|serviceaccount|runtimeclass"
    r"|namespace)s?"
    r" \"(?P<name>[^\"]+)\" (?:is )?not found"
)
_NO_CLASS: Final = re.compile(r"no PriorityClass with name (?P<name>\S+) was found")
_NO_KEY: Final = re.compile(
    r"couldn't find key (?P<key>\S+) in (?P<kind>\w+) \S+/(?P<name>[^\s/]+)"
)
_NO_ITEM: Final = re.compile(
    r"references non-existent (?P<kind>secret|config) key: (?P<key>\S+)"
)
_VOLUME: Final = re.compile(
    r"for volume \"(?P<volume>[^\"]+)\"[ :]+(?P<why>.*)", re.DOTALL
)
_SUMMED_UP: Final = re.compile(
    r"unmounted volumes=\[(?P<volume>[^\]\s]{1,253})[^\]]{0,2000}\].{0,2000}: "
    r"(?P<why>[^:]{1,500})$"
)


def mount_failure(evidence: FailureEvidence) -> Failure | None:
    """Explain why no volume can be mounted, by the events of the pod."""
    messages = evidence.messages(*_MOUNT_REASONS)
    if not messages:
        return None
    # Kubelet repeats an error as a summary ("unmounted volumes=[…]: timed out") that no
    # longer contains the cause, so all messages are searched, not only the newest.
    for message in messages:
        if missing := missing_object(evidence, message):
            return missing
    detailed = (message for message in messages if _VOLUME.search(message))
    message = next(detailed, messages[0])
    match = _VOLUME.search(message) or _SUMMED_UP.search(message)
    name = match["volume"] if match else ""
    volume = evidence.volumes.get(name) or (
        f"volume {name}" if name else "volume it mounts"
    )
    why = first_line(match["why"] if match else message)
    return operator_failure(
        FailureClass.MISSING_RESOURCE, f"the {volume} cannot be mounted: {why}"
    )


def missing_object(evidence: FailureEvidence, message: str) -> Failure | None:
    """Return which object or key a message reports as missing; None for no report."""
    if absence := absent_object(message):
        return absence
    if match := _NO_CLASS.search(message):
        why = f"the PriorityClass {match['name']} does not exist"
    elif match := _NO_KEY.search(message):
        why = f"the {match['kind']} {match['name']} has no key {match['key']}"
    elif match := _NO_ITEM.search(message):
        # This message names the volume, not the object: the pod knows which it is.
        volume = _VOLUME.search(message)
        source = evidence.volumes.get(volume["volume"]) if volume else None
        why = f"the {source or _KINDS[match['kind']]} has no key {match['key']}"
    else:
        return None
    return operator_failure(FailureClass.MISSING_RESOURCE, why)


def absent_object(message: str) -> Failure | None:
    """Return which object a message reports as absent; None for no report."""
    match = _ABSENT.search(message)
    if match is None:
        return None
    kind, name = _KINDS[match["kind"].lower()], match["name"]
    why = f"the {kind} {name} does not exist"
    return operator_failure(FailureClass.MISSING_RESOURCE, why)


def operator_failure(kind: FailureClass, message: str) -> Failure:
    """Return a failure that an operator has to fix."""
    return Failure(kind=kind, message=message, hint=OPERATOR_HINT)


def first_line(message: str) -> str:
    """Return the first line of a message, without the punctuation at its end."""
    lines = [line.strip() for line in message.strip().splitlines() if line.strip()]
    return lines[0].rstrip(".:") if lines else ""
