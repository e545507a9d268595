"""What registries are asked, and shown."""

import base64
import gzip
import io
import json
import tarfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiohttp import ClientSession, encode_basic_auth, web
from aiohttp.test_utils import TestServer

from service.adapters.kubernetes.registry import Reference, Registry
from service.adapters.kubernetes.sbom import LABEL, bill_of, packages
from service.domain.build import Package
from service.errors import NotFoundError, PermanentError, TransientError

DIGEST = f"sha256:{'1' * 64}"
MANIFEST = {
    "config": {"digest": "sha256:c", "size": 10},
    "layers": [{"digest": "sha256:a", "size": 100}, {"digest": "sha256:b", "size": 7}],
}


@dataclass(slots=True)
class FakeRegistry:
    """Holds one image, for whoever shows the right thing."""

    wants: str = ""
    """`basic` or `bearer`."""
    status: int = 0
    host: str = ""
    told: str = DIGEST
    shown: list[str] = field(default_factory=list)

    async def handle(self, request: web.Request) -> web.Response:
        given = request.headers.get("Authorization", "")
        self.shown.append(given)
        if request.path == "/token":
            assert request.query["scope"] == "repository:o/n:pull"
            is_known = given == encode_basic_auth("me", "p:w")
            return web.json_response({"token": "it"}, status=200 if is_known else 401)
        if self.status:
            return web.Response(status=self.status)
        right = {
            "": "",
            "basic": encode_basic_auth("me", "p:w"),
            "bearer": "Bearer it",
        }
        if given != right[self.wants]:
            return web.Response(status=401, headers=self._wanted())
        if request.path.rpartition("/v2/o/n/manifests/")[2] not in {DIGEST, "moves"}:
            return web.Response(status=404)
        headers = {"Docker-Content-Digest": self.told}
        return web.json_response(MANIFEST, headers=headers)

    def _wanted(self) -> dict[str, str]:
        realm = f'realm="http://{self.host}/token",service="s"'
        bearer = f'Bearer {realm},scope="repository:o/n:pull"'
        wanted = bearer if self.wants == "bearer" else 'Basic realm="x"'
        return {"WWW-Authenticate": wanted}


@asynccontextmanager
async def registry(
    fake: FakeRegistry, credentials: Path | None = None
) -> AsyncIterator[Registry]:
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", fake.handle)
    async with TestServer(application) as server, ClientSession() as session:
        fake.host = f"{server.host}:{server.port}"
        yield Registry(session=session, insecure=[fake.host], credentials=credentials)


def image_at(fake: FakeRegistry, version: str = DIGEST) -> Reference:
    return Reference(host=fake.host, repository="o/n", version=version)


async def test_an_image_is_as_large_as_what_is_fetched_of_it() -> None:
    fake = FakeRegistry()
    async with registry(fake) as it:
        manifest = await it.manifest(image_at(fake))

    assert (manifest.digest, manifest.size) == (DIGEST, 117)


@pytest.mark.parametrize("form", ["auth", "username"])
@pytest.mark.parametrize("wants", ["basic", "bearer"])
async def test_who_is_asked_for_credentials_shows_those_of_the_host(
    tmp_path: Path, wants: str, form: str
) -> None:
    fake, path = FakeRegistry(wants=wants), tmp_path / "config.json"
    async with registry(fake, path) as it:
        known = (
            {"auth": base64.b64encode(b"me:p:w").decode()}
            if form == "auth"
            else {"username": "me", "password": "p:w"}
        )
        other = {"auth": base64.b64encode(b"you:secret").decode()}
        path.write_text(json.dumps({"auths": {fake.host: known, "other": other}}))

        assert await it.has(image_at(fake))
    assert fake.shown[0] == ""


@pytest.mark.parametrize("wants", ["basic", "bearer"])
async def test_who_is_refused_does_not_take_an_image_for_gone(wants: str) -> None:
    fake = FakeRegistry(wants=wants)
    async with registry(fake) as it:
        with pytest.raises(TransientError, match="401"):
            await it.has(image_at(fake))


@pytest.mark.parametrize("status", [403, 429, 500, 503])
async def test_an_answer_that_is_none_tells_nothing(status: int) -> None:
    fake = FakeRegistry(status=status)
    async with registry(fake) as it:
        with pytest.raises(TransientError, match=str(status)):
            await it.has(image_at(fake))


