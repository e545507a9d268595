"""Gitea's REST API, over a wire that trusts nobody.

Forgejo has the same one: https://forgejo.org/docs/latest/user/api-usage/.
"""

import json
from collections.abc import Collection, Mapping
from http import HTTPStatus
from typing import Any, Final

from service.adapters.forge_api.account import Account
from service.adapters.forge_api.budget import Budget
from service.adapters.forge_api.failing import (
    BudgetSpentError,
    failure,
    is_limit,
    retry_after,
)
from service.adapters.forge_api.wire import Reply, Wire
from service.errors import ServiceError, TransientError
from service.ports.time import Clock

__all__ = ["MAX_ANSWER", "GiteaApi"]

MAX_ANSWER: Final = 8 * 1024 * 1024
"""Bytes; a page of a thousand entries takes a tenth of it."""


class GiteaApi:
    """One account's requests.

    Gitea itself counts none; the proxies before public ones do.

    Args:
        account: The host and the token.
        wire: Carries the requests.
        budget: Of the token.
        clock: Tells the time.
    """

    def __init__(
        self, *, account: Account, wire: Wire, budget: Budget, clock: Clock
    ) -> None:
        self._root = f"{account.url}/api/v1"
        self._token = account.token
        self._wire = wire
        self._budget = budget
        self._clock = clock

    async def item(
        self,
        path: str,
        *,
        doing: str,
        absent: Collection[int] = (),
        most: int = MAX_ANSWER,
    ) -> Any:  # noqa: ANN401 - JSON; whoever asks reads it into a shape at once
        """Return a resource; None when it answers with a status of `absent`.

        Args:
            path: From the API's root, with every name in it quoted.
            doing: What it is asked for, such as `look up a ref of https://…`.
            absent: Statuses that are no trouble.
            most: How many bytes the answer may have.

        Raises:
            BudgetSpentError: The token may not ask any more for now.
            TokenRefusedError: The token is refused, or may not do this.
            RemoteRefusedError: There is no such thing for us.
            TooLargeError: The answer has more bytes.
            TransientError: There was no answer that can be read.
        """
        await self._budget.turn()
        url = f"{self._root}{path}"
        reply = await self._wire.ask("GET", url, headers=self._headers(), most=most)
        self._budget.note(reply.headers)
        if reply.status in absent:
            return None
        if reply.status != HTTPStatus.OK:
            raise self._failure(reply, doing)
        try:
            return json.loads(reply.body)
        except (ValueError, RecursionError) as exc:
            # What a proxy says in the forge's place is often no JSON.
            raise TransientError(f"cannot {doing}: the answer is not readable") from exc

    async def post(self, path: str, body: Mapping[str, str], *, doing: str) -> None:
        """Make something; what comes back is not read.

        Raises:
            RemoteRefusedError: There is no such thing, or our token may not.
            TransientError: It was not done, as far as we know.
        """
        await self._budget.turn()
        reply = await self._wire.ask(
            "POST",
            f"{self._root}{path}",
            headers={**self._headers(), "Content-Type": "application/json"},
            body=json.dumps(body).encode(),
        )
        self._budget.note(reply.headers)
        if reply.status not in {HTTPStatus.OK, HTTPStatus.CREATED}:
            raise self._failure(reply, doing)

    def _headers(self) -> Mapping[str, str]:
        headers = {"Accept": "application/json", "User-Agent": "relaunch"}
        if self._token is not None:
            headers["Authorization"] = f"token {self._token.reveal()}"
        return headers

    def _failure(self, reply: Reply, doing: str) -> ServiceError:
        said = reply.body[:1000].decode("utf-8", "replace")
        wait = retry_after(reply.headers, self._clock.now())
        if is_limit(reply.status, reply.headers, said):
            return BudgetSpentError(
                f"cannot {doing}: {reply.status}, it was asked too often",
                retry_after=self._budget.rest(wait),
            )
        return failure(reply.status, doing, said, wait=wait)
