"""GitLab's REST API, with python-gitlab in a thread."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from functools import partial
from http import HTTPStatus
from typing import Final, TypeVar

import gitlab
import requests
from gitlab.exceptions import GitlabError

from service.adapters.forge_api.account import Account
from service.adapters.forge_api.errors import to_one_line, translate_failure
from service.adapters.forge_api.http import MAX_ANSWER, HttpClient
from service.adapters.forge_api.rate_limit import RateLimitBudget
from service.adapters.forge_api.responses import UNREADABLE
from service.adapters.gitlab.requests_transport import RequestSender, RequestsTransport
from service.errors import ServiceError, TransientError
from service.ports.time import Clock

__all__ = ["GitLabClient"]

T = TypeVar("T")

USER_AGENT: Final = "relaunch"


class GitLabClient:
    """Run functions with python-gitlab, off the event loop.

    The library is synchronous, so its code runs in a thread. Its requests come back
    to the event loop (`RequestsTransport`).

    Args:
        account: The host and the token.
        http: Sends the requests.
        budget: The rate limit of the token, or of our address without a token.
        clock: Gives the time.
        executor: Runs the library.
    """

    def __init__(
        self,
        *,
        account: Account,
        http: HttpClient,
        budget: RateLimitBudget,
        clock: Clock,
        executor: Executor,
    ) -> None:
        self._account = account
        self._executor = executor
        self._sender = RequestSender(
            host=account.host,
            root=account.url,
            http=http,
            budget=budget,
            clock=clock,
        )

    @property
    def host(self) -> str:
        """The host, as in `Repository.host`."""
        return self._account.host

    @property
    def has_token(self) -> bool:
        """Return whether requests carry a token."""
        return self._account.token is not None

    async def run(
        self,
        operation: str,
        work: Callable[[gitlab.Gitlab], T],
        *,
        max_bytes: int = MAX_ANSWER,
    ) -> T:
        """Run a function in a thread and return its result.

        Args:
            operation: Its purpose, such as `look up a ref of https://…`.
            work: Uses the client; it runs in a thread and must share no state.
            max_bytes: The maximum size of each answer.

        Raises:
            TooLargeError: An answer has more than `max_bytes` bytes.
            RemoteRefusedError: It does not exist, or the token lacks a permission.
            TransientError: GitLab does not answer now.
        """
        try:
            return await self._run_in_thread(work, max_bytes)
        except GitlabError as exc:
            raise _failure(exc, operation) from exc

    async def find(
        self,
        operation: str,
        work: Callable[[gitlab.Gitlab], T],
        *,
        max_bytes: int = MAX_ANSWER,
    ) -> T | None:
        """Run a function as `run` does; None when GitLab answers 404.

        Raises:
            TooLargeError: An answer has more than `max_bytes` bytes.
            RemoteRefusedError: GitLab refuses the token.
            TransientError: GitLab does not answer now.
        """
        try:
            return await self._run_in_thread(work, max_bytes)
        except GitlabError as exc:
            if exc.response_code == HTTPStatus.NOT_FOUND:
                return None
            raise _failure(exc, operation) from exc

    async def _run_in_thread(
        self, work: Callable[[gitlab.Gitlab], T], max_bytes: int
    ) -> T:
        loop = asyncio.get_running_loop()
        transport = RequestsTransport(
            sender=self._sender, loop=loop, max_bytes=max_bytes
        )
        try:
            return await loop.run_in_executor(
                self._executor,
                partial(_run_with_session, work, self._account, transport),
            )
        except (*UNREADABLE, requests.RequestException) as exc:
            # The library does not validate answers: an unexpected one fails anywhere.
            raise TransientError(
                f"the answer of {self._account.host} is not readable:"
                f" {to_one_line(exc)}"
            ) from exc


def _run_with_session(
    work: Callable[[gitlab.Gitlab], T], account: Account, transport: RequestsTransport
) -> T:
    # A session for each piece of work: they are not safe to share between threads, and
    # hold no connections here anyway.
    with requests.Session() as session:
        # All requests take our transport: no proxies and no .netrc of the environment.
        session.trust_env = False
        # Our client follows what may be followed.
        session.max_redirects = 0
        session.mount("https://", transport)
        session.mount("http://", transport)
        token = account.token.reveal() if account.token else None
        return work(
            gitlab.Gitlab(
                account.url,
                # As `Authorization: Bearer`, which every GitLab accepts for all kinds
                # of tokens: https://docs.gitlab.com/api/rest/authentication/
                oauth_token=token,
                session=session,
                user_agent=USER_AGENT,
            )
        )


def _failure(error: GitlabError, operation: str) -> ServiceError:
    if error.response_code is None:
        return TransientError(
            f"cannot {operation}: {to_one_line(str(error.error_message))}"
        )
    return translate_failure(error.response_code, operation, str(error.error_message))
