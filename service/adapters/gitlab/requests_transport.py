"""Send the requests of python-gitlab's threads on the event loop.

The library is synchronous and runs in a thread. This transport hands its requests to
our own HTTP client, so that the egress policy, the deadline, the maximum answer and
the rules for redirects apply to them, too.
"""

import asyncio
import io
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from typing import Any, Final

import requests
from requests.adapters import BaseAdapter
from requests.structures import CaseInsensitiveDict

from service.adapters.forge_api.errors import (
    BudgetSpentError,
    is_limit,
    retry_after,
)
from service.adapters.forge_api.http import HttpClient, Reply
from service.adapters.forge_api.rate_limit import RateLimitBudget
from service.adapters.forge_api.responses import check_answer
from service.errors import RemoteRefusedError, TransientError
from service.ports.time import Clock

__all__ = ["RequestSender", "RequestsTransport"]

MAX_WAIT: Final = timedelta(minutes=2)
"""The longest wait of a thread, whatever the event loop does."""
_PASSED_ON: Final = frozenset({"accept", "authorization", "content-type", "user-agent"})


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestSender:
    """Send requests with one token, within its rate limit."""

    host: str
    root: str
    """The prefix of every URL, such as `https://git.example.org`."""
    http: HttpClient
    budget: RateLimitBudget
    clock: Clock

    async def send_request(
        self,
        request: requests.PreparedRequest,
        *,
        max_bytes: int,
    ) -> Reply:
        """Send one request.

        Raises:
            TooLargeError: The answer has more than `max_bytes` bytes.
            RemoteRefusedError: The policy does not allow the host, or it redirects to
                another one.
            TransientError: The rate limit is used up, or the host does not answer now.
        """
        # Links to further pages come from answers: the token must not follow one to
        # another host.
        if not (request.url or "").startswith(f"{self.root}/"):
            raise RemoteRefusedError(f"{self.host} links to a page of another host")
        await self.budget.acquire()
        reply = await self.http.request(
            request.method or "GET",
            request.url or "",
            headers=_headers(request),
            body=_body(request),
            max_bytes=max_bytes,
        )
        self.budget.update(reply.headers)
        self._check_reply(reply)
        # Raw files are not parsed, and a large one would have too many commas to be an
        # answer.
        if "json" in reply.headers.get("content-type", ""):
            check_answer(reply.body, whose=self.host)
        return reply

    def _check_reply(self, reply: Reply) -> None:
        """Raise for rate limits and errors of the server.

        The library does not read `retry-after`.
        https://docs.gitlab.com/security/rate_limits/
        """
        wait = retry_after(reply.headers, self.clock.now())
        message = reply.body[:1000].decode("utf-8", "replace")
        if is_limit(reply.status, reply.headers, message):
            raise BudgetSpentError(
                f"{self.host} answers {reply.status}: too many requests",
                retry_after=self.budget.suspend(wait),
            )
        if reply.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise TransientError(
                f"{self.host} answers {reply.status}", retry_after=wait
            )


class RequestsTransport(BaseAdapter):
    """Implement requests' transport adapter on top of the event loop.

    https://docs.python-requests.org/en/latest/user/advanced/#transport-adapters

    Args:
        sender: Sends the requests.
        loop: The event loop it runs on.
        max_bytes: The maximum size of an answer.
    """

    def __init__(
        self, *, sender: RequestSender, loop: asyncio.AbstractEventLoop, max_bytes: int
    ) -> None:
        super().__init__()
        self._sender = sender
        self._loop = loop
        self._most = max_bytes

    def send(
        self,
        request: requests.PreparedRequest,
        *_: Any,  # noqa: ANN401 - how requests would send it; ignored
        **__: Any,  # noqa: ANN401 - as above
    ) -> requests.Response:
        """Send a request on the event loop and block this thread until its answer."""
        # The request runs on the loop, where pool, budget and policy live; only this
        # thread waits.
        future = asyncio.run_coroutine_threadsafe(
            self._sender.send_request(request, max_bytes=self._most), self._loop
        )
        try:
            reply = future.result(MAX_WAIT.total_seconds())
        except TimeoutError as exc:
            future.cancel()
            raise TransientError(
                f"{self._sender.host} did not answer within {MAX_WAIT}"
            ) from exc
        return _response(request, reply)

    def close(self) -> None:
        """Do nothing: there is nothing to release."""


def _headers(request: requests.PreparedRequest) -> Mapping[str, str]:
    named = ((str(name), str(item)) for name, item in request.headers.items())
    return {name: text for name, text in named if name.lower() in _PASSED_ON}


def _body(request: requests.PreparedRequest) -> bytes | None:
    body = request.body
    if body is None or isinstance(body, bytes):
        return body
    assert isinstance(body, str)
    return body.encode()


def _response(request: requests.PreparedRequest, reply: Reply) -> requests.Response:
    response = requests.Response()
    response.status_code = reply.status
    response.headers = CaseInsensitiveDict(reply.headers)
    response.raw = io.BytesIO(reply.body)
    response.url = request.url or ""
    response.request = request
    return response
