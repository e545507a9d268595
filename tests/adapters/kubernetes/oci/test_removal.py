"""Images leave a registry by their digest, with what was signed for them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer

from service.adapters.kubernetes.oci.connection import RegistryRefusedError
from service.adapters.kubernetes.oci.references import ImageReference
from service.adapters.kubernetes.oci.registry import Registry
from service.adapters.kubernetes.oci.removal import remove_signed_image
from service.errors import TransientError

DIGEST = "sha256:" + "a" * 64
SIGNATURES = "sha256:" + "b" * 64
TAG = DIGEST.replace(":", "-") + ".sig"


@asynccontextmanager
async def a_registry(
    held: dict[str, str], deleted: list[str], status: int = 202
) -> AsyncIterator[tuple[Registry, ImageReference]]:
    """Serve manifests by tag and digest; note which are deleted."""

    async def look(request: web.Request) -> web.Response:
        digest = held.get(request.match_info["version"])
        if digest is None:
            return web.Response(status=404)
        return web.Response(headers={"Docker-Content-Digest": digest})

    async def delete(request: web.Request) -> web.Response:
        version = request.match_info["version"]
        if status != 202:
            return web.Response(status=status)
        deleted.append(version)
        return web.Response(status=202 if version in held.values() else 404)

    application = web.Application()
    application.router.add_route("HEAD", "/v2/o/n/manifests/{version}", look)
    application.router.add_route("DELETE", "/v2/o/n/manifests/{version}", delete)
    async with TestServer(application) as server, ClientSession() as session:
        host = f"{server.host}:{server.port}"
        registry = Registry(session=session, insecure=[host], credentials=None)
        yield registry, ImageReference(host=host, repository="o/n", version=DIGEST)


async def test_an_image_goes_after_its_signatures() -> None:
    deleted: list[str] = []
    held = {TAG: SIGNATURES, DIGEST: DIGEST}
    async with a_registry(held, deleted) as (registry, image):
        assert await remove_signed_image(registry, image)

    assert deleted == [SIGNATURES, DIGEST]


async def test_what_is_gone_already_is_no_error() -> None:
    deleted: list[str] = []
    async with a_registry({}, deleted) as (registry, image):
        assert await remove_signed_image(registry, image)

    assert deleted == [DIGEST]


@pytest.mark.parametrize("status", [400, 405])
async def test_a_registry_that_deletes_nothing_says_so(status: int) -> None:
    async with a_registry({DIGEST: DIGEST}, [], status) as (registry, image):
        assert not await remove_signed_image(registry, image)


@pytest.mark.parametrize(
    ("status", "error"), [(403, RegistryRefusedError), (500, TransientError)]
)
async def test_what_an_operator_grants_or_time_mends_is_tried_again(
    status: int, error: type[Exception]
) -> None:
    async with a_registry({DIGEST: DIGEST}, [], status) as (registry, image):
        with pytest.raises(error):
            await remove_signed_image(registry, image)
