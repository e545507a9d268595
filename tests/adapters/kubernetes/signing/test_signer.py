"""Signing in a real registry; what is there is checked by others' means."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession

from service.adapters.kubernetes.manifests.job import to_job
from service.adapters.kubernetes.oci.connection import RegistryRefusedError
from service.adapters.kubernetes.oci.references import ImageReference
from service.adapters.kubernetes.oci.registry import Registry
from service.adapters.kubernetes.signing.keys import read_signing_key
from service.adapters.kubernetes.signing.pushing import Pusher
from service.adapters.kubernetes.signing.signer import Signer
from service.adapters.kubernetes.signing.step import (
    Author,
    SigningOptions,
    SigningRequest,
    create_signing,
)
from service.adapters.kubernetes.status.result import PATIENCE
from service.domain.building.build import Image
from service.domain.building.failure import Failure, FailureClass
from service.errors import TransientError
from tests.adapters.kubernetes.variants import an_options, some_build
from tests.support.clock import NOW, TurnedClock
from tests.support.cosign import KeyPair, attestations, image_in, signatures
from tests.support.own_registry import OwnRegistry, own_registry
from tests.support.standin import registry as plain

REPOSITORY = "o/env"
OURS, THEIRS = KeyPair.new(), KeyPair.new()


@pytest.fixture
def own(tmp_path: Path) -> Callable[..., AbstractContextManager[OwnRegistry]]:
    return partial(own_registry, tmp_path)


@asynccontextmanager
async def signer(
    own: OwnRegistry, pair: KeyPair = OURS, credentials: Path | None = None
) -> AsyncIterator[Signer]:
    async with ClientSession() as session:
        asked = Registry(session=session, insecure=[own.host], credentials=credentials)
        key = read_signing_key(pair.plain(), "")
        yield Signer(pusher=Pusher(asked), key=key)


def client(own: OwnRegistry) -> plain.Registry:
    return plain.Registry(own.host, credential=own.credential)


def pushed(own: OwnRegistry) -> ImageReference:
    digest = image_in(client(own), REPOSITORY)
    return ImageReference(host=own.host, repository=REPOSITORY, version=digest)


def statement(image: ImageReference, **changes: Any) -> bytes:
    algorithm, _, value = image.version.partition(":")
    about = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "x", "digest": {algorithm: value}}],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {},
    }
    return json.dumps(about | changes).encode()


async def test_a_signed_image_is_what_openssl_and_the_specification_call_signed(
    own: Callable[..., AbstractContextManager[OwnRegistry]], tmp_path: Path
) -> None:
    with own() as registry:
        image = pushed(registry)
        async with signer(registry) as it:
            assert not await it.is_signed(image)
            await it.sign(image)
            assert await it.is_signed(image)

        (found,) = signatures(
            client(registry), REPOSITORY, image.version, OURS, tmp_path
        )
        assert found["critical"]["identity"] == {
            "docker-reference": f"{registry.host}/{REPOSITORY}"
        }


async def test_who_signs_again_changes_nothing(
    own: Callable[..., AbstractContextManager[OwnRegistry]],
) -> None:
    with own() as registry:
        image = pushed(registry)
        for _ in range(3):  # another leader each time
            async with signer(registry) as it:
                await it.attest(image, statement(image))
                await it.sign(image)
        tags = [f"{image.version.replace(':', '-')}.{name}" for name in ("sig", "att")]
        found = [client(registry).manifest(REPOSITORY, tag) for tag in tags]

        assert [len(answer.json()["layers"]) for answer in found if answer] == [1, 1]


async def test_what_others_attached_stays(
    own: Callable[..., AbstractContextManager[OwnRegistry]], tmp_path: Path
) -> None:
    with own() as registry:
        image, registered = pushed(registry), client(registry)
        async with signer(registry, THEIRS) as it:
            await it.sign(image)
            await it.attest(image, statement(image, predicate={"by": "them"}))
        async with signer(registry) as it:
            assert not await it.is_signed(image)
            for number in range(2):  # a build that made the same image, bit for bit
                await it.sign(image)
                await it.attest(image, statement(image, predicate={"by": number}))
            assert await it.is_signed(image)

        for pair in (OURS, THEIRS):
            found = signatures(registered, REPOSITORY, image.version, pair, tmp_path)
            assert len(found) == 1
        tag = f"{image.version.replace(':', '-')}.att"
        manifest = registered.manifest(REPOSITORY, tag)
        assert manifest is not None
        assert len(manifest.json()["layers"]) == 2


async def test_a_signature_of_another_image_or_key_is_none(
    own: Callable[..., AbstractContextManager[OwnRegistry]],
) -> None:
    with own() as registry:
        image, registered = pushed(registry), client(registry)
        async with signer(registry) as it:
            await it.sign(image)
            tag = f"{image.version.replace(':', '-')}.sig"
            manifest = registered.manifest(REPOSITORY, tag)
            assert manifest is not None
            other = f"sha256:{'1' * 64}"
            raw = manifest.body
            registered.push_manifest(REPOSITORY, f"{other.replace(':', '-')}.sig", raw)
            assert not await it.is_signed(replace(image, version=other))

            read = json.loads(raw)
            read["layers"][0]["annotations"] = {
                "dev.cosignproject.cosign/signature": "bm9uZQ=="
            }
            registered.push_manifest(REPOSITORY, tag, json.dumps(read).encode())
            assert not await it.is_signed(image)
            read["layers"][0].pop("annotations")
            registered.push_manifest(REPOSITORY, tag, json.dumps(read).encode())
            assert not await it.is_signed(image)


async def test_credentials_that_may_push_are_shown(
    own: Callable[..., AbstractContextManager[OwnRegistry]], tmp_path: Path
) -> None:
    with own(has_users=True) as registry:
        image = pushed(registry)
        async with signer(registry, credentials=registry.config()) as it:
            await it.sign(image)

        found = signatures(client(registry), REPOSITORY, image.version, OURS, tmp_path)
        assert len(found) == 1


@pytest.mark.parametrize("password", [None, "wrong"])
async def test_a_registry_that_lets_nobody_in_refuses(
    own: Callable[..., AbstractContextManager[OwnRegistry]], password: str | None
) -> None:
    with own(has_users=True) as registry:
        image = pushed(registry)
        config = registry.config(password) if password else None
        async with signer(registry, credentials=config) as it:
            with pytest.raises(RegistryRefusedError, match=r"401.*UNAUTHORIZED"):
                await it.sign(image)


async def test_a_registry_that_takes_nothing_refuses(
    own: Callable[..., AbstractContextManager[OwnRegistry]],
) -> None:
    with own() as registry:
        image = pushed(registry)
    with own(is_read_only=True) as closed:
        async with signer(closed) as it:
            with pytest.raises(RegistryRefusedError, match="405"):
                await it.sign(replace(image, host=closed.host))


async def test_a_registry_that_is_away_is_no_refusal(
    own: Callable[..., AbstractContextManager[OwnRegistry]],
) -> None:
    with own() as registry:
        image = pushed(registry)
    async with signer(registry) as it:
        with pytest.raises(TransientError) as caught:
            await it.sign(image)
    assert not isinstance(caught.value, RegistryRefusedError)


def tried(image: ImageReference) -> SigningRequest:
    build = some_build()
    made = Image(
        reference=image.at(image.version),
        size=1,
        packages=(),
        built_at=NOW,
        build_id=build.id,
    )
    job = {
        **to_job(build, an_options()),
        "status": {"startTime": "2026-03-01T12:00:00Z"},
    }

    async def read_job() -> dict[str, Any]:
        return job

    return SigningRequest(
        build=build, image=made, read_job=read_job, pod=None, finished=NOW
    )


async def signed_or_not(
    own: OwnRegistry,
    image: ImageReference,
    *,
    credentials: Path | None = None,
    mend: Callable[[], None] = lambda: None,
) -> tuple[Failure | None, list[Failure | None]]:
    """Take the step for as long as patience lasts, or until somebody mends."""
    clock, told = TurnedClock(), list[Failure | None]()

    def tell(failure: Failure | None) -> None:
        told.append(failure)
        if len(told) == 2:
            mend()
        if len(told) == 4:
            clock.advance(PATIENCE + timedelta(seconds=1))

    chosen = SigningOptions(
        key=read_signing_key(OURS.plain(), ""),
        author=Author(builder_id="https://relaunch.example.org", version="1"),
        credentials=credentials,
    )
    async with ClientSession() as session:
        step = create_signing(chosen, session, insecure=[own.host], clock=clock)
        failure = await step.failure(tried(image), tell)
        if failure is None:
            assert await step.has_signed(image)
    return failure, told


async def test_the_step_attaches_provenance_and_a_signature(
    own: Callable[..., AbstractContextManager[OwnRegistry]], tmp_path: Path
) -> None:
    with own(has_users=True) as registry:
        image = pushed(registry)
        failure, told = await signed_or_not(
            registry, image, credentials=registry.config()
        )

        assert (failure, told) == (None, [None])
        asked = (client(registry), REPOSITORY, image.version, OURS)
        (found,) = attestations(*asked)
        metadata = found["predicate"]["runDetails"]["metadata"]
        assert metadata["startedOn"] == "2026-03-01T12:00:00Z"
        assert len(signatures(*asked, tmp_path)) == 1


async def test_what_is_in_the_way_is_told_until_it_is_mended(
    own: Callable[..., AbstractContextManager[OwnRegistry]], tmp_path: Path
) -> None:
    with own(has_users=True) as registry:
        image, config = pushed(registry), registry.config("wrong")

        def mend() -> None:
            config.write_text(registry.config().read_text())

        failure, told = await signed_or_not(
            registry, image, credentials=config, mend=mend
        )

        assert failure is None
        assert {item.kind for item in told if item} == {FailureClass.REGISTRY_REFUSED}
        assert told[-1] is None
        found = signatures(client(registry), REPOSITORY, image.version, OURS, tmp_path)
        assert len(found) == 1


async def test_an_image_that_cannot_be_signed_is_an_operator_s_matter(
    own: Callable[..., AbstractContextManager[OwnRegistry]],
) -> None:
    with own(has_users=True) as registry:
        image = pushed(registry)
        refused, _ = await signed_or_not(registry, image)
    away, _ = await signed_or_not(registry, image)

    assert refused is not None
    assert away is not None
    assert refused.kind is FailureClass.REGISTRY_REFUSED
    assert away.kind is FailureClass.NETWORK
    for failure in (refused, away):
        assert not failure.kind.is_final
        assert "could not be signed" in failure.message


async def test_an_image_that_is_gone_is_not_signed(
    own: Callable[..., AbstractContextManager[OwnRegistry]],
) -> None:
    with own() as registry:
        image = replace(pushed(registry), version=f"sha256:{'1' * 64}")
        failure, _ = await signed_or_not(registry, image)

    assert failure is not None
    assert failure.kind is FailureClass.REGISTRY_REFUSED
