"""Finished Jobs of a real API server, as many as are asked for and without pods."""

import asyncio
import uuid
from collections.abc import Iterator, Mapping
from typing import Any, Final

from kubernetes_asyncio.client import ApiClient, BatchV1Api, Configuration
from kubernetes_asyncio.config import load_kube_config

from service.adapters.kubernetes.manifests.job import to_job
from service.adapters.kubernetes.manifests.names import BUILD
from service.domain.building.build import BuildId, BuildKey
from tests.support.kube import Kube, standin_options
from tests.support.values import a_build

__all__ = ["finish_jobs"]

AT_ONCE: Final = 8
_ENDED: Final = "2026-03-01T12:00:00Z"
_STATUS: Final = {
    "status": {
        "startTime": _ENDED,
        "completionTime": _ENDED,
        "succeeded": 1,
        "conditions": [
            {
                "type": "Complete",
                "status": "True",
                "lastProbeTime": _ENDED,
                "lastTransitionTime": _ENDED,
            }
        ],
    }
}


async def finish_jobs(kube: Kube, count: int) -> None:
    """Create Jobs as builds have them, that run nothing and count as complete."""
    configuration = Configuration()
    await load_kube_config(
        config_file=str(kube.kubeconfig), client_configuration=configuration
    )
    left = iter(range(count))
    async with ApiClient(configuration) as api, asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE):
            group.create_task(_work(BatchV1Api(api), kube, left))


async def _work(batch: BatchV1Api, kube: Kube, left: Iterator[int]) -> None:
    api: Any = batch  # its types know no plain JSON
    for _ in left:
        job = _manifest(kube)
        await api.create_namespaced_job(kube.namespace, job)
        await api.patch_namespaced_job_status(
            job["metadata"]["name"],
            kube.namespace,
            _STATUS,
            _content_type="application/merge-patch+json",
        )


def _manifest(kube: Kube) -> Mapping[str, Any]:
    mark = uuid.uuid4().hex
    build = a_build(id=BuildId(f"01{mark[:24]}".upper()), key=BuildKey(mark * 2))
    job = to_job(build, standin_options(kube))
    job["spec"]["parallelism"] = 0
    del job["spec"]["ttlSecondsAfterFinished"]
    # Without it nobody takes them for left behind, and they stay.
    del job["metadata"]["annotations"][BUILD]
    return job
