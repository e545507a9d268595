"""What a build before left is there for the next one: with an image, with a volume."""

import json
import os
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from service.adapters.kubernetes.builder import KubernetesBuilder
from service.domain.building.build import Build, BuildId, BuildKey, Image
from service.domain.building.failure import FailureClass
from service.domain.repository import CommitSha
from tests.adapters.kubernetes.builders import a_kubernetes_builder
from tests.adapters.kubernetes.jobs import a_build_of, in_pods
from tests.adapters.local.builds import KeptLogs, failure_of, image_of
from tests.support.githttp import GitForge
from tests.support.kube import Kube
from tests.support.repos import Repo
from tests.support.standin.registry import Reference, Registry, read_image
from tests.support.standin_image import USER

pytestmark = [pytest.mark.kubernetes]

PIP = "standin/pip"


def lay_out(folder: Path, owner: int) -> None:
    folder.mkdir(mode=0o755)
    os.chown(folder, owner, owner)


@asynccontextmanager
async def a_volume(kube: Kube, folder: Path, *, owner: int) -> AsyncIterator[str]:
    """A claim on a folder of the node, as an operator lays one out."""
    lay_out(folder, owner)
    name = f"caches-{kube.namespace}-{uuid.uuid4().hex[:8]}"
    about: Mapping[str, Any] = {
        "storageClassName": "",
        "accessModes": ["ReadWriteMany"],
    }
    size = {"storage": "1Gi"}
    await kube.create(
        {
            "apiVersion": "v1",
            "kind": "PersistentVolume",
            "metadata": {"name": name},
            "spec": {**about, "capacity": size, "hostPath": {"path": str(folder)}},
        }
    )
    await kube.create(
        {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {"name": name},
            "spec": {**about, "resources": {"requests": size}, "volumeName": name},
        }
    )
    try:
        yield name
    finally:
        await kube.delete("persistentvolumeclaim", name)
        await kube.delete("persistentvolume", name)


@pytest.mark.parametrize("kind", ["image", "volume"])
async def test_the_next_build_of_an_environment_gets_its_layers_back(
    kube: Kube, forge: GitForge, index: str, tmp_path: Path, kind: str
) -> None:
    first = a_build_of(forge, {"requirements.txt": "words\n", "a.txt": "1"})
    attack = "build write /metadata/analyzed.toml\nbuild write /metadata/group.toml\n"
    second = the_next(forge, first, {"a.txt": "2", ".standin": attack})
    async with a_volume(kube, tmp_path / "caches", owner=USER) as claim:
        cache: dict[str, Any] = {
            "image": {"cache_image": f"{kube.registry}/{kube.namespace}-cache"},
            "volume": {"cache_volume": claim},
        }[kind]
        logs = KeptLogs()
        async with a_kubernetes_builder(
            kube, logs=logs, variables=in_pods(index), **cache
        ) as builder:
            before = await built(builder, first)
            second = replace(second, previous_image=before.reference)
            after = await built(builder, second)

    assert said(logs, first, "Restoring") == []
    assert said(logs, second, "Restoring") == [
        f'Restoring data for "{PIP}:packages" from cache',
        f'Restoring data for "{PIP}:wheels" from cache',
        'Restoring metadata for "standin/frontend:session" from app image',
        f'Restoring metadata for "{PIP}:about" from app image',
        f'Restoring metadata for "{PIP}:packages" from app image',
        f'Restoring metadata for "{PIP}:wheels" from cache',
    ]
    assert said(logs, second, "cannot write") == [
        "cannot write /metadata/analyzed.toml",
        "cannot write /metadata/group.toml",
    ]
    reused = {f"Reusing layer '{PIP}:{name}'" for name in ("about", "packages")}
    assert reused <= set(said(logs, second, "Reusing layer"))
    assert layers_of(kube, before) & layers_of(kube, after)
    source = labels_of(kube, after)["io.buildpacks.project.metadata"]
    assert json.loads(source)["source"]["version"] == {"commit": second.commit}
    assert after.packages == before.packages


