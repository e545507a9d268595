"""Create containers that the Pod Security level *restricted* admits."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from service.adapters.kubernetes.manifests.volumes import WORKSPACE
from service.adapters.kubernetes.options import Resources

__all__ = [
    "PHASES",
    "SOURCE",
    "TERMINATION",
    "TRUSTED_PHASES",
    "Mounts",
    "container",
    "escape_expansion",
]

PHASES: Final = ("clone", "analyze", "detect", "restore", "build", "export")
TRUSTED_PHASES: Final = ("clone", "creator")
"""The names of a build's containers, in order."""
SOURCE: Final = f"{WORKSPACE}/source"
TERMINATION: Final = "/dev/termination-log"
"""The termination message, which is readable as long as the pod exists."""

_EXPANDED: Final = re.compile(r"\$(?=[$(])")

Mounts = Sequence[Mapping[str, Any]]


def escape_expansion(text: str) -> str:
    """Escape `$(NAME)` in a text, which Kubernetes would expand.

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
    """Create a container that the Pod Security level *restricted* admits.

    https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted
    """
    return {
        "name": name,
        "image": image,
        # Most images are named by digest, where pulling again finds the same; `Always`
        # would make each phase wait for the registry.
        "imagePullPolicy": "IfNotPresent",
        "command": [escape_expansion(text) for text in command],
        "args": [escape_expansion(argument) for argument in arguments],
        "env": [
            {"name": key, "value": escape_expansion(value)}
            for key, value in environment.items()
        ],
        "resources": _create_resources(resources),
        "volumeMounts": [dict(mount) for mount in mounts],
        "terminationMessagePath": TERMINATION,
        # The last lines survive in the status when the log cannot be read any more, as
        # on a lost node.
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "privileged": False,
            "readOnlyRootFilesystem": is_read_only,
            "runAsNonRoot": True,
        },
    }


def _create_resources(resources: Resources) -> dict[str, Any]:
    return {
        "requests": {
            "cpu": resources.cpu_request,
            "memory": resources.memory_request,
            "ephemeral-storage": resources.disk_request,
        },
        "limits": {
            "cpu": resources.cpu_limit,
            "memory": resources.memory_limit,
            "ephemeral-storage": resources.disk_limit,
        },
    }
