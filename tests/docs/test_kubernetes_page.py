"""The way from nothing to the first build runs as `docs/kubernetes.md` has it.

Every block of it is a file to save or lines to run, in a namespace of a test cluster;
what operators fill in is filled in, and what starts or needs a service of its own
stands in `NOT_RUN` with the reason. So do the sections that look into a build.
"""

import asyncio
import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from ruamel.yaml import YAML

from tests.cli.living import free_port
from tests.docs.operators import Operator
from tests.docs.reading import Page
from tests.docs.shell import settings_in
from tests.support.chart import objects
from tests.support.githttp import git_forge
from tests.support.kube import LITTLE, Kube
from tests.support.repos import Repo
from tests.support.service import Service

PAGE: Final = Page("docs/kubernetes.md")
NAMESPACE: Final = "relaunch-builds"
PASSWORD: Final = "hunter2-of-the-registry"
NOT_RUN: Final = {
    "relaunch dev": "the service of this test runs it",
    "set -a; . ./builds.env; set +a": "the settings are those of every line here",
}
SAVED: Final = re.compile(r"[Ss]ave (?:this )?as `([^`]+)`")


def test_the_role_of_the_page_is_that_of_the_chart() -> None:
    howto = PAGE.section("From nothing to the first build")
    role = next(text for before, text in howto if "`role.yaml`" in before)
    here = {item["kind"]: item for item in YAML(typ="safe").load_all(role)}
    chart = objects("consumer-role.yaml", release="relaunch", namespace=NAMESPACE)

    assert here.pop("Secret")["type"] == "kubernetes.io/service-account-token"
    assert here == {entry["kind"]: dict(entry) for entry in chart}


def test_what_is_not_run_is_there() -> None:
    howto = PAGE.section("From nothing to the first build")

    assert set(NOT_RUN) <= {text for _, text in howto}


@pytest.fixture
def operator(kube: Kube, tmp_path: Path) -> Iterator[Operator]:
    home = tmp_path / ".kube"
    home.mkdir(parents=True)
    (home / "config").write_bytes(kube.kubeconfig.read_bytes())
    place = f"relaunch-page-{free_port()}"
    image = f"{kube.registry}/{kube.standin}"
    renku = "ghcr.io/swissdatasciencecenter/renku-frontend-buildpacks"
    yield Operator(
        folder=tmp_path,
        names={
            NAMESPACE: place,
            "registry.example.org": kube.registry,
            "=NAME": "=builder",
            "=PASSWORD": f"={PASSWORD}",
            f"{renku}/selector:0.9.1": image,
            f"{renku}/run-image:0.9.1": image,
        },
        # What this cluster has otherwise: no TLS, little room, and no frontends.
        settings={
            "RELAUNCH_KUBERNETES_INSECURE_REGISTRIES": kube.registry,
            "RELAUNCH_KUBERNETES_GIT_PROTOCOLS": '["http"]',
            **{
                f"RELAUNCH_KUBERNETES_{name}": value
                for name, value in {
                    "CPU": LITTLE.cpu_request,
                    "CPU_LIMIT": LITTLE.cpu_limit,
                    "MEMORY": LITTLE.memory_request,
                    "MEMORY_LIMIT": LITTLE.memory_limit,
                    "DISK": LITTLE.disk_request,
                    "DISK_LIMIT": LITTLE.disk_limit,
                }.items()
            },
        },
    )
    subprocess.run(
        [
            *("kubectl", f"--kubeconfig={kube.kubeconfig}"),
            *("delete", "namespace", place, "--wait=false", "--ignore-not-found"),
        ],
        check=True,
        capture_output=True,
    )


@pytest.mark.kubernetes
@pytest.mark.timeout(300, func_only=True)
async def test_who_follows_the_page_has_an_image_at_its_end(
    kube: Kube, operator: Operator, tmp_path: Path
) -> None:
    said: dict[str, str] = {}
    data = tmp_path / "data"
    service = Service(data)
    async with git_forge(tmp_path / "forge", host=kube.host) as forge:
        Repo(forge.root / "course.git").commit({"requirements.txt": "# nothing yet\n"})
        url = "https://github.com/OWNER/COURSE --wait"
        names = {url: f"{forge.url}/course.git --wait --frontend none"}
        operator.names = {**operator.names, **names}
        operator.settings["RELAUNCH_DATA"] = str(data)
        try:
            for before, block in PAGE.section("From nothing to the first build"):
                if saved := SAVED.search(before):
                    operator.save(saved[1], block)
                elif block == "relaunch dev":
                    service = a_service(operator, data)
                    await asyncio.to_thread(service.start)
                elif block not in NOT_RUN:
                    said[block] = await operator.run(block)
            looked = await look_into_the_build(operator)
            await trust_an_authority(operator, kube)
        finally:
            service.kill()
    doctors = [text for block, text in said.items() if "relaunch doctor" in block]

    assert len(doctors) == 2
    assert all(" 0 failed" in text for text in doctors)
    (shown,) = [item for block, item in said.items() if "launcher show" in block]
    assert "@sha256:" in shown
    assert PASSWORD not in json.dumps([said, looked])
    kubeconfig = tmp_path / "consumer.kubeconfig"
    assert kubeconfig.stat().st_mode & 0o077 == 0


async def look_into_the_build(operator: Operator) -> str:
    """Run what the page has for a build, of which two ids are read on the way."""
    listed = json.loads(await operator.run("relaunch builds first -o json"))
    names = {"BUILD": listed[0]["id"], "WORK_ID": listed[0]["work_id"]}
    operator.names = {**operator.names, **names, " COURSE": " first"}
    said = await operator.run(PAGE.block("relaunch builds COURSE  "))
    assert "succeeded" in said
    return said


async def trust_an_authority(operator: Operator, kube: Kube) -> None:
    """Make the ConfigMap of the page, and have its settings found good."""
    command, _, settings = PAGE.block(
        "kubectl -n relaunch-builds create configmap"
    ).partition("\n")
    await operator.run(command)
    operator.settings |= settings_in(settings)
    operator.settings["RELAUNCH_CA_BUNDLE"] = str(operator.folder / "ca.crt")
    operator.settings["RELAUNCH_KUBERNETES_KUBECONFIG"] = str(kube.kubeconfig)
    assert " 0 failed" in await operator.run("relaunch doctor")


def a_service(operator: Operator, data: Path) -> Service:
    """A service with the settings of the page, whose files are the operator's."""
    settings = {
        name: str(path) if (path := operator.folder / value).is_file() else value
        for name, value in operator.settings.items()
    }
    return Service(data, **settings)
