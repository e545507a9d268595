"""`compose.yaml` runs, as `docs/compose.md` says: a push is taken and evaluated.

Its services are containers of podman; podman-compose reads the file. What Compose does
by itself and podman does not on every machine, to ask whether a service is healthy, is
done here, by the commands of the file and in its order. Builds are the cluster's, which
containers of this machine do not reach.
"""

import asyncio
import json
import re
import shlex
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
from ruamel.yaml import YAML

from scripts.docs import ROOT
from tests.docs.reading import Page
from tests.docs.shell import run
from tests.support.broker import free_port
from tests.support.containers import Engine, find_engine, make_servers
from tests.support.githttp import GitForge, git_forge
from tests.support.kube import Kube
from tests.support.kube_cluster import build_settings
from tests.support.own_image import REPOSITORY, own_image
from tests.support.repos import Repo
from tests.support.service import Service
from tests.support.stream import eventually

pytestmark = [
    pytest.mark.containers,
    pytest.mark.kubernetes,
    # Images are made once, which takes a minute.
    pytest.mark.timeout(900, func_only=True),
]
PAGE: Final = Page("docs/compose.md")
FILE: Final[dict[str, Any]] = YAML(typ="safe").load(ROOT / "compose.yaml")
SERVERS: Final = ("postgresql", "rabbitmq")
SOON: Final = 180.0


@dataclass(kw_only=True)
class Machine:
    """One machine with the page's folder on it."""

    engine: Engine
    folder: Path
    project: str
    port: int
    variables: dict[str, str]

    async def compose(self, *arguments: str) -> str:
        return await asyncio.to_thread(
            self.engine.compose,
            self.folder,
            *("-p", self.project),
            *arguments,
            **self.variables,
        )

    async def container(self, service: str) -> str:
        label = f"label=com.docker.compose.service={service}"
        project = f"label=com.docker.compose.project={self.project}"
        found = await self.podman(
            *("ps", "--all", "--quiet", "--filter", label, "--filter", project)
        )
        return found.strip()

    async def podman(self, *arguments: str, status: int | None = 0) -> str:
        return await asyncio.to_thread(self.engine.podman, *arguments, status=status)

    async def until_healthy(self, service: str) -> None:
        """Run the health check of a service until it passes."""
        name = await self.container(service)

        async def is_healthy() -> bool:
            said = await self.podman("healthcheck", "run", name, status=None)
            return said.strip() == ""

        await eventually(is_healthy, f"{service} to be healthy", SOON)

    async def start(self) -> None:
        """Start what the file says, in the order of its conditions."""
        await self.compose("up", "--detach", *SERVERS)
        for service in SERVERS:
            await self.until_healthy(service)
        await self.compose("up", "--detach", "--no-deps", "migration")
        migration = await self.container("migration")
        said = await self.podman("wait", migration)
        log = await self.podman("logs", migration)
        assert said.strip() == "0", log
        await self.compose("up", "--detach", "--no-deps", "receiver", "consumer")


@asynccontextmanager
async def a_machine(kube: Kube, folder: Path) -> AsyncIterator[Machine]:
    engine = find_engine(folder)
    place = folder / "machine"
    place.mkdir()
    port = free_port()
    text = (ROOT / "compose.yaml").read_text()
    assert '"127.0.0.1:8080:8080"' in text
    (place / "compose.yaml").write_text(
        text.replace("127.0.0.1:8080:", f"127.0.0.1:{port}:")
    )
    images = [FILE["services"][name]["image"] for name in SERVERS]
    await asyncio.to_thread(make_servers, engine, *images)
    # The Dockerfile is built by `make image-docker`; this is the same image.
    build, up = PAGE.block("docker build").splitlines()
    name = build.split()[3]
    digest = await asyncio.to_thread(own_image, kube.registry)
    ours = f"{kube.registry}/{REPOSITORY}@{digest}"
    await asyncio.to_thread(engine.podman, "pull", "--tls-verify=false", ours)
    await asyncio.to_thread(engine.podman, "tag", ours, name)
    words = shlex.split(up)
    machine = Machine(
        engine=engine,
        folder=place,
        project=f"relaunch-{uuid.uuid4().hex[:8]}",
        port=port,
        variables=dict(word.split("=", 1) for word in words if "=" in word),
    )
    assert machine.variables["IMAGE"] == name
    assert words[2:] == ["docker", "compose", "up", "--detach", "--wait"]
    try:
        yield machine
    finally:
        await machine.compose("down", "--volumes", "--timeout", "5")


async def save_cluster(kube: Kube, folder: Path) -> None:
    """Save what the page has an operator make for the cluster."""
    settings = build_settings(kube, RELAUNCH_EVALUATION_DEBOUNCE="200ms")
    lines = [f"{name}={text}" for name, text in settings.items()]
    (folder / "builds.env").write_text("\n".join([*lines, ""]))
    service = await kube.kubectl("get", "-n", "default", "svc", "kubernetes", "-ojson")
    inside = json.loads(service)["spec"]["clusterIP"]
    config = kube.kubeconfig.read_text()
    # On this machine the API server is at an address that containers have, too.
    config = re.sub(r"https://127\.0\.0\.1:\d+", f"https://{inside}:443", config)
    (folder / "consumer.kubeconfig").write_text(config)
    (folder / "consumer.kubeconfig").chmod(0o600)
    (folder / "config.json").write_text('{"auths": {}}')
    (folder / "config.json").chmod(0o600)


def delivered(front: Service, forge: GitForge) -> str:
    """Follow a repository, and deliver a push of it; return the delivery."""
    repo = Repo(forge.root / "course.git")
    repo.commit({"requirements.txt": "# nothing yet\n"})
    url = f"{forge.url}/course.git"
    front.follow(url, "course")
    hook = front.api("POST", "/hooks", {"repository": url, "forge": "github"})
    receipt = front.deliver(hook, "refs/heads/main", repo.tip())
    assert receipt["status"] == "accepted"
    return str(receipt["delivery"])


async def test_one_machine_takes_a_push_and_evaluates_it(
    kube: Kube, tmp_path: Path
) -> None:
    async with (
        a_machine(kube, tmp_path) as machine,
        git_forge(tmp_path / "forge", host=kube.host) as forge,
    ):
        await save_cluster(kube, machine.folder)
        await run(PAGE.block("mkdir -m 700 secrets"), machine.folder)
        await machine.start()
        token = (machine.folder / "secrets" / "token").read_text().strip()
        front = Service(tmp_path / "front", RELAUNCH_TOKEN=token)
        front.url = f"http://127.0.0.1:{machine.port}"

        async def is_ready() -> bool:
            try:
                await asyncio.to_thread(front.api, "GET", "/session_launchers")
            except (OSError, AssertionError):
                return False
            return True

        try:
            await eventually(is_ready, "the receiver to answer", SOON)
            delivery = await asyncio.to_thread(delivered, front, forge)

            async def is_evaluated() -> bool:
                path = f"/explanations?of={delivery}"
                try:
                    found = await asyncio.to_thread(front.api, "GET", path)
                except AssertionError:
                    return False  # its record is on its way
                seen = found["evaluations"]
                return bool(seen) and "remote_unavailable" not in json.dumps(seen)

            await eventually(is_evaluated, "an evaluation of the push", SOON)
        except AssertionError as exc:
            logs = [
                await machine.podman("logs", await machine.container(name), status=None)
                for name in ("receiver", "consumer")
            ]
            raise AssertionError("\n".join([str(exc), *logs])) from exc
