"""HTTP that neither waits for ever, nor swallows everything, nor tells tokens about."""

import asyncio
import gzip
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from service.adapters.egress import ANYWHERE, EgressPolicy
from service.adapters.forge_api.errors import TooLargeError
from service.adapters.forge_api.http import HttpClient, open_http_client
from service.errors import RemoteRefusedError, TransientError

TOKEN = {"Authorization": "token secret-1"}
Answer = Callable[[web.Request], web.StreamResponse]


class Host:
    """A server that answers as told and remembers what it was asked."""

    def __init__(self) -> None:
        self.url = ""
        self.seen: list[tuple[str, str, str | None]] = []
        self.answers: dict[str, Answer] = {}
        self.hangs = False
        self.arrived = asyncio.Semaphore(0)
        """Released by each request that hangs."""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        token = request.headers.get("Authorization")
        self.seen.append((request.method, request.raw_path, token))
        if self.hangs:
            self.arrived.release()
            await asyncio.Event().wait()
        answer = self.answers.get(request.path)
        return answer(request) if answer else web.Response(text="found")


@asynccontextmanager
async def a_host() -> AsyncIterator[Host]:
    host = Host()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", host.handle)
    async with TestServer(app, shutdown_timeout=0.1) as server:
        host.url = str(server.make_url("/")).rstrip("/")
        yield host


@pytest.fixture
async def host() -> AsyncIterator[Host]:
    async with a_host() as host:
        yield host


@pytest.fixture
async def stranger() -> AsyncIterator[Host]:
    async with a_host() as host:
        yield host


@pytest.fixture
async def http() -> AsyncIterator[HttpClient]:
    async with a_http_client() as http:
        yield http


@asynccontextmanager
async def a_http_client(
    *,
    gate: EgressPolicy = ANYWHERE,
    deadline: timedelta = timedelta(seconds=5),
    environment: dict[str, str] | None = None,
) -> AsyncIterator[HttpClient]:
    async with open_http_client(
        gate=gate, environment=environment or {}, deadline=deadline
    ) as http:
        yield http


def moved(to: str, status: int = 301) -> Answer:
    return lambda _: web.Response(status=status, headers={"Location": to})


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_a_redirect_on_the_host_is_followed_with_the_token(
    host: Host, http: HttpClient, status: int
) -> None:
    host.answers["/old"] = moved("/repositories/7?a=b%2Fc", status)

    reply = await http.request("GET", f"{host.url}/old", headers=TOKEN)

    assert reply.body == b"found"
    assert host.seen[-1] == ("GET", "/repositories/7?a=b%2Fc", TOKEN["Authorization"])


async def test_a_redirect_to_another_host_is_refused_and_gets_no_token(
    host: Host, stranger: Host, http: HttpClient
) -> None:
    host.answers["/old"] = moved(f"{stranger.url}/new")

    with pytest.raises(RemoteRefusedError, match="not followed"):
        await http.request("GET", f"{host.url}/old", headers=TOKEN)

    assert stranger.seen == []


@pytest.mark.parametrize("to", ["http://[/", "http://h:99999/", "http://[::1%lo/x"])
async def test_a_redirect_to_what_is_no_url_is_refused(
    host: Host, http: HttpClient, to: str
) -> None:
    host.answers["/old"] = moved(to)

    with pytest.raises(RemoteRefusedError, match="redirects to what is no URL"):
        await http.request("GET", f"{host.url}/old", headers=TOKEN)


@asynccontextmanager
async def answering(raw: bytes) -> AsyncIterator[str]:
    """Answer everything with these bytes, which no library would send."""

    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(raw)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        host, port = server.sockets[0].getsockname()
        yield f"{host}:{port}"


@pytest.mark.parametrize("to", ["/\x01", "http://h\x7f/", "http://a:b@{host}/x"])
async def test_a_redirect_to_what_cannot_be_requested_is_refused(
    http: HttpClient, to: str
) -> None:
    moved = "HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: "
    async with answering(b"") as closed:
        raw = (moved + to.replace("{host}", closed) + "\r\n\r\n").encode()
    async with answering(raw) as host:
        with pytest.raises(RemoteRefusedError, match="expected no control") as caught:
            await http.request("GET", f"http://{host}/old", headers=TOKEN)

    assert str(caught.value).isprintable()


async def test_why_an_answer_cannot_be_read_is_one_line(http: HttpClient) -> None:
    raw = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}"
    async with answering(raw) as host:
        with pytest.raises(TransientError, match="did not answer") as caught:
            await http.request("GET", f"http://{host}/", headers=TOKEN)

    assert str(caught.value).isprintable()


async def test_the_same_host_by_another_scheme_is_another_host(
    host: Host, http: HttpClient
) -> None:
    host.answers["/old"] = moved(host.url.replace("http://", "https://") + "/new")

    with pytest.raises(RemoteRefusedError):
        await http.request("GET", f"{host.url}/old", headers=TOKEN)


