"""The cache phase: an environment's folder on the volume of caches.

What kubelet makes for a `subPath` belongs to root, with the mode of the volume's root,
and `fsGroup` changes nothing on hostPath and NFS volumes: a lifecycle that runs as
another user could then write only where everybody may. So the user of the phases makes
the folder itself. All that it needs is that the root of the volume lets it.

https://kubernetes.io/docs/concepts/storage/volumes/#using-subpath
https://kubernetes.io/docs/tasks/configure-pod-container/security-context/
"""

import re
from typing import Any, Final

from service.adapters.kubernetes.case import Case
from service.adapters.kubernetes.containers import TERMINATION, container
from service.adapters.kubernetes.names import cache_name
from service.adapters.kubernetes.options import KubernetesOptions
from service.adapters.kubernetes.pods import PhaseRun
from service.adapters.kubernetes.volumes import CACHE, mount, mount_tmp
from service.domain.build import Build
from service.domain.failure import Failure, FailureClass

__all__ = ["PREPARE", "cache_failure", "prepare_cache"]

PREPARE: Final = "cache"
"""The name of the container."""
_MARK: Final = "relaunch: cache: "
_SCRIPT: Final = f"""\
set -eu
refuse() {{
  said="{_MARK}$1; the volume's root is $(ls -ldn {CACHE} | cut -c1-40)"
  echo "$said" >&2
  printf '%s' "$said" > {TERMINATION}
  exit 1
}}
said=$(mkdir -p "{CACHE}/$1" 2>&1) || refuse "$said"
[ -w "{CACHE}/$1" ] || refuse "{CACHE}/$1 cannot be written"
"""


def prepare_cache(build: Build, options: KubernetesOptions) -> dict[str, Any]:
    """Write the container that makes the folder; no code of a repository runs in it."""
    return container(
        PREPARE,
        image=options.git_image_for(build.recipe.platform),
        command=["sh", "-c", _SCRIPT, PREPARE],
        arguments=[cache_name(build)],
        environment={"LC_ALL": "C"},
        resources=options.resources,
        mounts=[mount(CACHE), mount_tmp(PREPARE)],
    )


def cache_failure(case: Case, run: PhaseRun, said: str) -> Failure:
    """Say what the volume needs, and as whom phases come to it."""
    found = re.search(rf"{_MARK}(.+)", f"{run.message}\n{said}")
    why = found[1] if found else f"it ended with {run.exit_code}: {said[-200:]}"
    return case.failure(
        FailureClass.INTERNAL,
        f"the volume of caches cannot be used: {why}",
        "an operator lets the user and group of the builder image write to its root "
        "(docs/kubernetes.md, Caches); the build is tried again",
    )
