"""What registries are asked, and shown."""

import base64
import gzip
import hashlib
import io
import json
import ssl
import tarfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiohttp import ClientSession, TCPConnector, encode_basic_auth, web
from aiohttp.test_utils import TestServer

from service.adapters.kubernetes.oci.connection import make_session
from service.adapters.kubernetes.oci.references import ImageReference, Layer
from service.adapters.kubernetes.oci.registry import Registry
from service.adapters.kubernetes.oci.sbom import LABEL, find_sbom_layer, read_packages
from service.certificates import tls_of
from service.domain.building.build import Package
from service.errors import NotFoundError, PermanentError, TransientError
from tests.support.processor_time import processor_time
from tests.support.tls import Certificates


def digest_of(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


CONFIG = b'{"config": {}}'
MANIFEST = {
    "config": {"digest": digest_of(CONFIG), "size": 14},
    "layers": [
        {"digest": digest_of(b"a"), "size": 100},
        {"digest": digest_of(b"b"), "size": 7},
    ],
}
DIGEST = digest_of(json.dumps(MANIFEST).encode())


@dataclass(slots=True)
class FakeRegistry:
    """Holds one image, for whoever shows the right thing."""

    wants: str = ""
    """`basic` or `bearer`."""
    status: int = 0
    host: str = ""
    told: str = DIGEST
    said: dict[str, bytes] = field(default_factory=dict)
    """Other answers, by the end of the path."""
    moved: dict[str, str] = field(default_factory=dict)
    """Where it redirects to, by the end of the path."""
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
        name = request.path.rpartition("/")[2]
        if name in {*self.moved, *self.said}:
            return self._other(name)
        if request.path.rpartition("/v2/o/n/manifests/")[2] not in {DIGEST, "moves"}:
            return web.Response(status=404)
        headers = {"Docker-Content-Digest": self.told}
        return web.json_response(MANIFEST, headers=headers)

    def _other(self, name: str) -> web.Response:
        if name in self.moved:
            return web.Response(status=307, headers={"Location": self.moved[name]})
        return web.Response(body=self.said[name])

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
    async with TestServer(application) as server, make_session(tls_of({})) as session:
        fake.host = f"{server.host}:{server.port}"
        yield Registry(session=session, insecure=[fake.host], credentials=credentials)


def image_at(fake: FakeRegistry, version: str = DIGEST) -> ImageReference:
    return ImageReference(host=fake.host, repository="o/n", version=version)


async def test_an_image_is_as_large_as_what_is_fetched_of_it() -> None:
    fake = FakeRegistry()
    async with registry(fake) as it:
        manifest = await it.manifest(image_at(fake))

    assert (manifest.digest, manifest.size) == (DIGEST, 121)


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


@pytest.mark.parametrize("name", ["", "/o", "/o/n"])
async def test_the_credentials_of_the_longest_prefix_are_shown(
    tmp_path: Path, name: str
) -> None:
    """https://kubernetes.io/docs/concepts/containers/images/#config-json"""
    fake, path = FakeRegistry(wants="basic"), tmp_path / "config.json"
    async with registry(fake, path) as it:
        others = {"username": "you", "password": "secret"}
        places = ["", "/o", "/o/n", "/o/na", "/o/n/more"]
        auths = {fake.host + place: others for place in places if place <= name}
        auths |= {fake.host + place: others for place in ("/o/na", "/o/n/more")}
        auths[fake.host + name] = {"username": "me", "password": "p:w"}
        path.write_text(json.dumps({"auths": auths}))

        assert await it.has(image_at(fake))


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
    it = ImageReference.from_text(text)

    assert (it.host, it.repository, it.version) == expected


@pytest.mark.parametrize("text", ["", "name", "name:tag", "org/name"])
def test_a_reference_without_a_registry_is_none(text: str) -> None:
    with pytest.raises(PermanentError, match="registry"):
        ImageReference.from_text(text)


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

    assert read_packages(layer) == (
        Package(name="git", version="2", manager="conda"),
        Package(name="six", version="1.17"),
    )


@pytest.mark.parametrize(
    "layer",
    [b"", b"no archive", gzip.compress(b"no archive either")],
    ids=["empty", "no archive", "packed"],  # what is packed carries the time
)
def test_a_bill_that_cannot_be_read_names_nothing(layer: bytes) -> None:
    assert read_packages(layer) == ()
    assert read_packages(a_layer({"layers/sbom/launch/x/sbom.cdx.json": "{"})) == ()
    assert read_packages(a_layer({"layers/sbom/launch/x/sbom.cdx.json": "[]"})) == ()


def test_an_image_says_which_layer_is_its_bill() -> None:
    label = json.dumps({"sbom": {"sha": "sha256:2"}})
    names = {"diff_ids": ["sha256:1", "sha256:2"]}

    assert find_sbom_layer(a_config({LABEL: label}, names)) == 1
    assert find_sbom_layer(a_config({}, names)) is None
    assert find_sbom_layer(a_config({LABEL: label}, {"diff_ids": []})) is None


def a_config(labels: dict[str, str], layers: dict[str, list[str]]) -> dict[str, object]:
    return {"config": {"Labels": labels}, "rootfs": layers}


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


INDEX = json.dumps({"manifests": [{"digest": "moves"}]}).encode()
UNREADABLE = {
    "no object": b"[]",
    "no JSON": b"<html>",
    "too many values": b"[" + b"[]," * 1_000_000 + b"0]",
    "too deep": b"[" * 100_000,
    "too large": b" " * (5 << 20),
    "no manifest": b"{}",
    "no layers": json.dumps({**MANIFEST, "layers": None}).encode(),
    "a size that is none": b'{"config": {"digest": "x", "size": -1}, "layers": []}',
    "an index of nothing": b'{"manifests": []}',
    "an index that is no list": b'{"manifests": {"a": 1}}',
    "an index of a name": INDEX,
    "an index of what is not there": INDEX.replace(b"moves", digest_of(b"x").encode()),
}


@pytest.mark.parametrize("name", UNREADABLE)
async def test_a_manifest_that_is_none_is_an_error_and_costs_little(name: str) -> None:
    fake = FakeRegistry(said={"latest": UNREADABLE[name]})
    async with registry(fake) as it:
        with (
            processor_time() as taken,
            pytest.raises((TransientError, NotFoundError)) as caught,
        ):
            await it.manifest(image_at(fake, "latest"))

        assert taken() < 0.3
    assert len(str(caught.value)) < 1000
    assert len(fake.shown) <= 2


async def test_an_index_leads_to_its_first_image_and_to_no_other_index() -> None:
    inner = json.dumps({"manifests": [{"digest": DIGEST}]}).encode()
    outer = json.dumps({"manifests": [{"digest": digest_of(inner)}]}).encode()
    fake = FakeRegistry(said={"one": inner, "two": outer, digest_of(inner): inner})
    async with registry(fake) as it:
        found = await it.manifest(image_at(fake, "one"))
        with pytest.raises(TransientError, match="cannot be read"):
            await it.manifest(image_at(fake, "two"))

    assert (found.digest, found.size) == (digest_of(inner), 121)


async def test_content_that_has_another_digest_is_not_believed() -> None:
    forged = json.dumps({**MANIFEST, "layers": []}).encode()
    fake = FakeRegistry(said={DIGEST: forged})
    async with registry(fake) as it:
        with pytest.raises(TransientError, match="does not have the digest"):
            await it.manifest(image_at(fake))

    wanted = Layer(digest=digest_of(CONFIG), size=14)
    fake = FakeRegistry(said={digest_of(CONFIG): b'{"config": {"a": 1}}'})
    async with registry(fake) as it:
        with pytest.raises(TransientError, match="does not have the digest"):
            await it.blob(image_at(fake), wanted)


async def test_a_blob_that_is_larger_than_it_says_is_not_read_to_its_end() -> None:
    wanted = Layer(digest=digest_of(CONFIG), size=14)
    fake = FakeRegistry(said={digest_of(CONFIG): bytes(2_000_000)})
    async with registry(fake) as it:
        with pytest.raises(TransientError, match="more than 1000000 bytes"):
            await it.blob(image_at(fake), wanted, most=1_000_000)


async def test_no_password_is_shown_in_the_clear_for_a_registry_that_has_tls(
    tmp_path: Path,
) -> None:
    """The registry itself is asked by TLS, and its challenge names a realm without."""
    files = Certificates.made_in(tmp_path)
    path, fake = tmp_path / "config.json", FakeRegistry(wants="bearer")
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", fake.handle)
    served = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    served.load_cert_chain(files.server, files.server_key)
    trusted = ssl.create_default_context(cafile=str(files.ca))
    secure = TestServer(application, scheme="https")
    await secure.start_server(ssl=served)
    async with (
        TestServer(application) as clear,
        ClientSession(connector=TCPConnector(ssl=trusted)) as session,
    ):
        # What the challenge names is in the clear.
        fake.host = f"localhost:{clear.port}"
        host = f"localhost:{secure.port}"
        known = {"username": "me", "password": "p:w"}
        path.write_text(json.dumps({"auths": {host: known}}))
        it = Registry(session=session, insecure=[], credentials=path)

        with pytest.raises(TransientError, match="401"):
            await it.has(ImageReference(host=host, repository="o/n", version=DIGEST))
    await secure.close()

    assert len(fake.shown) == 2
    assert set(fake.shown) == {""}


def test_a_layer_of_strangers_costs_little_whatever_is_in_it() -> None:
    name = "layers/sbom/launch/x/sbom.cdx.json"
    many = json.dumps({"components": [{"name": "a"}] * 400_000})
    one = {"name": "n" * 10_000, "version": "1", "purl": "pkg:pypi/n@1"}

    assert read_packages(a_layer({name: many})) == ()
    assert read_packages(a_layer({name: json.dumps({"components": [one]})})) == ()
    assert read_packages(a_layer({name: "[" * 5_000_000})) == ()
    assert read_packages(gzip.compress(a_hollow_file(name))) == ()


def a_hollow_file(name: str) -> bytes:
    """Return an archive of one file of a terabyte, nothing of which is stored.

    https://www.gnu.org/software/tar/manual/html_node/Sparse-Formats.html
    """
    info = tarfile.TarInfo(name)
    info.pax_headers = {
        "GNU.sparse.major": "1",
        "GNU.sparse.minor": "0",
        "GNU.sparse.name": name,
        "GNU.sparse.realsize": str(1 << 40),
    }
    body = b"0\n".ljust(512, b"\0")
    info.size = len(body)
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.PAX_FORMAT) as archive:
        archive.addfile(info, io.BytesIO(body))
    return raw.getvalue()


async def test_a_blob_that_lies_elsewhere_is_fetched_there_without_credentials(
    tmp_path: Path,
) -> None:
    """Registries redirect to object storage, whose addresses are signed."""
    shown = []

    async def give(request: web.Request) -> web.Response:
        shown.append((request.raw_path, request.headers.get("Authorization")))
        return web.Response(body=CONFIG)

    storage = web.Application()
    storage.router.add_get("/{path:.*}", give)
    fake, path = FakeRegistry(wants="basic"), tmp_path / "config.json"
    async with TestServer(storage, host="127.0.0.1") as there:
        signed = f"http://localhost:{there.port}/it?sign=a%2Fb%3D"
        fake.moved[digest_of(CONFIG)] = signed
        async with registry(fake, path) as it:
            known = {"auth": base64.b64encode(b"me:p:w").decode()}
            path.write_text(json.dumps({"auths": {fake.host: known}}))
            manifest = await it.manifest(image_at(fake))
            content = await it.config(image_at(fake), manifest)

    assert content == json.loads(CONFIG)
    assert shown == [("/it?sign=a%2Fb%3D", None)]
