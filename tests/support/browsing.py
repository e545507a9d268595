"""A browser without a window: it keeps cookies, and sends forms as browsers do."""

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiohttp import ClientSession, CookieJar
from yarl import URL

from tests.support.api import TOKEN, Api, Told, read_events


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    status: int
    text: str
    location: str
    headers: Mapping[str, str]


class Browser:
    """Whoever looks at the pages."""

    def __init__(self, *, api: Api, session: ClientSession) -> None:
        self.api = api
        self._session = session

    async def get(self, path: str, **headers: str) -> Shown:
        return await self._send("GET", path, headers=headers)

    async def post(
        self,
        path: str,
        fields: Mapping[str, str] | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        csrf: str | None = None,
    ) -> Shown:
        """Send a form of the page that is open, or one that somebody forged."""
        token = await self.csrf() if csrf is None else csrf
        ours = {"Origin": self.api.url, "Sec-Fetch-Site": "same-origin"}
        return await self._send(
            "POST",
            path,
            headers={**ours, **(headers or {})},
            data={"csrf": token, **(fields or {})},
        )

    async def csrf(self) -> str:
        return await self.csrf_of("/sign-in")

    async def csrf_of(self, path: str) -> str:
        shown = await self.get(path)
        found = re.search(r'name="csrf" value="(\w*)"', shown.text)
        assert found
        return found[1]

    async def sign_in(self, token: str = TOKEN) -> Shown:
        return await self.post("/sign-in", {"token": token})

    @asynccontextmanager
    async def stream(
        self, path: str, *, after: str = ""
    ) -> AsyncIterator[AsyncIterator[Told]]:
        """Follow the live parts of a page."""
        headers = {"Last-Event-ID": after} if after else {}
        async with self._session.get(
            self.api.url + path, headers=headers, allow_redirects=False
        ) as answer:
            assert answer.content_type == "text/event-stream", answer.status
            yield read_events(answer.content)

    def cookies(self) -> list[str]:
        return [cookie.key for cookie in self._session.cookie_jar]

    def value(self, name: str) -> str:
        """Return what a cookie holds."""
        return next(item.value for item in self._session.cookie_jar if item.key == name)

    def kept(self) -> str:
        """Return the cookies as a header, to be sent after they were taken back."""
        jar = self._session.cookie_jar
        return "; ".join(f"{item.key}={item.value}" for item in jar)

    async def _send(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str],
        data: Mapping[str, str] | None = None,
    ) -> Shown:
        async with self._session.request(
            method,
            self.api.url + path,
            headers={"Accept": "text/html,*/*;q=0.8", **headers},
            data=data,
            allow_redirects=False,
        ) as answer:
            return Shown(
                status=answer.status,
                text=await answer.text(),
                location=answer.headers.get("Location", ""),
                headers=answer.headers.copy(),
            )


@asynccontextmanager
async def browsing(
    api: Api, *, cookies: Mapping[str, str] | None = None
) -> AsyncIterator[Browser]:
    jar = CookieJar(unsafe=True)
    jar.update_cookies(cookies or {}, URL(api.url))
    async with ClientSession(cookie_jar=jar) as session:
        yield Browser(api=api, session=session)
