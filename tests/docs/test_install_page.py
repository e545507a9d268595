"""A new operator follows `docs/install.md` from the first line to the last.

Its commands are run as they stand, in namespaces of the test cluster; what stands in
capitals is filled in, and the values are made small. Before everything is taken away,
something goes wrong, and `docs/alerts.md` says what to look at.
"""

import asyncio
import json
import shlex
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest
from ruamel.yaml import YAML

from scripts.docs import ROOT
from tests.chart.rendering import find_helm, merged
from tests.docs.operators import Operator
from tests.docs.reading import Page
from tests.support.broker import free_port
from tests.support.installed import Surroundings, surroundings
from tests.support.kube import Kube
from tests.support.repos import Repo
from tests.support.stream import eventually

pytestmark = [
    pytest.mark.kubernetes,
    pytest.mark.postgresql,
    pytest.mark.rabbitmq,
    pytest.mark.helm,
    # A release is installed, upgraded, and broken.
    pytest.mark.timeout(900, func_only=True),
]
PAGE: Final = Page("docs/install.md")
ALERTS: Final = Page("docs/alerts.md")
UPGRADE: Final = Page("docs/upgrade.md")
SOON: Final = 120.0


@dataclass(kw_only=True)
class Newcomer:
    """An operator with a cluster, before anything is installed."""

    operator: Operator
    around: Surroundings
    namespace: str
    port: int

    async def save_values(self) -> None:
        """Save the page's values; this cluster is smaller than one that builds."""
        page = YAML(typ="safe").load(self.operator.fill(PAGE.block("settings:")))
        values = merged(self.around.values, page)
        values["builds"]["namespace"] = f"{self.namespace}-builds"
        (self.operator.folder / "values.yaml").write_text(json.dumps(values))

    async def kubectl(self, command: str) -> str:
        return await self.operator.run(f"kubectl -n {self.namespace} {command}")


@pytest.fixture
async def newcomer(kube: Kube, tmp_path: Path) -> AsyncIterator[Newcomer]:
    helm = Path(find_helm().program)
    (tmp_path / ".kube").mkdir()
    (tmp_path / ".kube" / "config").write_bytes(kube.kubeconfig.read_bytes())
    (tmp_path / "charts").symlink_to(ROOT / "charts")
    namespace, port = f"relaunch-page-{free_port()}", free_port()
    async with surroundings(tmp_path, kube) as around:
        course = Repo(around.forge.root / "course.git")
        course.commit({"requirements.txt": "# nothing yet\n"})
        operator = Operator(
            folder=tmp_path,
            names=names(kube, around, namespace, port),
            settings={"RELAUNCH_LISTEN": f"127.0.0.1:{port}"},
        )
        if helm.parent.name == "tools":
            (tmp_path / "bin").mkdir()
            (tmp_path / "bin" / "helm").symlink_to(helm)
        try:
            yield Newcomer(
                operator=operator, around=around, namespace=namespace, port=port
            )
        finally:
            ours = f"{namespace} {namespace}-builds"
            await operator.run(
                f"kubectl delete namespace {ours} --wait=false --ignore-not-found"
            )


def names(
    kube: Kube, around: Surroundings, namespace: str, port: int
) -> dict[str, str]:
    """Say what stands for what the page leaves to the operator."""
    image = f"{kube.registry}/{kube.standin}"
    renku = "ghcr.io/swissdatasciencecenter/renku-frontend-buildpacks"
    course = f"{around.forge.url}/course.git"
    return {
        "postgresql://USER:PASSWORD@HOST/DATABASE": shlex.quote(
            around.secret["database"]
        ),
        "amqp://USER:PASSWORD@HOST/VHOST": shlex.quote(around.secret["bus"]),
        "create namespace relaunch": f"create namespace {namespace}",
        "-n relaunch ": f"-n {namespace} ",
        "-n relaunch-builds": f"-n {namespace}-builds",
        "registry.example.org": kube.registry,
        "=NAME": "=builder",
        "=PASSWORD": "=secret",
        f"{renku}/selector:0.9.1": image,
        f"{renku}/run-image:0.9.1": image,
        "8080:80": f"{port}:80",
        "https://github.com/OWNER/COURSE --wait": f"{course} --wait --frontend none",
        "https://github.com/OWNER/COURSE": f"{course} --forge github",
        "helm ": 'PATH="$HOME/bin:$PATH" helm ',
    }


@asynccontextmanager
async def forwarded(newcomer: Newcomer, line: str) -> AsyncIterator[None]:
    """Run what goes on in the background, until it does what it is for."""

    async def answers() -> bool:
        with suppress(OSError):
            _, writer = await asyncio.open_connection("127.0.0.1", newcomer.port)
            writer.close()
            return True
        return False

    async with newcomer.operator.running(line.removesuffix("&").strip()):
        await eventually(answers, "the forwarded port", SOON)
        yield


async def test_who_follows_the_page_has_a_launcher_that_moves(
    newcomer: Newcomer,
) -> None:
    operator = newcomer.operator
    await operator.run(PAGE.block("kubectl create namespace"))
    await newcomer.save_values()
    installed = await operator.run(PAGE.block("helm -n relaunch install"))
    await operator.run(PAGE.block("kubectl -n relaunch-builds create secret"))
    checked = await operator.run(PAGE.block("helm -n relaunch test"))

    forward, *rest = PAGE.block("kubectl -n relaunch port-forward").splitlines()
    async with forwarded(newcomer, forward):
        await operator.run("\n".join(rest))
        shown = await operator.run(f"{rest[0]}\nrelaunch launcher show first")

    assert "STATUS: deployed" in installed
    assert " 0 failed" in checked
    assert "@sha256:" in shown
    await see_what_is_wrong(newcomer)
    later = PAGE.block("helm -n relaunch upgrade").splitlines()
    # Back is a step of its own page, too.
    assert later[1] == UPGRADE.block("helm -n relaunch rollback")
    for line in later:
        await operator.run(line)
    left = json.loads(await newcomer.kubectl("get deploy,secret -o json"))
    kinds = {item["kind"] for item in left["items"]}
    assert kinds == {"Secret"}


async def see_what_is_wrong(newcomer: Newcomer) -> None:
    """Break the consumers, and look as the page of alerts says."""
    wrong = "deployment/relaunch-consumers RELAUNCH_BUILD_MAX_CONCURENT=3"
    await newcomer.kubectl(f"set env {wrong}")
    await newcomer.kubectl("scale deployment/relaunch-consumers --replicas=0")
    await newcomer.kubectl("scale deployment/relaunch-consumers --replicas=1")

    async def has_crashed() -> bool:
        pods = "-l app.kubernetes.io/component=consumers"
        path = "{.items[*].status.containerStatuses[*].restartCount}"
        said = await newcomer.kubectl(f"get pods {pods} -o jsonpath='{path}'")
        return any(int(count) for count in said.split())

    await eventually(has_crashed, "a consumer that starts again and again", SOON)
    said = await newcomer.operator.run(ALERTS.block("kubectl -n relaunch get pods"))

    assert "did you mean RELAUNCH_BUILD_MAX_CONCURRENT" in said
    # What kubectl added is not Helm's to take away.
    await newcomer.kubectl(f"set env {wrong.partition('=')[0]}-")
