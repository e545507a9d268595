"""From python-gitlab's threads back to the loop.

The library is synchronous: it works in a thread and its requests come here. What
carries them is the same wire that carries ours, with its gate, its deadline, its
largest answer and its rules for redirects; nothing is left to the library but words.
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

from service.adapters.forge_api.budget import Budget
from service.adapters.forge_api.failing import (
    BudgetSpentError,
    is_limit,
    retry_after,
)
from service.adapters.forge_api.wire import Reply, Wire
from service.errors import RemoteRefusedError, TransientError
from service.ports.time import Clock

__all__ = ["Bridge", "Carrier"]

LONGEST: Final = timedelta(minutes=2)
"""No thread waits longer, whatever became of the loop."""
_PASSED_ON: Final = frozenset({"accept", "authorization", "content-type", "user-agent"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Carrier:
    """Makes requests with one token, each in its turn."""

    host: str
    root: str
    """What every URL begins with, such as `https://git.example.org`."""
    wire: Wire
    budget: Budget
    clock: Clock

    async def carry(
        self,
        request: requests.PreparedRequest,
        *,
        most: int,
    ) -> Reply:
        """Make one request.

        Raises:
            TooLargeError: The answer has more than `most` bytes.
            RemoteRefusedError: The host may not be asked, or sends us elsewhere.
            TransientError: It is not our turn, or the host cannot answer now.
        """
        # The links of pages come out of answers, and the token goes along.
        if not (request.url or "").startswith(f"{self.root}/"):
            raise RemoteRefusedError(f"{self.host} names a page elsewhere")
        await self.budget.turn()
        reply = await self.wire.ask(
            request.method or "GET",
            request.url or "",
            headers=_headers(request),
            body=_body(request),
            most=most,
        )
        self.budget.note(reply.headers)
        self._refuse_trouble(reply)
        return reply

    def _refuse_trouble(self, reply: Reply) -> None:
        """Raise for what says more in its headers than the library reads.

        https://docs.gitlab.com/security/rate_limits/
        """
        wait = retry_after(reply.headers, self.clock.now())
        said = reply.body[:1000].decode("utf-8", "replace")
        if is_limit(reply.status, reply.headers, said):
            raise BudgetSpentError(
                f"{self.host} answers {reply.status}: it was asked too often",
                retry_after=self.budget.rest(wait),
            )
        if reply.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise TransientError(
                f"{self.host} answers {reply.status}", retry_after=wait
            )


class Bridge(BaseAdapter):
    """Takes the requests of one piece of work in a thread, and has them carried.

    https://docs.python-requests.org/en/latest/user/advanced/#transport-adapters

    Args:
        carrier: Makes them, on the loop.
        loop: Where that is.
        most: How many bytes an answer may have.
    """

    def __init__(
        self, *, carrier: Carrier, loop: asyncio.AbstractEventLoop, most: int
    ) -> None:
        super().__init__()
        self._carrier = carrier
        self._loop = loop
        self._most = most

    def send(
        self,
        request: requests.PreparedRequest,
        *_: Any,  # noqa: ANN401 - how requests would send it; the wire knows better
        **__: Any,  # noqa: ANN401 - as above
    ) -> requests.Response:
        """Have a request made, and wait for its answer in this thread."""
        future = asyncio.run_coroutine_threadsafe(
            self._carrier.carry(request, most=self._most), self._loop
        )
        try:
            reply = future.result(LONGEST.total_seconds())
        except TimeoutError as exc:
            future.cancel()
            raise TransientError(
                f"{self._carrier.host} did not answer within {LONGEST}"
            ) from exc
        return _response(request, reply)

    def close(self) -> None:
        """Nothing is held."""


def _headers(request: requests.PreparedRequest) -> Mapping[str, str]:
    named = ((str(name), str(it)) for name, it in request.headers.items())
    return {name: it for name, it in named if name.lower() in _PASSED_ON}


def _body(request: requests.PreparedRequest) -> bytes | None:
    given = request.body
    if given is None or isinstance(given, bytes):
        return given
    assert isinstance(given, str)
    return given.encode()


def _response(request: requests.PreparedRequest, reply: Reply) -> requests.Response:
    response = requests.Response()
    response.status_code = reply.status
    response.headers = CaseInsensitiveDict(reply.headers)
    response.raw = io.BytesIO(reply.body)
    response.url = request.url or ""
    response.request = request
    return response
