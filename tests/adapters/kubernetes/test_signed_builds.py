"""Builds whose images are signed before launchers may move to them."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from service.adapters.kubernetes.builder import KubernetesBuilder
from service.adapters.kubernetes.manifests.names import job_name
from service.adapters.kubernetes.signing.keys import read_signing_key
from service.adapters.kubernetes.signing.step import Author, SigningOptions
from service.domain.building.build import Build, Image
from service.domain.building.failure import FailureClass
from service.domain.repository import Ref
from tests.adapters.kubernetes.builders import a_kubernetes_builder
from tests.adapters.kubernetes.door import a_door, waiting
from tests.adapters.kubernetes.jobs import a_build_of
from tests.adapters.local.builds import finished, image_of
from tests.support.cosign import KeyPair, attestations, signatures
from tests.support.githttp import GitForge
from tests.support.kube import Kube
from tests.support.standin.registry import Reference, Registry

pytestmark = pytest.mark.kubernetes

PAIR = KeyPair.new()
ID = "https://relaunch.example.org"


def a_signing_builder(
    kube: Kube, pair: KeyPair = PAIR, **options: Any
) -> KubernetesBuilder:
    signing = SigningOptions(
        key=read_signing_key(pair.encrypted("word"), "word"),
        author=Author(builder_id=ID, version="1"),
        credentials=None,
    )
    return a_kubernetes_builder(kube, signing=signing, **options)


def attached_to(kube: Kube, image: Image) -> tuple[Registry, str, str]:
    asked = Reference.parse(image.reference)
    return Registry(kube.registry), asked.repository, asked.version


def a_build(forge: GitForge) -> Build:
    build = a_build_of(forge, {"requirements.txt": ""})
    return replace(build, ref=Ref("refs/heads/main"))


def by_digest(kube: Kube) -> str:
    """Return the stand-in as a resolved tag is written into a Job.

    Of a tag the node says which digest it was, and names any manifest that has the
    same configuration: another test pushes some.
    """
    standin = Reference.parse(f"{kube.registry}/{kube.standin}")
    there = Registry(kube.registry).manifest(standin.repository, standin.version)
    assert there is not None
    digest = there.headers["docker-content-digest"]
    return f"{kube.registry}/{standin.repository}@{digest}"


async def test_an_image_is_signed_once_and_says_how_it_was_made(
    kube: Kube, forge: GitForge, tmp_path: Path
) -> None:
    build = a_build(forge)
    options: dict[str, Any] = {"smoke": True, "builder_image": by_digest(kube)}
    async with a_signing_builder(kube, **options) as builder:
        first = await image_of(builder, build)
    async with a_signing_builder(kube, **options) as builder:  # another leader
        image = (await finished(builder, build)).outcome
        assert isinstance(image, Image)
        assert await builder.has(image)
        job = await kube.get("job", job_name(build))
        await builder.release(build.id)

    assert image == first
    (signed,) = signatures(*attached_to(kube, image), PAIR, tmp_path)
    repository = image.reference.partition("@")[0]
    assert signed["critical"]["identity"] == {"docker-reference": repository}
    (stated,) = attestations(*attached_to(kube, image), PAIR)
    defined = stated["predicate"]["buildDefinition"]
    assert defined["externalParameters"]["ref"] == "refs/heads/main"
    digests = {
        dependency["name"]: dependency["digest"]
        for dependency in defined["resolvedDependencies"]
    }
    assert digests["source"] == {"gitCommit": build.commit}
    named = by_digest(kube).rpartition(":")[2]
    assert digests["builderImage"] == {"sha256": named}
    ran = stated["predicate"]["runDetails"]
    assert ran["builder"]["id"] == ID
    assert ran["metadata"]["startedOn"] == job["status"]["startTime"]
    assert ran["metadata"]["finishedOn"] == job["status"]["completionTime"]


async def test_an_image_without_our_signature_is_built_anew(
    kube: Kube, forge: GitForge
) -> None:
    build = a_build(forge)
    async with a_kubernetes_builder(kube) as builder:
        image = await image_of(builder, build)
        assert await builder.has(image)
    async with a_signing_builder(kube) as builder:
        assert not await builder.has(image)
        await builder.release(build.id)


def is_signature(request: web.Request) -> bool:
    return request.path.endswith(".sig") and request.method == "PUT"


async def test_an_image_that_cannot_be_signed_is_no_outcome_and_says_why(
    kube: Kube, forge: GitForge, tmp_path: Path
) -> None:
    build = a_build(forge)
    async with (
        a_door(kube, refuses=is_signature) as door,
        a_signing_builder(
            kube,
            target=f"{door.host}/{kube.namespace}",
            run_image=f"{door.host}/{kube.standin}",
            insecure_registries=(kube.registry, door.host),
            deadline=timedelta(minutes=1),
        ) as builder,
    ):
        await builder.start(build)
        seen = await waiting(builder, build)
        while not door.refused:
            seen = await waiting(builder, build)
        assert seen.hindrance is not None
        assert seen.hindrance.kind is FailureClass.REGISTRY_REFUSED
        assert "DENIED: robots may not do that" in seen.hindrance.message
        door.is_mended = True
        image = (await finished(builder, build)).outcome
        await builder.release(build.id)

        assert isinstance(image, Image), image
        assert len(signatures(*attached_to(kube, image), PAIR, tmp_path)) == 1
        assert len(attestations(*attached_to(kube, image), PAIR)) == 1