async def test_what_changes_something_is_not_made_into_a_question(
    host: Host, http: HttpClient
) -> None:
    host.answers["/old"] = moved("/new", 302)

    with pytest.raises(RemoteRefusedError):
        await http.request("POST", f"{host.url}/old", headers=TOKEN, body=b"{}")


async def test_a_redirect_that_keeps_the_method_is_followed(
    host: Host, http: HttpClient
) -> None:
    host.answers["/old"] = moved("/new", 307)

    await http.request("POST", f"{host.url}/old", headers=TOKEN, body=b"{}")

    assert [pair[:2] for pair in host.seen] == [("POST", "/old"), ("POST", "/new")]


async def test_circles_end(host: Host, http: HttpClient) -> None:
    host.answers["/a"] = moved("/a")

    with pytest.raises(RemoteRefusedError, match="redirects"):
        await http.request("GET", f"{host.url}/a", headers={})


async def test_a_redirect_is_only_told_when_that_is_asked_for(
    host: Host, http: HttpClient
) -> None:
    host.answers["/old"] = moved("/new")

    reply = await http.request("GET", f"{host.url}/old", headers={}, follow=False)

    assert (reply.status, reply.headers["location"]) == (301, "/new")


async def test_a_name_arrives_byte_by_byte(host: Host, http: HttpClient) -> None:
    path = "/refs/heads/a%2Fb%20%7Bc%7D%FF/../x%2E"

    await http.request("GET", host.url + path, headers={})

    assert host.seen[-1][1] == path


@pytest.mark.parametrize("is_packed", [False, True], ids=["plain", "packed"])
async def test_an_answer_that_is_too_large_is_not_read_to_its_end(
    host: Host, http: HttpClient, *, is_packed: bool
) -> None:
    content = bytes(1_000_000)
    headers = {"Content-Encoding": "gzip"} if is_packed else {}
    body = gzip.compress(content) if is_packed else content
    host.answers["/"] = lambda _: web.Response(body=body, headers=headers)

    with pytest.raises(TooLargeError):
        await http.request("GET", f"{host.url}/", headers={}, max_bytes=999_999)

    assert (
        len((await http.request("GET", f"{host.url}/", headers={})).body) == 1_000_000
    )


async def test_a_host_that_hangs_is_left_at_the_deadline(host: Host) -> None:
    host.hangs = True

    async with a_http_client(deadline=timedelta(seconds=0.2)) as http:
        with pytest.raises(TransientError, match="did not answer within"):
            await http.request("GET", host.url, headers={})


async def test_a_host_that_is_not_there_may_come_back(http: HttpClient) -> None:
    with pytest.raises(TransientError, match="did not answer"):
        await http.request("GET", "http://127.0.0.1:1/", headers={})


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost"])
async def test_a_private_host_is_not_even_connected_to(host: Host, name: str) -> None:
    url = host.url.replace("127.0.0.1", name)

    async with a_http_client(gate=EgressPolicy(())) as http:
        with pytest.raises(RemoteRefusedError, match="not public"):
            await http.request("GET", url, headers=TOKEN)

    assert host.seen == []


async def test_no_cookie_is_kept_for_the_next_request(
    host: Host, http: HttpClient
) -> None:
    cookies: list[str | None] = []

    def answer(request: web.Request) -> web.StreamResponse:
        cookies.append(request.headers.get("Cookie"))
        return web.Response(headers={"Set-Cookie": "who=one; Path=/"})

    host.answers["/"] = answer
    for _ in range(2):
        await http.request("GET", f"{host.url}/", headers={})

    assert cookies == [None, None]


async def test_a_proxy_carries_requests_and_is_no_way_around_the_gate() -> None:
    async with AsyncExitStack() as stack:
        proxy = await stack.enter_async_context(a_host())
        http = await stack.enter_async_context(
            a_http_client(gate=EgressPolicy(()), environment={"http_proxy": proxy.url})
        )

        reply = await http.request("GET", "http://git.example/x", headers={})
        with pytest.raises(RemoteRefusedError):
            await http.request("GET", "http://169.254.169.254/x", headers={})

    assert reply.body == b"found"
    assert [pair[1] for pair in proxy.seen] == ["http://git.example/x"]


async def test_hosts_that_hang_hold_no_connection_of_others(host: Host) -> None:
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(
            a_http_client(deadline=timedelta(seconds=60))
        )
        # More than aiohttp opens in all, unless it is asked to.
        silent = [await stack.enter_async_context(a_host()) for _ in range(13)]
        arrived = asyncio.Semaphore(0)
        for each in silent:
            each.hangs, each.arrived = True, arrived
        async with asyncio.TaskGroup() as group:
            asked = [
                group.create_task(http.request("GET", each.url, headers={}))
                for each in silent
                for _ in range(8)
            ]
            for _ in range(100):
                await arrived.acquire()

            reply = await http.request("GET", host.url, headers={})

            for task in asked:
                task.cancel()

    assert reply.body == b"found"
