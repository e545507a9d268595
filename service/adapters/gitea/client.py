"""Gitea's REST API; Forgejo has the same one.

https://forgejo.org/docs/latest/user/api-usage/
"""

import json
from collections.abc import Collection, Mapping
from http import HTTPStatus
from typing import Any

from service.adapters.forge_api.account import Account
from service.adapters.forge_api.errors import (
    BudgetSpentError,
    is_limit,
    retry_after,
    translate_failure,
)
from service.adapters.forge_api.http import MAX_ANSWER, HttpClient, Reply
from service.adapters.forge_api.rate_limit import RateLimitBudget
from service.adapters.forge_api.responses import check_answer
from service.errors import ServiceError, TransientError
from service.ports.time import Clock

__all__ = ["GiteaApi"]


class GiteaApi:
    """Make requests with one account.

    Gitea itself has no rate limit; the proxies of public instances have.

    Args:
        account: The host and the token.
        http: Sends the requests.
        budget: The rate limit of the token.
        clock: Gives the time.
    """

    def __init__(
        self,
        *,
        account: Account,
        http: HttpClient,
        budget: RateLimitBudget,
        clock: Clock,
    ) -> None:
        self._root = f"{account.url}/api/v1"
        self._token = account.token
        self._http = http
        self._budget = budget
        self._clock = clock

    async def fetch(
        self,
        path: str,
        *,
        operation: str,
        absent: Collection[int] = (),
        max_bytes: int = MAX_ANSWER,
    ) -> Any:  # noqa: ANN401 - JSON; whoever asks reads it into a shape at once
        """Fetch a resource; None when the answer has a status of `absent`.

        Args:
            path: From the API's root, with every name in it quoted.
            operation: Its purpose, such as `look up a ref of https://…`.
            absent: Statuses that are no errors.
            max_bytes: The maximum size of the answer.

        Raises:
            BudgetSpentError: The rate limit is used up for now.
            TokenRefusedError: The token is refused, or lacks a permission.
            RemoteRefusedError: It does not exist, or we may not read it.
            TooLargeError: The answer has more than `max_bytes` bytes.
            TransientError: There was no readable answer.
        """
        await self._budget.acquire()
        url = f"{self._root}{path}"
        reply = await self._http.request(
            "GET", url, headers=self._headers(), max_bytes=max_bytes
        )
        self._budget.update(reply.headers)
        if reply.status in absent:
            return None
        if reply.status != HTTPStatus.OK:
            raise self._failure(reply, operation)
        check_answer(reply.body, whose=self._root)
        try:
            return json.loads(reply.body)
        except (ValueError, RecursionError) as exc:
            # A proxy that answers instead of the forge often sends HTML.
            raise TransientError(
                f"cannot {operation}: the answer is not readable"
            ) from exc

    async def post(self, path: str, body: Mapping[str, str], *, operation: str) -> None:
        """Post to a resource; the body of the answer is ignored.

        Raises:
            RemoteRefusedError: It does not exist, or the token lacks a permission.
            TransientError: There was no answer, or an error of the server.
        """
        await self._budget.acquire()
        reply = await self._http.request(
            "POST",
            f"{self._root}{path}",
            headers={**self._headers(), "Content-Type": "application/json"},
            body=json.dumps(body).encode(),
        )
        self._budget.update(reply.headers)
        if reply.status not in {HTTPStatus.OK, HTTPStatus.CREATED}:
            raise self._failure(reply, operation)

    def _headers(self) -> Mapping[str, str]:
        headers = {"Accept": "application/json", "User-Agent": "relaunch"}
        if self._token is not None:
            headers["Authorization"] = f"token {self._token.reveal()}"
        return headers

    def _failure(self, reply: Reply, operation: str) -> ServiceError:
        message = reply.body[:1000].decode("utf-8", "replace")
        wait = retry_after(reply.headers, self._clock.now())
        if is_limit(reply.status, reply.headers, message):
            return BudgetSpentError(
                f"cannot {operation}: {reply.status}, too many requests",
                retry_after=self._budget.suspend(wait),
            )
        return translate_failure(reply.status, operation, message, wait=wait)