async def test_a_build_that_is_to_be_made_anew_gets_nothing_back_and_saves_again(
    kube: Kube, forge: GitForge, index: str
) -> None:
    first = a_build_of(forge, {"requirements.txt": "words\n"})
    second = replace(the_next(forge, first, {"a.txt": "2"}), is_fresh=True)
    third = the_next(forge, second, {"a.txt": "3"})
    logs, cache = KeptLogs(), f"{kube.registry}/{kube.namespace}-cache"
    async with a_kubernetes_builder(
        kube, logs=logs, variables=in_pods(index), cache_image=cache
    ) as builder:
        before = await built(builder, first)
        anew = await built(builder, replace(second, previous_image=before.reference))
        third = replace(third, is_fresh=False, previous_image=anew.reference)
        await built(builder, third)

    assert said(logs, second, "Restoring") == []
    assert said(logs, second, "Successfully installed") != []
    assert said(logs, third, "Restoring") != []


async def test_a_previous_image_that_is_gone_is_none(
    kube: Kube, forge: GitForge, index: str
) -> None:
    gone = f"{kube.registry}/{kube.namespace}/gone@sha256:{'0' * 64}"
    build = replace(
        a_build_of(forge, {"requirements.txt": "words\n"}), previous_image=gone
    )
    logs, cache = KeptLogs(), f"{kube.registry}/{kube.namespace}-cache"
    async with a_kubernetes_builder(
        kube,
        logs=logs,
        variables=in_pods(index),
        cache_image=cache,
        is_trusted=True,
        process_types={"none": "web"},
    ) as builder:
        failure = await failure_of(builder, build)

    assert said(logs, build, "Image with name") == [
        f'Image with name "{gone}" not found'
    ]
    # Only what a builder makes can be started: the process type is passed on.
    assert "tried to set web to default" in failure.message


async def test_a_volume_that_belongs_to_root_says_what_it_needs(
    kube: Kube, forge: GitForge, tmp_path: Path
) -> None:
    build = a_build_of(forge, {"requirements.txt": ""})
    async with (
        a_volume(kube, tmp_path / "caches", owner=0) as claim,
        a_kubernetes_builder(kube, cache_volume=claim) as builder,
    ):
        failure = await failure_of(builder, build)

    assert failure.kind is FailureClass.INTERNAL
    assert "the volume of caches cannot be used" in failure.message
    assert "drwxr-x" in failure.message
    assert "Caches" in failure.hint


def the_next(forge: GitForge, build: Build, files: Mapping[str, str]) -> Build:
    """Commit to the repository of a build; ask for an image of the commit."""
    name = build.repository_url.rpartition("/")[2]
    commit = CommitSha(Repo(forge.root / name).commit(files))
    key = BuildKey(build.key[::-1])
    return replace(build, id=BuildId(f"{build.id}N"), key=key, commit=commit)


async def built(builder: KubernetesBuilder, build: Build) -> Image:
    await builder.start(build)
    return await image_of(builder, build)


def said(logs: KeptLogs, build: Build, words: str) -> list[str]:
    """Return the lines with these words, sorted: layers are restored in no order."""
    return sorted(line for _, line in logs.said[build.id] if words in line)


def layers_of(kube: Kube, image: Image) -> set[str]:
    found = read_image(Registry(kube.registry), Reference.parse(image.reference))
    base = Reference.parse(f"{kube.registry}/{kube.standin}")
    run_image = read_image(Registry(kube.registry), base)
    assert found is not None
    assert run_image is not None
    common = {layer["digest"] for layer in run_image[0]["layers"]}
    return {layer["digest"] for layer in found[0]["layers"]} - common


def labels_of(kube: Kube, image: Image) -> Mapping[str, str]:
    found = read_image(Registry(kube.registry), Reference.parse(image.reference))
    assert found is not None
    labels: Mapping[str, str] = found[1]["config"]["Labels"]
    return labels
