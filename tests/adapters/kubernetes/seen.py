"""What a cluster shows of a Job that failed; kept to be explained without one."""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from service.adapters.kubernetes.diagnosis.diagnose import diagnose
from service.adapters.kubernetes.manifests.job import to_job
from service.adapters.kubernetes.options import KubernetesOptions
from service.adapters.kubernetes.status.phases import failed_phase
from service.domain.building.build import Build
from service.domain.building.failure import Failure
from tests.support.kube import Kube

__all__ = ["STATES", "Seen", "job_of", "seen", "witnessed"]

STATES = Path(__file__).parent / "states"
_RECORDS = os.environ.get("RELAUNCH_TEST_RECORD")  # noqa: TID251 - whether to keep what is seen


_LEFT_OUT = frozenset(
    {
        "annotations",
        "args",
        "command",
        "containerID",
        "env",
        "imageID",
        "involvedObject",
        "managedFields",
        "ownerReferences",
        "podIPs",
        "resourceVersion",
        "securityContext",
        "selfLink",
        "source",
        "template",
        "tolerations",
        "uid",
        "volumeMounts",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A Job and its pod, what was said last, and what happened to them."""

    job: Mapping[str, Any]
    pod: Mapping[str, Any] | None
    log: str = ""
    events: Sequence[Mapping[str, Any]] = ()

    @classmethod
    def recorded(cls, name: str) -> "Seen":
        return cls(**json.loads((STATES / f"{name}.json").read_text()))

    def keep(self, name: str) -> None:
        """Write it to be explained again, when the run is one that records."""
        if _RECORDS:
            text = json.dumps(_plain(asdict(self)), indent=1, sort_keys=True)
            (STATES / f"{name}.json").write_text(f"{text}\n")

    def explained(self, files: Mapping[str, str] | None = None) -> Failure:
        return diagnose(
            self.job, self.pod, self.log, events=self.events, files=files or {}
        )


async def job_of(kube: Kube, build: Build, options: KubernetesOptions) -> str:
    """Create the Job of a build; return its name."""
    manifest = to_job(build, options)
    await kube.create(manifest)
    return str(manifest["metadata"]["name"])


async def seen(kube: Kube, job: str, *, pod: Mapping[str, Any] | None = None) -> Seen:
    """Look at a Job, its pod and the phase that failed.

    Args:
        kube: Where they are.
        job: The Job's name.
        pod: The last that was seen of its pod, when it is gone by now.
    """
    pod = pod or await kube.pod_of(job)
    failed = failed_phase(pod) if pod else None
    name = pod["metadata"]["name"] if pod else ""
    log = await kube.log_of(name, failed.name) if failed else ""
    return Seen(
        job=await kube.get("job", job),
        pod=pod,
        log=log,
        events=[*await kube.events_of(job), *await kube.events_of(name)],
    )


async def witnessed(kube: Kube, build: Build, options: KubernetesOptions) -> Seen:
    """Run a build to its end, and look at it."""
    job = await job_of(kube, build, options)
    await kube.settled(job)
    return await seen(kube, job)


def _plain(found: Any) -> Any:
    """Leave out what says nothing of what happened."""
    if isinstance(found, dict):
        return {
            key: _plain(item) for key, item in found.items() if key not in _LEFT_OUT
        }
    return (
        [_plain(item) for item in found] if isinstance(found, list | tuple) else found
    )
