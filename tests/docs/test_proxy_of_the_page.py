"""The proxy of `docs/operating.md` stands before a service, and does what it must."""

import asyncio
import getpass
import hashlib
import hmac
import json
import shutil
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, Final

import pytest
from aiohttp import ClientSession, TCPConnector

from scripts.tools import FOLDER
from tests.docs.reading import Page
from tests.support.broker import free_port
from tests.support.courses import Course, a_bare_course
from tests.support.service import Service, delivery
from tests.support.stream import eventually
from tests.support.tls import Certificates

pytestmark = [pytest.mark.nginx, pytest.mark.timeout(90, func_only=True)]

PAGE: Final = Page("docs/operating.md")
SOON: Final = 20.0
HEADERS_WITHIN: Final = 30.0
"""Three times what the page allows; the machine may be busy."""
PATIENT: Final = {
    # However busy the machine is: what is too slow is answered with 503.
    "RELAUNCH_RECEIVE_READ_DEADLINE": "60s",
    "RELAUNCH_RECEIVE_PUBLISH_DEADLINE": "30s",
}
WHOLE: Final = """
daemon off;
user {user};
pid {folder}/pid;
error_log {folder}/error.log;
events {{}}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
{server}
}}
"""
"""What nginx needs around a server, with nothing of this machine's."""


@dataclass(kw_only=True)
class Front:
    """The proxy, and a service behind it."""

    url: str
    port: int
    session: ClientSession
    trust: ssl.SSLContext
    service: Service
    course: Course

    async def deliver(self, *, size: int) -> tuple[int, Any]:
        """Send a push of so many bytes; return the status and what was answered."""
        tip = self.course.repo.tip()
        path, headers, body = delivery(self.course.hook, "refs/heads/main", tip)
        body = body[:-1] + b" " * (size - len(body)) + body[-1:]
        key = self.course.hook["secret"].encode()
        proof = hmac.new(key, body, hashlib.sha256).hexdigest()
        given = {**headers, "X-Hub-Signature-256": f"sha256={proof}"}
        async with self.session.post(
            self.url + path, data=BytesIO(body), headers=given
        ) as said:
            return said.status, await said.text()


@pytest.fixture
async def front(tmp_path: Path) -> AsyncIterator[Front]:
    service = Service(tmp_path / "data", **PATIENT)
    certificates = Certificates.made_in(tmp_path)
    trust = ssl.create_default_context(cafile=str(certificates.ca))
    try:
        await asyncio.to_thread(service.start)
        course = await asyncio.to_thread(a_bare_course, service, tmp_path)
        async with (
            nginx(tmp_path, certificates, service) as port,
            ClientSession(connector=TCPConnector(ssl=trust)) as session,
        ):
            yield Front(
                url=f"https://127.0.0.1:{port}",
                port=port,
                session=session,
                trust=trust,
                service=service,
                course=course,
            )
    finally:
        await asyncio.to_thread(service.kill)


@asynccontextmanager
async def nginx(
    folder: Path, certificates: Certificates, service: Service
) -> AsyncIterator[int]:
    """Run nginx with the page's server; skip the test where there is none."""
    own = FOLDER / "nginx"
    program = str(own) if own.is_file() else shutil.which("nginx")
    if program is None:
        pytest.skip("no nginx: `make test` fetches it where apt-get can")
    port = free_port()
    server = PAGE.code("nginx")
    for name, value in {
        "listen 443 ssl": f"listen 127.0.0.1:{port} ssl",
        "/etc/tls/tls.crt": str(certificates.server),
        "/etc/tls/tls.key": str(certificates.server_key),
        "http://127.0.0.1:8080": service.url,
    }.items():
        assert name in server
        server = server.replace(name, value)
    settings = folder / "nginx.conf"
    whole = WHOLE.format(folder=folder, server=server, user=getpass.getuser())
    settings.write_text(whole)
    process = await asyncio.create_subprocess_exec(
        *(program, "-e", str(folder / "start.log"), "-c", str(settings))
    )

    async def listens() -> bool:
        assert process.returncode is None, (folder / "start.log").read_text()
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            return False
        writer.close()
        return True

    try:
        await eventually(listens, "nginx to listen", SOON)
        yield port
    finally:
        process.terminate()
        await process.wait()


async def test_deliveries_pass_unchanged_however_large_a_forge_makes_them(
    front: Front,
) -> None:
    small, _ = await front.deliver(size=8_000)
    large, said = await front.deliver(size=25_000_000)
    beyond, _ = await front.deliver(size=27_500_000)

    assert (small, large, beyond) == (202, 202, 413)
    assert json.loads(said)["status"] == "accepted"


async def test_events_are_shown_while_they_happen(front: Front) -> None:
    headers = {"Authorization": f"Bearer {front.service._token()}"}
    stream = f"{front.url}/api/relaunch/events/stream"
    async with front.session.get(stream, headers=headers) as events:
        assert events.status == 200
        await front.deliver(size=8_000)
        async with asyncio.timeout(SOON):
            async for line in events.content:
                if b"push.received" in line:
                    break


async def test_what_is_for_operators_is_not_shown_outside(front: Front) -> None:
    for path in ("/metrics", "/livez", "/readyz", "/version"):
        async with front.session.get(front.url + path) as answer:
            assert answer.status == 404


async def test_who_is_slow_with_headers_is_left(front: Front) -> None:
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", front.port, ssl=front.trust
    )
    writer.write(b"POST /webhooks/github/x HTTP/1.1\r\nHost: localhost\r\nX-Slow: ")
    await writer.drain()
    async with asyncio.timeout(HEADERS_WITHIN):
        await reader.read()
    writer.close()
