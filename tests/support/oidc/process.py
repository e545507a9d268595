"""Start the OpenID provider, and order tokens from it."""

import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from aiohttp import ClientSession

AUDIENCE = "relaunch"
CLIENT_ID = "relaunch page"
CLIENT_SECRET = "a secret: with/what + has to be encoded"


class RunningProvider:
    """The provider's process, from a test's side."""

    def __init__(self, url: str, session: ClientSession) -> None:
        self.issuer = f"{url}/realms/tests"
        self._url = url
        self._session = session

    async def order(self, **what: Any) -> Any:
        async with self._session.post(f"{self._url}/control", json=what) as response:
            assert response.status == 200, await response.text()
            return await response.json()

    def claims(self, **changes: Any) -> dict[str, Any]:
        now = int(time.time())
        claims: dict[str, Any] = {
            "iss": self.issuer,
            "aud": AUDIENCE,
            "sub": "ada-1",
            "preferred_username": "ada",
            "email": "ada@example.org",
            "given_name": "Ada",
            "family_name": "Lovelace",
            "iat": now,
            "exp": now + 300,
        }
        return {
            name: value
            for name, value in (claims | changes).items()
            if value is not None
        }

    async def register(self, url: str, *, secret: str | None = CLIENT_SECRET) -> None:
        """Have the provider know an installation."""
        client = {
            "id": CLIENT_ID,
            "secret": secret,
            "redirect_uri": f"{url}/sign-in/callback",
            "signed_out_uri": f"{url}/sign-in",
        }
        await self.order(client=client)

    async def log_in(self, url: str, user: str, answer: str = "yes") -> str:
        """Log in on the provider's page; return where it leads."""
        form = {"user": user, "answer": answer}
        async with self._session.post(url, data=form, allow_redirects=False) as shown:
            assert shown.status == 303, await shown.text()
            return shown.headers["Location"]

    async def token(self, *, order: Mapping[str, Any] | None = None, **c: Any) -> str:
        """Have a token signed; `order` changes how, the rest changes claims."""
        sign = {"claims": self.claims(**c), **(order or {})}
        return str((await self.order(sign=sign))["token"])

    async def asked(self) -> Mapping[str, int]:
        found: Mapping[str, int] = (await self.order())["asked"]
        return found


@contextmanager
def a_provider_process() -> Iterator[str]:
    """Run the provider; return its URL."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.support.oidc.server", str(port)],
        stdout=subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.communicate()


@asynccontextmanager
async def a_provider(url: str) -> AsyncIterator[RunningProvider]:
    """Begin anew with a provider that runs: its first key, and no faults."""
    async with ClientSession() as session:
        provider = RunningProvider(url, session)
        await provider.order(reset=True)
        yield provider
