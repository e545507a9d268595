"""A service whose builds are Jobs of a real cluster, and a forge that pods reach."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tests.support.broker import broker_url
from tests.support.cluster import Cluster, a_cluster
from tests.support.courses import Course
from tests.support.githttp import GitForge, git_forge
from tests.support.job_watch import JobWatch, job_watch
from tests.support.kube import LITTLE, Kube
from tests.support.repos import Repo
from tests.support.service import Service

__all__ = ["KubeCluster", "a_kube_cluster", "build_settings"]

MAIN: Final = "refs/heads/main"


@dataclass(frozen=True, slots=True, kw_only=True)
class KubeCluster:
    """A receiver, a consumer, a forge, and who watches the Jobs. Its calls block."""

    kube: Kube
    forge: GitForge
    jobs: JobWatch
    receiver: Service
    consumer: Service
    others: list[Service] = field(default_factory=list)
    """Further consumers."""

    def follow(self, name: str, *, project: str = "", frontend: str = "none") -> Course:
        """Follow a repository that nothing is built from yet."""
        repo = Repo(self.forge.root / f"{name}.git")
        repo.commit({"README.md": "nothing to install"})
        url = f"{self.forge.url}/{name}.git"
        body: dict[str, Any] = {
            "name": name,
            "environment": {
                "environment_image_source": "build",
                "repository": url,
                "frontend_variant": frontend,
            },
        }
        if project:
            body["project_id"] = project
        launcher = self.receiver.api("POST", "/session_launchers", body)
        hook = {"repository": url, "forge": "github"}
        return Course(
            name=name,
            repo=repo,
            launcher=launcher,
            hook=self.receiver.api("POST", "/hooks", hook),
        )

    def deliver(self, course: Course) -> dict[str, Any]:
        """Send a signed push of what is at the head."""
        return self.receiver.deliver(course.hook, MAIN, course.repo.tip())

    def launcher(self, course: Course) -> dict[str, Any]:
        found: dict[str, Any] = self.receiver.api(
            "GET", f"/session_launchers/{course.launcher['id']}"
        )
        return found

    def builds(self, course: Course) -> list[dict[str, Any]]:
        """Return the builds of a course, newest first."""
        environment = course.launcher["environment"]["id"]
        found: list[dict[str, Any]] = self.receiver.api(
            "GET", f"/environments/{environment}/builds"
        )
        return found


def build_settings(kube: Kube, **more: str) -> Mapping[str, str]:
    """Return the variables with which the stand-in builds small repositories."""
    image = f"{kube.registry}/{kube.standin}"
    own = {
        "namespace": kube.namespace,
        "kubeconfig": str(kube.kubeconfig),
        "builder_image": image,
        "run_image": image,
        "target": f"{kube.registry}/{kube.namespace}",
        "git_protocols": '["http"]',
        "registry_secret": "",
        "insecure_registries": json.dumps([kube.registry]),
        "cpu": LITTLE.cpu_request,
        "cpu_limit": LITTLE.cpu_limit,
        "memory": LITTLE.memory_request,
        "memory_limit": LITTLE.memory_limit,
        "disk": LITTLE.disk_request,
        "disk_limit": LITTLE.disk_limit,
        "source_size": "64Mi",
        "layers_size": "256Mi",
        "tmp_size": "256Mi",
        "deadline": "3m",
    }
    return {
        "RELAUNCH_BUILDER": "kubernetes",
        "RELAUNCH_REMOTE_ALLOW_PRIVATE": json.dumps([kube.host]),
        **{f"RELAUNCH_KUBERNETES_{name.upper()}": text for name, text in own.items()},
        **more,
    }


@asynccontextmanager
async def a_kube_cluster(
    folder: Path, kube: Kube, **more: str
) -> AsyncIterator[KubeCluster]:
    """Start everything; kill it in the end."""
    async with (
        git_forge(folder / "forge", host=kube.host) as forge,
        a_cluster(folder, bus=broker_url()) as cluster,
        job_watch(kube, repositories=forge.url) as jobs,
    ):
        cluster.variables |= build_settings(kube, **more)
        receiver, consumer = cluster.receiver("one"), cluster.consumer("one")
        await asyncio.to_thread(_start, cluster)
        yield KubeCluster(
            kube=kube, forge=forge, jobs=jobs, receiver=receiver, consumer=consumer
        )


def _start(cluster: Cluster) -> None:
    for process in cluster.processes:
        process.launch()
    for process in cluster.processes:
        process.until(process.answers, "an answer", 60)
