"""One container: what pod security *restricted* admits, and no more."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from service.adapters.kubernetes.options import Resources
from service.adapters.kubernetes.volumes import WORKSPACE

__all__ = [
    "PHASES",
    "SOURCE",
    "TERMINATION",
    "TRUSTED_PHASES",
    "Mounts",
    "container",
    "literal",
]

PHASES: Final = ("clone", "analyze", "detect", "restore", "build", "export")
TRUSTED_PHASES: Final = ("clone", "creator")
"""What the containers of a build are called, in order."""
SOURCE: Final = f"{WORKSPACE}/source"
TERMINATION: Final = "/dev/termination-log"
"""What is written there stays readable as long as the pod is."""

_EXPANDED: Final = re.compile(r"\$(?=[$(])")

Mounts = Sequence[Mapping[str, Any]]


def literal(text: str) -> str:
    """Write a text so that Kubernetes, which expands `$(NAME)`, leaves it as it is.

    https://kubernetes.io/docs/tasks/inject-data-application/define-interdependent-environment-variables/
    """
    return _EXPANDED.sub("$$", text)


def container(
    name: str,
    *,
    image: str,
    command: Sequence[str],
    arguments: Sequence[str],
    environment: Mapping[str, str],
    resources: Resources,
    mounts: Mounts,
    is_read_only: bool = True,
) -> dict[str, Any]:
    """Return a container that pod security *restricted* admits.

    https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted
    """
    return {
        "name": name,
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "command": [literal(it) for it in command],
        "args": [literal(it) for it in arguments],
        "env": [
            {"name": key, "value": literal(value)} for key, value in environment.items()
        ],
        "resources": _resources(resources),
        "volumeMounts": [dict(it) for it in mounts],
        "terminationMessagePath": TERMINATION,
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "privileged": False,
            "readOnlyRootFilesystem": is_read_only,
            "runAsNonRoot": True,
        },
    }


def _resources(it: Resources) -> dict[str, Any]:
    return {
        "requests": {
            "cpu": it.cpu_request,
            "memory": it.memory_request,
            "ephemeral-storage": it.disk_request,
        },
        "limits": {
            "cpu": it.cpu_limit,
            "memory": it.memory_limit,
            "ephemeral-storage": it.disk_limit,
        },
    }
