"""The cache phase: create an environment's directory on the cache volume.

A directory that kubelet creates for a `subPath` belongs to root, with the mode of the
volume's root, and `fsGroup` has no effect on hostPath and NFS volumes: a lifecycle that
runs as another user could only write to a world-writable one. So this container creates
the directory as the user of the phases, who has to be able to write to the volume's
root.

https://kubernetes.io/docs/concepts/storage/volumes/#using-subpath
https://kubernetes.io/docs/tasks/configure-pod-container/security-context/
"""

import re
from typing import Any, Final

from service.adapters.kubernetes.diagnosis.evidence import FailureEvidence
from service.adapters.kubernetes.manifests.containers import TERMINATION, container
from service.adapters.kubernetes.manifests.names import cache_name
from service.adapters.kubernetes.manifests.volumes import CACHE, mount, mount_tmp
from service.adapters.kubernetes.options import KubernetesOptions
from service.adapters.kubernetes.status.phases import PhaseRun
from service.domain.building.build import Build
from service.domain.building.failure import Failure, FailureClass

__all__ = ["PREPARE", "cache_failure", "prepare_cache"]

PREPARE: Final = "cache"
"""The name of the container."""
_MARK: Final = "relaunch: cache: "
_SCRIPT: Final = f"""\
set -eu
refuse() {{
  message="{_MARK}$1; the volume's root is $(ls -ldn {CACHE} | cut -c1-40)"
  echo "$message" >&2
  printf '%s' "$message" > {TERMINATION}
  exit 1
}}
error=$(mkdir -p "{CACHE}/$1" 2>&1) || refuse "$error"
[ -w "{CACHE}/$1" ] || refuse "{CACHE}/$1 cannot be written"
"""


def prepare_cache(build: Build, options: KubernetesOptions) -> dict[str, Any]:
    """Create the container; it runs no code of the repository."""
    return container(
        PREPARE,
        image=options.git_image_for(build.spec.platform),
        command=["sh", "-c", _SCRIPT, PREPARE],
        arguments=[cache_name(build)],
        environment={"LC_ALL": "C"},
        resources=options.resources,
        mounts=[mount(CACHE), mount_tmp(PREPARE)],
    )


def cache_failure(evidence: FailureEvidence, run: PhaseRun, output: str) -> Failure:
    """Return why the cache volume cannot be used, with the mode of its root."""
    match = re.search(rf"{_MARK}(.+)", f"{run.message}\n{output}")
    why = match[1] if match else f"it ended with {run.exit_code}: {output[-200:]}"
    return evidence.failure(
        FailureClass.INTERNAL,
        f"the volume of caches cannot be used: {why}",
        "an operator has to let the user and group of the builder image write to its "
        "root (docs/kubernetes.md, Caches); the build is retried",
    )
