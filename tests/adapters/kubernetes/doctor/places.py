"""A namespace that is set up by the page for operators, and what is seen of it."""

import base64
import json
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from service.app.doctor.wiring import examine
from service.domain.diagnosis import CheckResult, CheckStatus
from service.settings import Settings
from tests.support.chart import objects
from tests.support.kube import LABELS, LITTLE, Kube

__all__ = ["ACCOUNT", "PASSWORD", "Place", "a_place", "kubeconfig_of"]

ACCOUNT = "relaunch-consumer"
PASSWORD = "hunter2-of-the-registry"


@dataclass(kw_only=True)
class Place:
    """A namespace, and the settings of builds in it."""

    kube: Kube
    folder: Path
    settings: dict[str, Any]
    top: dict[str, Any] = field(default_factory=dict)

    async def seen(self, *, account: str = "", **changes: Any) -> "Seen":
        """Look at everything, with changed settings."""
        settings = Settings(
            builder="kubernetes",
            data=self.folder / "data",
            kubernetes={**self.settings, **changes},
            **self.top,
        )
        return Seen(await examine(settings, account=account))

    async def as_consumer(self) -> Path:
        """Return a kubeconfig of the account that the chart gives its rights."""
        return await kubeconfig_of(self.kube, ACCOUNT, self.folder)


class Seen(list[CheckResult]):
    """Lines of a diagnosis."""

    def about(self, subject: str) -> CheckResult:
        """Return the only line that begins with a subject."""
        found = [result for result in self if result.subject.startswith(subject)]
        assert len(found) == 1, f"{subject}: {self}"
        return found[0]

    @property
    def failed(self) -> Sequence[str]:
        return [
            result.subject for result in self if result.status is CheckStatus.FAILED
        ]

    @property
    def text(self) -> str:
        return "\n".join(
            f"{result.subject} {result.seen} {result.advice}" for result in self
        )


@asynccontextmanager
async def a_place(kube: Kube, folder: Path) -> AsyncIterator[Place]:
    """Make a namespace with the chart's role and a Secret for the registry."""
    name = f"relaunch-doctor-{uuid.uuid4().hex[:8]}"
    own = replace(kube, namespace=name)
    about = {"name": name, "labels": LABELS}
    await own.create({"apiVersion": "v1", "kind": "Namespace", "metadata": about})
    try:
        for object_ in objects(
            "consumer-role.yaml", release="relaunch", namespace=name
        ):
            await own.create(object_)
        await own.kubectl(
            *("create", "secret", "docker-registry", "push"),
            f"--docker-server={kube.registry}",
            *("--docker-username=pusher", f"--docker-password={PASSWORD}"),
        )
        yield Place(kube=own, folder=folder, settings=_settings(own))
    finally:
        await own.kubectl("delete", "namespace", name, "--wait=false")


def _settings(kube: Kube) -> dict[str, Any]:
    image = f"{kube.registry}/{kube.standin}"
    return {
        "namespace": kube.namespace,
        "kubeconfig": kube.kubeconfig,
        "builder_image": image,
        "run_image": image,
        "target": f"{kube.registry}/{kube.namespace}",
        "registry_secret": "push",
        "insecure_registries": (kube.registry,),
        "cpu": LITTLE.cpu_request,
        "cpu_limit": LITTLE.cpu_limit,
        "memory": LITTLE.memory_request,
        "memory_limit": LITTLE.memory_limit,
        "disk": LITTLE.disk_request,
        "disk_limit": LITTLE.disk_limit,
    }


async def kubeconfig_of(kube: Kube, account: str, folder: Path) -> Path:
    """Write a kubeconfig with the token of a service account."""
    path = "{.secrets[0].name}"
    found = await kube.until("serviceaccount", account, path, "token", "\n")
    if "secrets" in found:
        secret = await kube.get("secret", found["secrets"][0]["name"])
        token = base64.b64decode(secret["data"]["token"]).decode()
    else:  # since Kubernetes 1.24 they are asked for
        token = (await kube.kubectl("create", "token", account)).strip()
    config = json.loads(await kube.kubectl("config", "view", "--raw", "-o", "json"))
    config["users"] = [
        {"name": user["name"], "user": {"token": token}} for user in config["users"]
    ]
    written = folder / f"{account}.kubeconfig"
    written.write_text(json.dumps(config))
    return written
