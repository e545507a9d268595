"""What registries say of images, and of pushing, becomes a line each."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, encode_basic_auth, web
from aiohttp.test_utils import TestServer

from service.adapters.kubernetes.doctor.images import ImageChecks
from service.adapters.kubernetes.doctor.sample import create_sample
from service.adapters.kubernetes.oci.registry import Registry
from service.adapters.kubernetes.oci.responses import digest_of
from service.domain.diagnosis import CheckResult, CheckStatus
from tests.adapters.kubernetes.oci.test_builder_image import EXTENSIONS, speaking
from tests.adapters.kubernetes.variants import an_options

OWNER = ["CNB_USER_ID=1001", "CNB_GROUP_ID=1000"]
PASSWORD = "hunter2-of-the-registry"


@dataclass(slots=True)
class Store:
    """A registry with one image, which lets some push.

    Uploads as https://github.com/opencontainers/distribution-spec/blob/main/spec.md has
    them: a POST is answered with 202 and a place, which may be relative.
    """

    config: dict[str, Any] = field(default_factory=dict)
    push: int = 202
    wants: str = ""
    platform: str = "amd64"
    open_uploads: set[str] = field(default_factory=set)

    async def handle(self, request: web.Request) -> web.Response:
        if self.wants and request.headers.get("Authorization") != self.wants:
            wanted = {"WWW-Authenticate": 'Basic realm="x"'}
            return web.Response(status=401, headers=wanted)
        if "/uploads/" in request.path:
            return self._upload(request)
        about = {"os": "linux", "architecture": self.platform, "config": self.config}
        config = json.dumps(about).encode()
        if "/blobs/" in request.path:
            return web.Response(body=config)
        if not request.path.endswith(("/builder/manifests/1", "/run/manifests/1")):
            return web.Response(status=404)
        described = {"digest": digest_of(config), "size": len(config)}
        manifest = json.dumps({"config": described, "layers": []}).encode()
        headers = {"Docker-Content-Digest": digest_of(manifest)}
        return web.Response(body=manifest, headers=headers)

    def _upload(self, request: web.Request) -> web.Response:
        if request.method == "DELETE":
            assert request.raw_path.endswith("?_state=a%2Fb")
            self.open_uploads.remove(request.path)
            return web.Response(status=204)
        if self.push != 202:
            return web.Response(status=self.push)
        self.open_uploads.add(f"{request.path}one")
        place = f"{request.path}one?_state=a%2Fb"
        return web.Response(status=202, headers={"Location": place})


@asynccontextmanager
async def checks(
    store: Store, credentials: Path | None = None, **changes: Any
) -> AsyncIterator[ImageChecks]:
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", store.handle)
    async with TestServer(application) as server, ClientSession() as session:
        host = f"{server.host}:{server.port}"
        if credentials is not None:
            write_credentials(credentials, host)
        options = an_options(
            **{
                "builder_image": f"{host}/o/builder:1",
                "run_image": f"{host}/o/run:1",
                "target": f"{host}/o/built",
                "insecure_registries": (host,),
                "user": 1001,
                "group": 1000,
                **changes,
            }
        )
        yield ImageChecks(
            registry=Registry(
                session=session, insecure=[host], credentials=credentials
            ),
            options=options,
            sample=create_sample(options),
            shown_as="as somebody",
        )


def write_credentials(path: Path, host: str) -> None:
    known = {"username": "me", "password": PASSWORD}
    path.write_text(json.dumps({"auths": {host: known}}))


def by_subject(found: Any) -> dict[str, CheckResult]:
    return {result.subject: result for result in found}


async def test_a_builder_of_pack_is_told_by_its_labels_and_its_user() -> None:
    store = Store(config={"Env": OWNER, "Labels": speaking("0.11", "0.12")})
    async with checks(store) as asked:
        found = by_subject(await asked.check_builder())
        run = by_subject(await asked.check_run_image())

    assert {result.status for result in found.values()} == {CheckStatus.OK}
    assert "exists, sha256:" in found["builder image"].seen
    assert "exists, sha256:" in run["run image"].seen
    assert found["user and group"].seen.startswith("1001:1000")


@pytest.mark.parametrize(
    ("config", "subject", "status", "words"),
    [
        pytest.param(
            {"Env": OWNER, "Labels": speaking("0.9")},
            "platform API",
            CheckStatus.FAILED,
            "0.9",
            id="old",
        ),
        pytest.param(
            {"Labels": {EXTENSIONS: '[{"group": [{"id": "a/b"}]}]'}},
            "platform API",
            CheckStatus.FAILED,
            "image extensions",
            id="extensions",
        ),
        pytest.param(
            {}, "platform API", CheckStatus.WARNING, "is unknown", id="silent"
        ),
        pytest.param({}, "user and group", CheckStatus.WARNING, "CNB_", id="nobody"),
        pytest.param(
            {"Env": ["CNB_USER_ID=1000", "CNB_GROUP_ID=1000"]},
            "user and group",
            CheckStatus.FAILED,
            "for 1000:1000",
            id="another",
        ),
        pytest.param(
            {"Env": ["CNB_USER_ID=1001", "CNB_GROUP_ID=1001"]},
            "user and group",
            CheckStatus.WARNING,
            "for 1001:1001",
            id="another group",
        ),
        pytest.param(
            {"Env": None, "Labels": None},
            "user and group",
            CheckStatus.WARNING,
            "",
            id="null",
        ),
    ],
)
async def test_what_does_not_fit_is_told(
    config: dict[str, Any], subject: str, status: CheckStatus, words: str
) -> None:
    async with checks(Store(config=config)) as asked:
        found = by_subject(await asked.check_builder())[subject]

    assert found.status is status
    assert words in found.seen


async def test_an_image_of_another_machine_is_warned_of() -> None:
    async with checks(Store(platform="arm64")) as asked:
        found = await asked.check_run_image()

    assert [result.status for result in found] == [CheckStatus.OK, CheckStatus.WARNING]
    assert "linux/arm64" in found[1].seen


async def test_an_image_without_a_registry_is_not_asked_for() -> None:
    async with checks(Store(), run_image="paketobuildpacks/run:1") as asked:
        (found,) = await asked.check_run_image()

    assert found.status is CheckStatus.WARNING
    assert "docker.io" in found.advice


async def test_to_see_whether_it_may_be_pushed_nothing_is() -> None:
    store = Store()
    async with checks(store, cache_image="") as asked:
        (found,) = await asked.check_push()

    assert found.status is CheckStatus.OK
    assert store.open_uploads == set()


@pytest.mark.parametrize(
    ("status", "words"),
    [(401, "401"), (403, "403"), (404, "creates none"), (500, "500")],
)
async def test_a_push_that_is_refused_is_told(status: int, words: str) -> None:
    async with checks(Store(push=status)) as asked:
        (found,) = await asked.check_push()

    assert found.status is CheckStatus.FAILED
    assert words in found.seen
    assert found.advice


async def test_a_registry_that_shows_that_there_is_nothing_yet_may_be_read() -> None:
    async with checks(Store()) as asked:
        (found,) = await asked.check_pull()

    assert found.status is CheckStatus.OK
    assert "may be read" in found.seen


async def test_a_registry_that_shows_nothing_is_named() -> None:
    async with checks(Store(wants="Basic somebody-elses")) as asked:
        (found,) = await asked.check_pull()

    assert found.status is CheckStatus.FAILED
    assert "401" in found.seen
    assert "RELAUNCH_KUBERNETES_REGISTRY_CONFIG" in found.advice


async def test_credentials_are_shown_to_the_registry_and_to_nobody_else(
    tmp_path: Path,
) -> None:
    path = tmp_path / "config.json"
    wants = encode_basic_auth("me", PASSWORD)
    async with checks(Store(wants=wants), path) as asked:
        good = await asked.check_push()
        write_credentials(path, "elsewhere.example")
        bad = [*await asked.check_push(), *await asked.check_builder()]

    assert [result.status for result in good] == [CheckStatus.OK]
    assert {result.status for result in bad} == {CheckStatus.FAILED}
    assert PASSWORD not in str(bad)
