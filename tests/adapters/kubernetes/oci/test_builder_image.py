"""Builder images that cannot build here are told before a Job is made."""

import hashlib
import json
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer

from service.adapters.kubernetes.builder import KubernetesBuilder
from service.adapters.kubernetes.client import ApiConnection
from service.adapters.kubernetes.oci.builder_image import (
    BuilderImageChecker,
    find_incompatibility,
)
from service.adapters.kubernetes.oci.registry import Registry
from service.domain.building.failure import FailureClass as C
from service.ports.builder import HinderedError
from tests.adapters.kubernetes.variants import an_options, some_build
from tests.adapters.local.builds import KeptLogs
from tests.support.clock import TurnedClock
from tests.support.kube_api import kube_api

EXTENSIONS = "io.buildpacks.buildpack.order-extensions"
METADATA = "io.buildpacks.builder.metadata"


def speaking(*supported: str, deprecated: tuple[str, ...] = ()) -> Mapping[str, str]:
    """The label of a builder whose lifecycle speaks these platform APIs.

    https://github.com/buildpacks/pack/blob/main/internal/builder/metadata.go
    """
    platform = {"deprecated": list(deprecated), "supported": list(supported)}
    return {METADATA: json.dumps({"lifecycle": {"apis": {"platform": platform}}})}


@pytest.mark.parametrize(
    "labels",
    [
        pytest.param({}, id="says nothing"),
        pytest.param(speaking("0.11", "0.12"), id="speaks it"),
        pytest.param(speaking("0.13", deprecated=("0.12",)), id="still speaks it"),
        pytest.param({EXTENSIONS: "[]"}, id="no extensions"),
        pytest.param({EXTENSIONS: "null"}, id="no extensions at all"),
        pytest.param({EXTENSIONS: "{", METADATA: "["}, id="unreadable"),
        pytest.param({METADATA: "[" * 100_000}, id="nested without end"),
        pytest.param({METADATA: '{"lifecycle": null}'}, id="says it another way"),
    ],
)
def test_a_builder_that_may_be_of_use_is_tried(labels: Mapping[str, Any]) -> None:
    assert find_incompatibility(labels, platform_api="0.12") is None


def test_image_extensions_are_refused_with_a_sentence() -> None:
    order = [{"group": [{"id": "some/extension", "version": "1"}]}]
    found = find_incompatibility({EXTENSIONS: json.dumps(order)}, platform_api="0.12")

    assert found is not None
    assert found.kind is C.UNFIT_BUILDER
    assert "image extensions" in found.message


def test_another_platform_api_is_refused_with_those_that_are_spoken() -> None:
    found = find_incompatibility(speaking("0.7", "0.8"), platform_api="0.12")

    assert found is not None
    assert found.kind is C.UNFIT_BUILDER
    assert found.message.endswith("does not support platform API 0.12, but 0.7, 0.8")


async def test_a_builder_that_is_of_no_use_starts_nothing_and_is_asked_again_later(
    tmp_path: Path,
) -> None:
    clock, labels = TurnedClock(), dict(speaking("0.7"))
    asked: list[str] = []

    async def tell(request: web.Request) -> web.Response:
        asked.append(request.path)
        config = json.dumps({"config": {"Labels": labels}}).encode()
        if "manifests" in request.path:
            digest = f"sha256:{hashlib.sha256(config).hexdigest()}"
            layer = {"digest": digest, "size": len(config)}
            return web.json_response({"config": layer, "layers": []})
        return web.Response(body=config)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", tell)
    async with (
        TestServer(app, host="127.0.0.1") as server,
        kube_api(tmp_path) as api,
        ClientSession() as session,
    ):
        host = f"{server.host}:{server.port}"
        options = an_options(builder_image=f"{host}/b:1", insecure_registries=(host,))
        builder = KubernetesBuilder(
            connection=ApiConnection(namespace="builds", kubeconfig=api.kubeconfig),
            options=options,
            clock=clock,
            logs=KeptLogs(),
            credentials=None,
        )
        async with builder:
            with pytest.raises(HinderedError, match=r"platform API 0\.12") as refused:
                await builder.start(some_build())
        registry = Registry(session=session, insecure=(host,), credentials=None)
        known = BuilderImageChecker(registry=registry, platform_api="0.12", clock=clock)
        first = await known.find_incompatibility(f"{host}/b:1")
        labels.update(speaking("0.12"))
        still = await known.find_incompatibility(f"{host}/b:1")
        clock.advance(timedelta(minutes=10))

        assert await known.find_incompatibility(f"{host}/b:1") is None
        assert await known.find_incompatibility("127.0.0.1:9/nobody:1") is None
    assert refused.value.failure == first == still
