"""Ask a forge's GraphQL endpoint, which can answer for a head and its files at once.

https://graphql.github.io/graphql-over-http/draft/. It only saves requests: whatever it
does not answer, the REST API does. So a refusal is no error here; the endpoint is
left alone for a while, in order that refusals do not add requests instead.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any, Final, Protocol

import structlog

from service.adapters.forge_api.errors import (
    BudgetSpentError,
    TooLargeError,
    UnprovenAnswerError,
    is_limit,
    retry_after,
)
from service.adapters.forge_api.http import MAX_ANSWER, HttpClient, Reply
from service.adapters.forge_api.rate_limit import RateLimitBudget
from service.adapters.forge_api.responses import check_answer
from service.ports.time import Clock

__all__ = ["GraphQl", "GraphQlAnswer", "GraphQlEndpoint", "NoGraphQl", "is_sendable"]

log = structlog.get_logger(__name__)

PAUSE_REFUSED: Final = timedelta(minutes=15)
"""After a status of the client's doing: there is no such endpoint, or not for us."""
PAUSE_BROKEN: Final = timedelta(minutes=1)
"""After a status of the server's doing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphQlAnswer:
    """An answer with data."""

    data: Mapping[str, Any]
    """Fields that failed are null."""
    is_partial: bool
    """Whether any field failed: a null may be a failure then, and not an absence."""


class GraphQl(Protocol):
    """A GraphQL endpoint, as far as it is needed here."""

    async def ask(
        self, query: str, variables: Mapping[str, object], *, operation: str
    ) -> GraphQlAnswer | None:
        """Return an answer; None when there is none with data.

        Raises:
            TransientError: The host did not answer, or not in time.
            RemoteRefusedError: The policy does not allow the host.
        """
        ...


class NoGraphQl:
    """Implement `GraphQl` where there is none: REST answers everything."""

    async def ask(
        self, query: str, variables: Mapping[str, object], *, operation: str
    ) -> GraphQlAnswer | None:
        del query, variables, operation
        return None


class GraphQlEndpoint:
    """Implement `GraphQl` over HTTP.

    Args:
        url: The endpoint.
        headers: Of every request, also the token.
        http: Sends the requests.
        budget: The rate limit that the endpoint counts by.
        host_budget: That of all other requests to the host, which may be the same.
        clock: Gives the time.
    """

    def __init__(
        self,
        *,
        url: str,
        headers: Mapping[str, str],
        http: HttpClient,
        budget: RateLimitBudget,
        host_budget: RateLimitBudget,
        clock: Clock,
    ) -> None:
        self._url = url
        self._headers = {
            **headers,
            "accept": "application/json",
            "content-type": "application/json",
            "user-agent": "relaunch",
        }
        self._http = http
        self._budget = budget
        self._host_budget = host_budget
        self._clock = clock
        self._paused_until: datetime | None = None

    async def ask(
        self, query: str, variables: Mapping[str, object], *, operation: str
    ) -> GraphQlAnswer | None:
        is_paused = self._paused_until and self._clock.now() < self._paused_until
        # A secondary limit counts all requests of a token together: asking here would
        # lengthen the ban of REST.
        if is_paused or self._host_budget.is_suspended:
            return None
        try:
            await self._budget.acquire()
            reply = await self._http.request(
                "POST",
                self._url,
                headers=self._headers,
                body=json.dumps({"query": query, "variables": variables}).encode(),
                max_bytes=MAX_ANSWER,
                # No redirect may turn the query into a GET, nor lead it elsewhere.
                follow=False,
            )
            self._budget.update(reply.headers)
            return self._read(reply, operation)
        except (BudgetSpentError, TooLargeError, UnprovenAnswerError) as exc:
            # Of a limit that counts REST's requests, too, its own budget knows now.
            log.info("GraphQL does not answer", operation=operation, error=str(exc))
            return None

    def _read(self, reply: Reply, operation: str) -> GraphQlAnswer | None:
        check_answer(reply.body, whose=self._url)
        try:
            answer = json.loads(reply.body)
        except (ValueError, RecursionError):
            answer = None
        message = _first_error(answer)
        if reply.status != HTTPStatus.OK:
            self._pause(reply, message)
        data = answer.get("data") if isinstance(answer, dict) else None
        # GraphQL reports failures of single fields with status 200 and `errors`; what
        # is there can be used all the same.
        if reply.status == HTTPStatus.OK and isinstance(data, dict):
            return GraphQlAnswer(data=data, is_partial=bool(answer.get("errors")))
        log.info(
            "GraphQL does not answer",
            operation=operation,
            status=reply.status,
            error=message,
        )
        return None

    def _pause(self, reply: Reply, message: str) -> None:
        now = self._clock.now()
        wait = retry_after(reply.headers, now)
        if is_limit(reply.status, reply.headers, message):
            self._budget.suspend(wait)
            # A budget that is used up is the endpoint's own. Any other limit is one on
            # how fast we ask, for all requests together:
            # https://docs.github.com/en/graphql/overview/rate-limits-and-query-limits-for-the-graphql-api#secondary-rate-limits
            if reply.headers.get("x-ratelimit-remaining") != "0":
                self._host_budget.suspend(wait)
            return
        is_broken = reply.status >= HTTPStatus.INTERNAL_SERVER_ERROR
        pause = PAUSE_BROKEN if is_broken else PAUSE_REFUSED
        self._paused_until = now + max(pause, wait or pause)


def is_sendable(text: str) -> bool:
    """Return whether JSON can carry a text; paths may have bytes that are not UTF-8."""
    return text.isascii() or not any("\ud800" <= char <= "\udfff" for char in text)


def _first_error(answer: object) -> str:
    """Return the message of the first error: https://spec.graphql.org/draft/#sec-Errors."""
    if not isinstance(answer, dict):
        return "the answer is not readable"
    errors = answer.get("errors")
    first = errors[0] if isinstance(errors, list) and errors else answer
    message = first.get("message") if isinstance(first, dict) else None
    return str(message or "")[:300]
