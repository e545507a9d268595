"""A real cluster for tests: a namespace of the run's own, and the stand-in builder.

Asked with kubectl, so that what tests see does not pass through our own client.
"""

import asyncio
import json
import os
import shutil
import socket
import subprocess
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from service.adapters.git.command import feed
from service.adapters.kubernetes.options import KubernetesOptions, Resources
from service.adapters.processes import PIPE, start_process
from tests.support.standin_image import standin_image

__all__ = ["Kube", "KubectlError", "a_namespace", "kube", "standin_options"]

HOST: Final = "10.244.0.1"
"""The machine, as pods of the test cluster see it."""
LABELS: Final = {
    f"pod-security.kubernetes.io/{name}": "restricted"
    for name in ("enforce", "audit", "warn")
}
"""https://kubernetes.io/docs/concepts/security/pod-security-admission/"""
LITTLE: Final = Resources(
    cpu_request="50m",
    cpu_limit="1",
    memory_request="64Mi",
    memory_limit="256Mi",
    disk_request="32Mi",
    disk_limit="512Mi",
)
ANSWER: Final = timedelta(seconds=20)


class KubectlError(Exception):
    """kubectl failed; the message is what it said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kube:
    """A namespace of a cluster."""

    kubeconfig: Path
    namespace: str
    host: str
    """Where pods reach what tests serve; bind servers to it."""
    registry: str
    """`host:port`, the same from pods, nodes and here."""
    standin: str
    """The stand-in builder's image, which is a run image and a git image too."""

    async def kubectl(self, *arguments: str, given: str = "") -> str:
        """Run kubectl in the namespace; return what it printed."""
        command = [*_kubectl(self.kubeconfig), "-n", self.namespace, *arguments]
        process = await start_process(*command, stdin=PIPE, stdout=PIPE, stderr=PIPE)
        try:
            async with asyncio.timeout(ANSWER.total_seconds()):
                assert process.stdin is not None
                feed(process.stdin, given.encode())
                said, error = await process.communicate()
        finally:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
        if process.returncode:
            raise KubectlError(error.decode().strip())
        return said.decode()

    async def create(self, manifest: Mapping[str, Any]) -> None:
        """Create an object from its manifest."""
        await self.kubectl("create", "-f", "-", given=json.dumps(manifest))

    async def delete(self, kind: str, name: str) -> None:
        """Delete an object without waiting for its end."""
        await self.kubectl("delete", kind, name, "--wait=false", "--ignore-not-found")

    async def get(self, kind: str, name: str) -> dict[str, Any]:
        """Return an object."""
        return _object(await self.kubectl("get", kind, name, "-o", "json"))

    async def pod_of(self, job: str) -> dict[str, Any] | None:
        """Return the pod of a Job; None while there is none."""
        # Kubernetes before 1.27 knows the short label only; newer ones set both.
        said = await self.kubectl("get", "pods", "-l", f"job-name={job}", "-o", "json")
        items = _object(said)["items"]
        return items[-1] if items else None

    async def events_of(self, name: str) -> Sequence[dict[str, Any]]:
        """Return the events about an object."""
        about = f"involvedObject.name={name}"
        said = await self.kubectl(
            "get", "events", "--field-selector", about, "-o", "json"
        )
        items: list[dict[str, Any]] = _object(said)["items"]
        return items

    async def log_of(self, pod: str, container: str) -> str:
        """Return what a container said."""
        return await self.kubectl("logs", pod, "-c", container)

    async def until(
        self, kind: str, name: str, template: str, *texts: str
    ) -> dict[str, Any]:
        """Wait until what a jsonpath gives holds one of the texts; return the object.

        The test's own time limit ends it.
        """
        path = f"-o=jsonpath={template}{{'\\n'}}"
        command = [*_kubectl(self.kubeconfig), "-n", self.namespace]
        process = await start_process(
            *command, "get", kind, name, path, "--watch", stdout=PIPE
        )
        assert process.stdout is not None
        try:
            async for line in process.stdout:
                if any(text in line.decode() for text in texts):
                    break
        finally:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
        return await self.get(kind, name)

    async def settled(self, job: str) -> dict[str, Any]:
        """Wait for the end of a Job; return it."""
        types = "{.status.conditions[*].type}"
        return await self.until("job", job, types, "Complete", "Failed")


def standin_options(kube: Kube, **changes: Any) -> KubernetesOptions:
    """Options that build small repositories quickly."""
    image = f"{kube.registry}/{kube.standin}"
    defaults: dict[str, Any] = {
        "namespace": kube.namespace,
        "builder_image": image,
        "run_image": image,
        "git_image": image,
        "target": f"{kube.registry}/{kube.namespace}",
        "git_protocols": ("http",),
        "resources": LITTLE,
        "smoke_resources": LITTLE,
        "source_size": "64Mi",
        "layers_size": "256Mi",
        "tmp_size": "256Mi",
        "deadline": timedelta(minutes=2),
    }
    return KubernetesOptions(**{**defaults, **changes})


@pytest.fixture(scope="session")
def kube() -> Iterator[Kube]:
    """Give the run a namespace."""
    with a_namespace() as namespace:
        yield namespace


@contextmanager
def a_namespace() -> Iterator[Kube]:
    """Make a namespace; delete it and all that is in it in the end."""
    config = _kubeconfig()
    registry = _variable("RELAUNCH_TEST_REGISTRY") or f"{HOST}:5000"
    if not _answers(registry):
        pytest.skip(f"no registry at {registry}: see RELAUNCH_TEST_REGISTRY")
    namespace = f"relaunch-test-{uuid.uuid4().hex[:8]}"
    about = {"name": namespace, "labels": LABELS}
    manifest = {"apiVersion": "v1", "kind": "Namespace", "metadata": about}
    _run(config, "create", "-f", "-", given=json.dumps(manifest))
    try:
        yield Kube(
            kubeconfig=config,
            namespace=namespace,
            host=_variable("RELAUNCH_TEST_HOST_FROM_PODS") or HOST,
            registry=registry,
            standin=standin_image(registry),
        )
    finally:
        _run(config, "delete", "namespace", namespace, "--wait=false")


def _kubeconfig() -> Path:
    given = _variable("RELAUNCH_TEST_KUBECONFIG") or _variable("KUBECONFIG")
    if not given:
        pytest.skip("no cluster: KUBECONFIG is not set")
    if not shutil.which("kubectl"):
        pytest.skip("no kubectl, which tests look at the cluster with")
    path = Path(given)
    try:
        _run(path, "get", "--raw", "/readyz")
    except subprocess.SubprocessError as exc:
        pytest.skip(f"the cluster of {path} does not answer: {exc}")
    return path


def _run(config: Path, *arguments: str, given: str = "") -> None:
    subprocess.run(
        [*_kubectl(config), *arguments],
        input=given,
        text=True,
        capture_output=True,
        check=True,
        timeout=ANSWER.total_seconds(),
    )


def _kubectl(config: Path) -> list[str]:
    return ["kubectl", f"--kubeconfig={config}"]


def _answers(registry: str) -> bool:
    host, _, port = registry.rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=2).close()
    except OSError:
        return False
    return True


def _variable(name: str) -> str | None:
    return os.environ.get(name)  # noqa: TID251 - what this machine has


def _object(text: str) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(text)
    return read
