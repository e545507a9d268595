"""relaunch in pods, installed by its chart; database and broker are the machine's."""

import asyncio
import json
import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
from yarl import URL

from consumers.subscriptions import ROLES
from scripts.docs import ROOT
from service.adapters.rabbitmq.settings import Broker
from tests.chart.rendering import Helm, find_helm, merged
from tests.support.broker import broker_url, swept
from tests.support.courses import Course
from tests.support.databases import TEST_KEY, postgresql_schema
from tests.support.githttp import GitForge, git_forge
from tests.support.kube import Kube
from tests.support.kube_cluster import build_settings
from tests.support.own_image import REPOSITORY, own_image
from tests.support.patience import Patience
from tests.support.proxy import proxy_to
from tests.support.repos import Repo
from tests.support.service import Service

__all__ = ["Installed", "Surroundings", "installed", "surroundings"]

RELEASE: Final = "relaunch"
"""The name that operators take: its Services would give pods `RELAUNCH_…` variables."""
WAIT: Final = "180s"
REACHED_WITHIN: Final = 20.0
MAIN: Final = "refs/heads/main"


async def refusal(address: str) -> str:
    """Say why an address takes no connection on port 80; empty where it does."""
    try:
        async with asyncio.timeout(REACHED_WITHIN):
            _, writer = await asyncio.open_connection(address, 80)
    except (OSError, TimeoutError) as exc:
        return str(exc) or type(exc).__name__
    writer.close()
    return ""


class Front(Service):
    """What the Services answer: deliveries go to receivers, all else to the API."""

    receivers = ""

    def _send(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes | None
    ) -> Any:
        front = Service(self.data)
        front.url = self.receivers if path.startswith("/webhooks/") else self.url
        return front._send(method, path, headers, body)


