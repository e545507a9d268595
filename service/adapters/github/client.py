"""GitHub's REST API, with gidgethub over our own HTTP client."""

from collections.abc import Collection, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, Final

from gidgethub import HTTPException
from gidgethub.abc import GitHubAPI

from service.adapters.forge_api.account import Account
from service.adapters.forge_api.errors import (
    BudgetSpentError,
    is_limit,
    retry_after,
    translate_failure,
)
from service.adapters.forge_api.http import HttpClient
from service.adapters.forge_api.rate_limit import RateLimitBudget
from service.adapters.forge_api.responses import UNREADABLE, check_answer
from service.errors import RemoteRefusedError, ServiceError, TransientError
from service.ports.time import Clock

__all__ = ["GitHubApi", "api_root", "graphql_url"]

REQUESTER: Final = "relaunch"
"""https://docs.github.com/en/rest/using-the-rest-api/getting-started-with-the-rest-api#user-agent"""
PUBLIC: Final = "github.com"


def api_root(account: Account) -> str:
    """Return the root URL of a host's API.

    https://docs.github.com/en/enterprise-server/rest/using-the-rest-api
    """
    if account.host == PUBLIC:
        return f"https://api.{PUBLIC}"
    return f"{account.url}/api/v3"


def graphql_url(account: Account) -> str:
    """Return the URL of a host's GraphQL endpoint.

    https://docs.github.com/en/graphql/guides/forming-calls-with-graphql
    """
    if account.host == PUBLIC:
        return f"https://api.{PUBLIC}/graphql"
    return f"{account.url}/api/graphql"


class GitHubApi(GitHubAPI):
    """Make requests with one account.

    Args:
        account: The host and the token.
        http: Sends the requests.
        budget: The rate limit of the token, shared by everything that uses it.
        clock: Gives the time.
        etags: Answers for conditional requests; None where answers never change.
    """

    def __init__(
        self,
        *,
        account: Account,
        http: HttpClient,
        budget: RateLimitBudget,
        clock: Clock,
        etags: MutableMapping[str, Any] | None = None,
    ) -> None:
        token = account.token.reveal() if account.token else None
        super().__init__(
            REQUESTER, oauth_token=token, cache=etags, base_url=api_root(account)
        )
        self._http = http
        self._budget = budget
        self._clock = clock

    async def fetch(
        self, path: str, *, operation: str, absent: Collection[int] = ()
    ) -> Any:  # noqa: ANN401 - JSON; whoever asks reads it into a shape at once
        """Fetch a resource; None when the answer has a status of `absent`.

        Args:
            path: From the API's root, with every name in it quoted.
            operation: Its purpose, such as `look up a ref of https://…`.
            absent: Statuses that are no errors.

        Raises:
            BudgetSpentError: The rate limit is used up for now.
            TokenRefusedError: The token is refused, or lacks a permission.
            RemoteRefusedError: It does not exist, or we may not read it.
            TransientError: There was no readable answer.
        """
        with self.translate_errors(operation):
            try:
                return await self.getitem(path)
            except HTTPException as exc:
                if int(exc.status_code) in absent:
                    return None
                raise

    @contextmanager
    def translate_errors(self, operation: str) -> Iterator[None]:
        """Translate what the requests of the block raise.

        Raises:
            ServiceError: As `fetch` does.
        """
        try:
            yield
        except HTTPException as exc:
            raise self.translate_failure(exc, operation) from exc
        except UNREADABLE as exc:
            # A proxy that answers instead of the forge often sends HTML.
            raise TransientError(
                f"cannot {operation}: the answer is not readable"
            ) from exc

    def translate_failure(self, exc: HTTPException, operation: str) -> ServiceError:
        """Translate a failed request; a rate limit applies from now on."""
        status, message = int(exc.status_code), str(exc)
        headers = {name.lower(): text for name, text in exc.headers.items()}
        wait = retry_after(headers, self._clock.now())
        # Before the translation by status: GitHub answers 403 for its limits as for
        # missing rights.
        if is_limit(status, headers, message):
            wait = self._budget.suspend(wait)
            return BudgetSpentError(
                f"cannot {operation}: {status} {message}", retry_after=wait
            )
        return translate_failure(status, operation, message, wait=wait)

    async def manage_rate_limit(self, *, method: str, url: str) -> None:
        """Wait for the rate limit; gidgethub calls this before every request."""
        del method, url
        # gidgethub's own rate limiting raises when the limit is spent; this one also
        # spreads requests before that.
        await self._budget.acquire()

    async def sleep(self, seconds: float) -> None:
        """Sleep by the clock; gidgethub requires this method."""
        await self._clock.sleep(timedelta(seconds=seconds))

    async def _request(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes = b""
    ) -> tuple[int, Mapping[str, str], bytes]:
        # Links to further pages come from answers: the token must not follow one to
        # another host.
        if not url.startswith(self.base_url + "/"):
            raise RemoteRefusedError(f"{self.base_url} links to a page of another host")
        reply = await self._http.request(
            method, url, headers=headers, body=body or None
        )
        self._budget.update(reply.headers)
        check_answer(reply.body, whose=self.base_url)
        return reply.status, reply.headers, reply.body
