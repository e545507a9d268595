"""The stand-in builder does what a builder does; else other tests show nothing."""

import json
import tomllib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from service.adapters.kubernetes.manifests.job import to_job
from service.adapters.kubernetes.status.phases import PhaseState, phases
from tests.adapters.kubernetes.jobs import a_build_of, in_pods
from tests.adapters.local.package_index import Wheel, an_index
from tests.support.githttp import GitForge, git_forge
from tests.support.kube import Kube, standin_options
from tests.support.standin.registry import Reference, Registry

pytestmark = [pytest.mark.kubernetes]


@pytest.fixture
async def forge(kube: Kube, tmp_path: Path) -> AsyncIterator[GitForge]:
    async with git_forge(tmp_path / "forge", host=kube.host) as forge:
        yield forge


@pytest.fixture
def index(kube: Kube, tmp_path: Path) -> Iterator[str]:
    words = Wheel(name="words")
    with an_index(tmp_path / "index", words, host=kube.host) as url:
        yield url


@pytest.mark.parametrize("trusted", [False, True], ids=["phases", "creator"])
async def test_a_repository_becomes_an_image_with_its_packages(
    kube: Kube, forge: GitForge, index: str, *, trusted: bool
) -> None:
    build = a_build_of(forge, {"requirements.txt": "words\n"})
    options = standin_options(kube, is_trusted=trusted, variables=in_pods(index))
    manifest = to_job(build, options)
    await kube.create(manifest)
    name = manifest["metadata"]["name"]
    job = await kube.settled(name)
    pod = await kube.pod_of(name)

    assert pod is not None
    runs = phases(pod)
    assert job["status"].get("succeeded") == 1, runs
    assert {run.state for run in runs} == {PhaseState.TERMINATED}
    assert all(run.duration is not None for run in runs)
    assert runs[0].message == build.commit
    report = tomllib.loads(runs[-1].message)["image"]
    image = Reference.parse(report["tags"][0])
    assert f"{image.host}/{image.repository}".startswith(options.target)
    pushed = Registry(kube.registry).manifest(image.repository, report["digest"])
    assert pushed is not None
    said = await kube.log_of(await runs_in(kube, image, report["digest"]), "try")
    assert said == "1.0\n"


async def runs_in(kube: Kube, image: Reference, digest: str) -> str:
    """Start a built image once, with a program that needs what was installed."""
    name = f"try-{digest[-12:]}"
    program = ["python", "-c", "import words; print(words.VERSION)"]
    container = {
        "name": "try",
        "image": f"{image.host}/{image.repository}@{digest}",
        "command": ["/cnb/lifecycle/launcher", "--", *program],
        "env": [{"name": "RENKU_MOUNT_DIR", "value": "/tmp"}],  # noqa: S108 - in the pod
    }
    await kube.create(
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name},
            "spec": {"restartPolicy": "Never", "containers": [container]},
        }
    )
    pod = await kube.until("pod", name, "{.status.phase}", "Succeeded", "Failed")
    assert pod["status"]["phase"] == "Succeeded", json.dumps(pod["status"])
    return name
