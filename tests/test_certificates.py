"""An authority of the operator's own is trusted beside the system's."""

import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from aiohttp import ClientSession, TCPConnector, web

from service.adapters.egress import ANYWHERE
from service.adapters.forge_api.http import open_http_client
from service.adapters.git.remote import GitRemote
from service.adapters.kubernetes.oci.references import ImageReference
from service.adapters.kubernetes.oci.registry import Registry
from service.certificates import TRUSTING, combine_certificates, tls_of
from service.domain.repository import Repository
from service.domain.source import Head, Revision
from service.errors import InvalidRequestError, ServiceError, TransientError
from service.settings import load, passed_to_builds
from tests.support.githttp import git_forge
from tests.support.repos import Repo
from tests.support.smart import smart_remote
from tests.support.tls import Certificates, tls_before

MAIN = Revision.from_text("main")


@pytest.fixture
def certificates(tmp_path: Path) -> Certificates:
    return Certificates.made_in(tmp_path)


@pytest.fixture
def environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, certificates: Certificates
) -> Mapping[str, str]:
    """What the service passes on, once the setting is made."""
    monkeypatch.setenv("RELAUNCH_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("RELAUNCH_CA_BUNDLE", str(certificates.ca))
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    return passed_to_builds(load())


async def test_git_forges_and_registries_are_believed_with_it_and_not_without(
    tmp_path: Path, certificates: Certificates, environment: Mapping[str, str]
) -> None:
    repo = Repo(tmp_path / "owner" / "course.git")
    commit = repo.commit({"a": "1"}, branch="main")
    async with git_forge(tmp_path) as forge:
        plain = urlsplit(forge.url)
        target = (plain.hostname or "", plain.port or 0)
        async with tls_before(certificates, target=target) as port:
            url = f"https://127.0.0.1:{port}/owner/course.git"
            repository = Repository.from_url(url)

            head = await GitRemote(environment=environment).head(repository, MAIN)
            with pytest.raises(ServiceError, match="certificate"):
                await GitRemote(environment={}).head(repository, MAIN)
            async with smart_remote(environment=environment) as remote:
                assert await remote.head(repository, MAIN) == head
            async with smart_remote() as remote:
                with pytest.raises(TransientError, match="certificate"):
                    await remote.head(repository, MAIN)

    assert isinstance(head, Head)
    assert head.commit == commit


async def test_apis_of_forges_are_believed_with_it_and_not_without(
    certificates: Certificates, environment: Mapping[str, str]
) -> None:
    async with a_server(certificates) as url:
        asked: dict[str, Any] = {"method": "GET", "url": f"{url}/v2/", "headers": {}}
        for trusted in (environment, {}):
            async with open_http_client(
                gate=ANYWHERE, environment=trusted, deadline=load().forge.deadline
            ) as http:
                if trusted:
                    assert (await http.request(**asked)).status == 200
                else:
                    with pytest.raises(TransientError, match="certificate"):
                        await http.request(**asked)


async def test_registries_are_believed_with_it_and_not_without(
    certificates: Certificates, environment: Mapping[str, str]
) -> None:
    async with a_server(certificates) as url:
        image = ImageReference.from_text(f"{urlsplit(url).netloc}/o/n:tag")
        for trusted in (environment, {}):
            connector = TCPConnector(ssl=tls_of(trusted))
            async with ClientSession(connector=connector) as session:
                registry = Registry(session=session, insecure=(), credentials=None)
                if trusted:
                    assert await registry.has(image)
                else:
                    with pytest.raises(TransientError, match="certificate"):
                        await registry.has(image)


def test_what_the_system_trusts_stays_trusted(
    tmp_path: Path, certificates: Certificates
) -> None:
    (tmp_path / "other").mkdir()
    known = Certificates.made_in(tmp_path / "other").ca

    told = combine_certificates(certificates.ca, system=str(known), folder=tmp_path)

    path = Path(told["SSL_CERT_FILE"])
    assert told == dict.fromkeys(TRUSTING, str(path))
    assert path.read_text().count("BEGIN CERTIFICATE") == 2
    trusted = ssl.create_default_context(cafile=path)
    assert trusted.cert_store_stats()["x509_ca"] == 2


def test_another_bundle_is_another_file(
    tmp_path: Path, certificates: Certificates
) -> None:
    """What failed for a certificate is tried again when the settings differ."""
    first = combine_certificates(certificates.ca, system="", folder=tmp_path)
    again = combine_certificates(certificates.ca, system="", folder=tmp_path)
    (tmp_path / "other").mkdir()
    other = Certificates.made_in(tmp_path / "other").ca

    assert first == again
    assert combine_certificates(other, system="", folder=tmp_path) != first


@pytest.mark.parametrize(
    ("content", "why"), [(None, "No such file"), ("nothing", "no certificate")]
)
def test_a_bundle_that_is_none_is_told_by_its_setting(
    tmp_path: Path, content: str | None, why: str
) -> None:
    path = tmp_path / "bundle.pem"
    if content is not None:
        path.write_text(content)

    with pytest.raises(InvalidRequestError, match=f"RELAUNCH_CA_BUNDLE: .*{why}"):
        combine_certificates(path, system="", folder=tmp_path)


def a_server(certificates: Certificates) -> "_Served":
    return _Served(certificates)


class _Served:
    """Answers 200 to everything, over TLS."""

    def __init__(self, certificates: Certificates) -> None:
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificates.server, certificates.server_key)

    async def __aenter__(self) -> str:
        async def answer(_: web.Request) -> web.Response:
            return web.Response(text="{}")

        application = web.Application()
        application.router.add_route("*", "/{path:.*}", answer)
        self._runner = web.AppRunner(application)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=self._context)
        await site.start()
        return f"https://127.0.0.1:{self._runner.addresses[0][1]}"

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()
