"""A line to one GitLab, for whoever asks it something."""

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
from service.adapters.forge_api.budget import Budget
from service.adapters.forge_api.failing import failure
from service.adapters.forge_api.wire import Wire
from service.adapters.gitlab.bridge import Bridge, Carrier
from service.errors import ServiceError, TransientError
from service.ports.time import Clock

__all__ = ["MAX_ANSWER", "GitLabLine"]

T = TypeVar("T")

MAX_ANSWER: Final = 8 * 1024 * 1024
"""Bytes; a page of a hundred entries, branches or hooks takes a hundredth of it."""
AGENT: Final = "relaunch"


class GitLabLine:
    """Runs pieces of work with python-gitlab, off the loop.

    Args:
        account: The host, and what we are there.
        wire: Carries the requests.
        budget: The token's, or the address's where there is none.
        clock: Tells how long a wait is that is given as a date.
        threads: Where the library runs.
    """

    def __init__(
        self,
        *,
        account: Account,
        wire: Wire,
        budget: Budget,
        clock: Clock,
        threads: Executor,
    ) -> None:
        self._account = account
        self._threads = threads
        self._carrier = Carrier(
            host=account.host,
            root=account.url,
            wire=wire,
            budget=budget,
            clock=clock,
        )

    @property
    def host(self) -> str:
        """The host, as in `Repository.host`."""
        return self._account.host

    async def ask(
        self, doing: str, work: Callable[[gitlab.Gitlab], T], *, most: int = MAX_ANSWER
    ) -> T:
        """Do some work in a thread and return what comes out.

        Args:
            doing: What is asked for, such as `look up a ref of https://…`.
            work: Uses the client; must touch nothing else.
            most: How many bytes each answer may have.

        Raises:
            TooLargeError: An answer has more bytes.
            RemoteRefusedError: There is no such thing, or not for this token.
            TransientError: GitLab does not answer now.
        """
        try:
            return await self._run(work, most)
        except GitlabError as exc:
            raise _failure(exc, doing) from exc

    async def find(
        self, doing: str, work: Callable[[gitlab.Gitlab], T], *, most: int = MAX_ANSWER
    ) -> T | None:
        """Do the same; None when GitLab has no such thing, or shows us none.

        Raises:
            TooLargeError: An answer has more bytes.
            RemoteRefusedError: The token is not taken.
            TransientError: GitLab does not answer now.
        """
        try:
            return await self._run(work, most)
        except GitlabError as exc:
            if exc.response_code == HTTPStatus.NOT_FOUND:
                return None
            raise _failure(exc, doing) from exc

    async def _run(self, work: Callable[[gitlab.Gitlab], T], most: int) -> T:
        loop = asyncio.get_running_loop()
        bridge = Bridge(carrier=self._carrier, loop=loop, most=most)
        return await loop.run_in_executor(
            self._threads, partial(_work, work, self._account, bridge)
        )


def _work(work: Callable[[gitlab.Gitlab], T], account: Account, bridge: Bridge) -> T:
    with requests.Session() as session:
        # Nothing but the bridge: no proxies, no .netrc, no way around it.
        session.trust_env = False
        session.mount("https://", bridge)
        session.mount("http://", bridge)
        token = account.token.reveal() if account.token else None
        return work(
            gitlab.Gitlab(
                account.url,
                # As `Authorization: Bearer`, which every GitLab takes for every kind
                # of token: https://docs.gitlab.com/api/rest/authentication/
                oauth_token=token,
                session=session,
                user_agent=AGENT,
            )
        )


def _failure(error: GitlabError, doing: str) -> ServiceError:
    if error.response_code is None:
        return TransientError(f"cannot {doing}: {str(error.error_message)[:200]}")
    return failure(error.response_code, doing, str(error.error_message))