async def test_an_image_that_is_not_there_is_not_there() -> None:
    fake = FakeRegistry()
    async with registry(fake) as it:
        assert not await it.has(image_at(fake, "other"))
        with pytest.raises(NotFoundError):
            await it.manifest(image_at(fake, "other"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("localhost/n", ("localhost", "n", "latest")),
        ("h:5000/o/n:t", ("h:5000", "o/n", "t")),
        (f"h.org/o/n@{DIGEST}", ("h.org", "o/n", DIGEST)),
        (f"h.org/o/n:t@{DIGEST}", ("h.org", "o/n", DIGEST)),
    ],
)
def test_references_are_read(text: str, expected: tuple[str, str, str]) -> None:
    it = Reference.from_text(text)

    assert (it.host, it.repository, it.version) == expected


@pytest.mark.parametrize("text", ["", "name", "name:tag", "org/name"])
def test_a_reference_without_a_registry_is_none(text: str) -> None:
    with pytest.raises(PermanentError, match="registry"):
        Reference.from_text(text)


def test_a_bill_names_python_and_conda_packages_and_nothing_else() -> None:
    bill = {
        "components": [
            {"name": "six", "version": "1.17", "purl": "pkg:pypi/six@1.17"},
            {"name": "git", "version": "2", "purl": "pkg:conda/git@2"},
            {"name": "libc6", "version": "2", "purl": "pkg:deb/debian/libc6@2"},
            {"name": "file"},
        ]
    }
    layer = a_layer({"layers/sbom/launch/x/sbom.cdx.json": json.dumps(bill)})

    assert packages(layer) == (
        Package(name="git", version="2", manager="conda"),
        Package(name="six", version="1.17"),
    )


@pytest.mark.parametrize(
    "layer",
    [b"", b"no archive", gzip.compress(b"no archive either")],
    ids=["empty", "no archive", "packed"],  # what is packed carries the time
)
def test_a_bill_that_cannot_be_read_names_nothing(layer: bytes) -> None:
    assert packages(layer) == ()
    assert packages(a_layer({"layers/sbom/launch/x/sbom.cdx.json": "{"})) == ()
    assert packages(a_layer({"layers/sbom/launch/x/sbom.cdx.json": "[]"})) == ()


def test_an_image_says_which_layer_is_its_bill() -> None:
    label = json.dumps({"sbom": {"sha": "sha256:2"}})
    names = {"diff_ids": ["sha256:1", "sha256:2"]}

    assert bill_of(a_config({LABEL: label}, names)) == 1
    assert bill_of(a_config({}, names)) is None
    assert bill_of(a_config({LABEL: label}, {"diff_ids": []})) is None


def a_config(labels: dict[str, str], layers: dict[str, list[str]]) -> bytes:
    return json.dumps({"config": {"Labels": labels}, "rootfs": layers}).encode()


def a_layer(files: dict[str, str]) -> bytes:
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w:gz") as archive:
        for name, text in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(text)
            archive.addfile(info, io.BytesIO(text.encode()))
    return raw.getvalue()


@pytest.mark.parametrize("wants", ["", "basic", "bearer"])
async def test_a_registry_tells_what_a_tag_names_now(
    tmp_path: Path, wants: str
) -> None:
    fake, path = FakeRegistry(wants=wants), tmp_path / "config.json"
    async with registry(fake, path) as it:
        known = {"username": "me", "password": "p:w"}
        path.write_text(json.dumps({"auths": {fake.host: known}}))
        first = await it.digest(image_at(fake, "moves"))
        fake.told = "sha256:" + "2" * 64

        assert await it.digest(image_at(fake, "moves")) == fake.told
    assert first == DIGEST


@pytest.mark.parametrize("told", ["", "sha256:2", "moves"])
async def test_a_digest_that_is_none_is_not_built_with(told: str) -> None:
    fake = FakeRegistry(told=told)
    async with registry(fake) as it:
        with pytest.raises(TransientError, match="digest"):
            await it.digest(image_at(fake, "moves"))
        with pytest.raises(NotFoundError):
            await it.digest(image_at(fake, "other"))
