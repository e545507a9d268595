"""The way from nothing to the first build runs as `docs/kubernetes.md` has it.

Every block of it is a file to save or lines to run, in a namespace of a test cluster;
what operators fill in is filled in, and what starts or needs a service of its own
stands in `NOT_RUN` with the reason.
"""

import asyncio
import json
import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytest
from ruamel.yaml import YAML

from scripts.docs import ROOT
from service.settings import load
from tests.cli.living import free_port
from tests.support.chart import objects
from tests.support.cosign import KeyPair
from tests.support.githttp import git_forge
from tests.support.kube import LITTLE, Kube
from tests.support.repos import Repo
from tests.support.service import Service

PAGE: Final = ROOT / "docs" / "kubernetes.md"
HOWTO: Final = "From nothing to the first build"
NAMESPACE: Final = "relaunch-builds"
PASSWORD: Final = "hunter2-of-the-registry"
NOT_RUN: Final = {
    "relaunch dev": "the service of this test runs it",
    "set -a; . ./builds.env; set +a": "the settings are those of every line here",
}
SAVED: Final = re.compile(r"[Ss]ave (?:this )?as `([^`]+)`")


def section(title: str, text: str) -> str:
    """Return what stands below a heading, up to the next of its level."""
    found = re.search(rf"^## {title}\n(.*?)(?=^## )", text, re.MULTILINE | re.DOTALL)
    assert found, title
    return found[1]


def blocks(text: str) -> Iterator[tuple[str, str]]:
    """Return each block with the paragraph before it."""
    before = ""
    for part in re.split(r"\n\n(?=\S)|\n\n(?=    \S)", text):
        lines = part.strip("\n").splitlines()
        if all(item.startswith("    ") or not item for item in lines):
            yield before, "\n".join(item[4:] for item in lines)
        else:
            before = part


SETTINGS: Final = sorted(
    {
        line
        for _, block in blocks(PAGE.read_text())
        for line in block.splitlines()
        if re.match(r"RELAUNCH_\w+=", line) and " relaunch " not in line
    }
)
"""Every `RELAUNCH_…=value` that stands on a line of its own."""


@pytest.fixture(scope="module")
def howto() -> str:
    return section(HOWTO, PAGE.read_text())


def role(howto: str) -> str:
    return next(text for before, text in blocks(howto) if "`role.yaml`" in before)


def test_the_role_of_the_page_is_that_of_the_chart(howto: str) -> None:
    here = {item["kind"]: item for item in YAML(typ="safe").load_all(role(howto))}
    chart = objects("consumer-role.yaml", release="relaunch", namespace=NAMESPACE)

    assert here.pop("Secret")["type"] == "kubernetes.io/service-account-token"
    assert here == {entry["kind"]: dict(entry) for entry in chart}


def test_what_is_not_run_is_there(howto: str) -> None:
    lines = [line for _, text in blocks(howto) for line in text.splitlines()]

    assert set(NOT_RUN) <= set(lines)


@pytest.mark.parametrize("line", SETTINGS)
def test_every_setting_of_the_page_is_one_that_can_be_loaded(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, line: str
) -> None:
    name, _, value = line.partition("=")
    value = re.split(r"\s+# ", value)[0].replace("…", "o/n")
    if name.endswith("_FILE"):  # whose content is the value
        value = str(tmp_path / Path(value).name)
        Path(value).write_text(KeyPair.new().plain())
    monkeypatch.setenv(name, value)

    load()


@dataclass(kw_only=True)
class Operator:
    """Somebody with a terminal, who follows the page."""

    kube: Kube
    folder: Path
    names: Mapping[str, str]
    settings: dict[str, str] = field(default_factory=dict)

    def fill(self, text: str) -> str:
        for name, value in self.names.items():
            text = text.replace(name, value)
        return text

    def save(self, name: str, text: str) -> None:
        filled = self.fill(text)
        (self.folder / name).write_text(f"{filled}\n")
        if name.endswith(".env"):
            pairs = (item.partition("=") for item in filled.splitlines())
            self.settings |= {key: value for key, _, value in pairs}

    def run(self, block: str, environment: Mapping[str, str]) -> str:
        lines = [text for text in self.fill(block).splitlines() if text not in NOT_RUN]
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", "\n".join(lines)],
            cwd=self.folder,
            env={**environment, **self.settings},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{block}\n{done.stdout}{done.stderr}"
        return done.stdout


@pytest.fixture
def operator(kube: Kube, tmp_path: Path) -> Iterator[Operator]:
    home = tmp_path / "home" / ".kube"
    home.mkdir(parents=True)
    (home / "config").write_bytes(kube.kubeconfig.read_bytes())
    place = f"relaunch-page-{free_port()}"
    image = f"{kube.registry}/{kube.standin}"
    renku = "ghcr.io/swissdatasciencecenter/renku-frontend-buildpacks"
    yield Operator(
        kube=kube,
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
@pytest.mark.timeout(150, func_only=True)
async def test_who_follows_the_page_has_an_image_at_its_end(
    howto: str, operator: Operator, tmp_path: Path
) -> None:
    said: dict[str, str] = {}
    async with git_forge(tmp_path / "forge", host=operator.kube.host) as forge:
        Repo(forge.root / "course.git").commit({"requirements.txt": "# nothing yet\n"})
        url = "https://github.com/OWNER/COURSE --wait"
        names = {url: f"{forge.url}/course.git --wait --frontend none"}
        operator.names = {**operator.names, **names}
        service = Service(tmp_path / "data", **operator.settings)
        environment = {
            **service.environment,
            "HOME": str(tmp_path / "home"),
            "PATH": f"{ROOT}/.venv/bin:/usr/local/bin:/usr/bin:/bin",
        }
        try:
            for before, block in blocks(howto):
                if saved := SAVED.search(before):
                    operator.save(saved[1], block)
                    continue
                if block == "relaunch dev":
                    service = a_service(operator, tmp_path / "data")
                    await asyncio.to_thread(service.start)
                    continue
                said[block] = await asyncio.to_thread(operator.run, block, environment)
        finally:
            service.kill()
    doctors = [text for block, text in said.items() if "relaunch doctor" in block]

    assert len(doctors) == 2
    assert all(" 0 failed" in text for text in doctors)
    (shown,) = [item for block, item in said.items() if "launcher show" in block]
    assert "@sha256:" in shown
    assert PASSWORD not in json.dumps(said)
    kubeconfig = tmp_path / "consumer.kubeconfig"
    assert kubeconfig.stat().st_mode & 0o077 == 0


def a_service(operator: Operator, data: Path) -> Service:
    """A service with the settings of the page, whose files are the operator's."""
    settings = {
        name: str(path) if (path := operator.folder / value).is_file() else value
        for name, value in operator.settings.items()
    }
    return Service(data, **settings)