@dataclass(kw_only=True)
class Installed:
    """A release in the namespace of a test, and a forge that its pods reach."""

    kube: Kube
    helm: Helm
    forge: GitForge
    front: Front
    values: dict[str, Any]

    async def helm_run(self, command: str, *arguments: str, given: str = "") -> str:
        """Run a command of Helm in the namespace."""
        flags = ["--namespace", self.kube.namespace]
        flags += ["--kubeconfig", str(self.kube.kubeconfig)]
        return await asyncio.to_thread(
            self.helm.run, command, *arguments, *flags, given=given
        )

    async def apply(self, command: str, **changes: Any) -> None:
        """Install or upgrade, with changed values, and wait until pods are ready."""
        self.values = merged(self.values, changes)
        chart = str(ROOT / "charts" / "relaunch")
        flags = ["--values", "-", "--wait", "--timeout", WAIT]
        given = json.dumps(self.values)
        await self.helm_run(command, RELEASE, chart, *flags, given=given)

    async def find_services(self) -> None:
        """Learn the addresses of the Services; skip where this machine is no node."""
        self.front.url = await self._address("api")
        self.front.receivers = await self._address("receivers")

    async def _address(self, part: str) -> str:
        service = await self.kube.get("service", f"{RELEASE}-{part}")
        address = service["spec"]["clusterIP"]
        patience = Patience(REACHED_WITHIN)
        # A Service refuses until the node's proxy has heard of a ready pod.
        while why := await refusal(address):
            if patience.is_over():
                pytest.skip(f"Services are not reached from here: {address}:80: {why}")
            await asyncio.sleep(0.2)
        return f"http://{address}:80"

    async def pods(self, part: str) -> list[str]:
        """Return the names of the pods of a role."""
        label = f"app.kubernetes.io/component={part}"
        answer = await self.kube.kubectl("get", "pods", "-l", label, "-o", "name")
        return [name.partition("/")[2] for name in answer.split()]

    async def kill(self, part: str) -> str:
        """End a pod of a role without asking it; return its name."""
        pod, *_ = await self.pods(part)
        await self.kube.kubectl(
            "delete", "pod", pod, "--grace-period=0", "--force", "--wait=false"
        )
        return pod

    def follow(self, name: str) -> Course:
        """Follow a repository that nothing is built from yet; blocks."""
        repo = Repo(self.forge.root / f"{name}.git")
        repo.commit({"README.md": "nothing to install"})
        url = f"{self.forge.url}/{name}.git"
        hook = {"repository": url, "forge": "github"}
        launcher = self.front.follow(url, name)
        return Course(
            name=name,
            repo=repo,
            launcher=launcher,
            hook=self.front.api("POST", "/hooks", hook),
        )

    def deliver(self, course: Course) -> dict[str, Any]:
        """Send a signed push of what is at the head; blocks."""
        return self.front.deliver(course.hook, MAIN, course.repo.tip())

    def image(self, course: Course) -> str:
        """Return the image of a course's launcher, empty at first; blocks."""
        path = f"/session_launchers/{course.launcher['id']}"
        environment: dict[str, Any] = self.front.api("GET", path)["environment"]
        return str(environment.get("container_image") or "")


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What an operator has before anything is installed."""

    forge: GitForge
    secret: dict[str, str]
    """What the Secret holds."""
    values: dict[str, Any]
    """The values of a small cluster with the stand-in builder."""


@asynccontextmanager
async def surroundings(folder: Path, kube: Kube) -> AsyncIterator[Surroundings]:
    """Prepare servers, a forge and an image; nothing is in the cluster yet."""
    broker = URL(broker_url())
    digest = await asyncio.to_thread(own_image, kube.registry)
    async with (
        postgresql_schema() as database,
        swept(Broker(url=str(broker)), *ROLES) as names,
        proxy_to(URL(database).port or 5432, host=kube.host) as to_database,
        proxy_to(broker.port or 5672, host=kube.host) as to_broker,
        git_forge(folder / "forge", host=kube.host) as forge,
    ):
        yield Surroundings(
            forge=forge,
            secret={
                "database": _moved(URL(database), kube.host, to_database.port),
                "bus": _moved(broker, kube.host, to_broker.port),
                "token": secrets.token_urlsafe(24),
                "secret-key": TEST_KEY,
            },
            values=_values(kube, digest, names.prefix),
        )


@asynccontextmanager
async def installed(folder: Path, kube: Kube) -> AsyncIterator[Installed]:
    """Prepare what an operator has: servers, a Secret, an image and values.

    Nothing is installed yet; what is there in the end is removed.
    """
    helm = find_helm()
    async with surroundings(folder, kube) as around:
        await kube.kubectl(
            "create",
            "secret",
            "generic",
            "relaunch",
            *(f"--from-literal={name}={text}" for name, text in around.secret.items()),
        )
        release = Installed(
            kube=kube,
            helm=helm,
            forge=around.forge,
            front=Front(folder / "front", RELAUNCH_TOKEN=around.secret["token"]),
            values=around.values,
        )
        try:
            yield release
        finally:
            await _clear(release)


def _moved(url: URL, host: str, port: int) -> str:
    return str(url.with_host(host).with_port(port))


async def _clear(release: Installed) -> None:
    names = ["--ignore-not-found", RELEASE]
    await release.helm_run("uninstall", *names)
    await release.kube.kubectl("delete", "secret", "relaunch", "--ignore-not-found")
    builds = release.values["builds"]["namespace"]
    await release.kube.kubectl(
        "delete", "namespace", builds, "--ignore-not-found", "--wait=false"
    )


def _values(kube: Kube, digest: str, prefix: str) -> dict[str, Any]:
    """Return the values of a small cluster with the stand-in builder."""
    head = "RELAUNCH_KUBERNETES_"
    builder: dict[str, Any] = {
        name.removeprefix(head).lower(): text
        for name, text in build_settings(kube).items()
        if name.startswith(head)
    }
    # Pods have a service account; the namespace is a value of its own.
    for name in ("kubeconfig", "namespace"):
        del builder[name]
    for name in ("git_protocols", "insecure_registries"):
        builder[name] = json.loads(builder[name])
    small = {
        "replicas": 1,
        "resources": {"requests": {"cpu": "10m"}, "limits": {"memory": "512Mi"}},
        "terminationGracePeriodSeconds": 20,
    }
    return {
        "image": {"repository": f"{kube.registry}/{REPOSITORY}", "digest": digest},
        "settings": {
            "public_url": "https://relaunch.example.org",
            "amqp": {"prefix": prefix},
            "evaluation": {"debounce": "200ms"},
            "remote": {"allow_private": [kube.host]},
            "build": {"retry_after": "1s"},
            "kubernetes": builder,
        },
        "secrets": {
            name: {"existingSecret": "relaunch"}
            for name in ("database", "bus", "token", "secretKey")
        },
        "preStopSeconds": 2,
        "receivers": {**small, "replicas": 2},
        "api": small,
        "consumers": small,
        "builds": {"namespace": f"{kube.namespace}-builds"},
    }
