"""GitHub's REST API with gidgethub, over a wire that trusts nobody."""

from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import Any, Final

from gidgethub import HTTPException
from gidgethub.abc import GitHubAPI

from service.adapters.forge_api.account import Account
from service.adapters.forge_api.budget import Budget
from service.adapters.forge_api.failing import (
    BudgetSpentError,
    failure,
    is_limit,
    retry_after,
)
from service.adapters.forge_api.keeping import Etags
from service.adapters.forge_api.wire import Wire
from service.errors import RemoteRefusedError, ServiceError, TransientError
from service.ports.time import Clock

__all__ = ["GitHubApi", "api_root"]

REQUESTER: Final = "relaunch"
"""https://docs.github.com/en/rest/using-the-rest-api/getting-started-with-the-rest-api#user-agent"""
PUBLIC: Final = "github.com"


def api_root(account: Account) -> str:
    """Return where the API of a host is.

    https://docs.github.com/en/enterprise-server/rest/using-the-rest-api
    """
    if account.host == PUBLIC:
        return f"https://api.{PUBLIC}"
    return f"{account.url}/api/v3"


class GitHubApi(GitHubAPI):
    """One account's requests.

    Args:
        account: The host and the token.
        wire: Carries the requests.
        budget: Of the token, shared by all who use it.
        clock: Tells the time.
        etags: Answers to ask for conditionally; None where answers never change.
    """

    def __init__(
        self,
        *,
        account: Account,
        wire: Wire,
        budget: Budget,
        clock: Clock,
        etags: Etags | None = None,
    ) -> None:
        token = account.token.reveal() if account.token else None
        super().__init__(
            REQUESTER, oauth_token=token, cache=etags, base_url=api_root(account)
        )
        self._wire = wire
        self._budget = budget
        self._clock = clock

    async def item(self, path: str, *, doing: str, absent: Collection[int] = ()) -> Any:  # noqa: ANN401 - JSON; whoever asks reads it into a shape at once
        """Return a resource; None when it answers with a status of `absent`.

        Args:
            path: From the API's root, with every name in it quoted.
            doing: What it is asked for, such as `look up a ref of https://…`.
            absent: Statuses that are no trouble.

        Raises:
            BudgetSpentError: The token may not ask any more for now.
            TokenRefusedError: The token is refused, or may not do this.
            RemoteRefusedError: There is no such thing for us.
            TransientError: There was no answer that can be read.
        """
        try:
            return await self.getitem(path)
        except HTTPException as exc:
            if int(exc.status_code) in absent:
                return None
            raise self.failure(exc, doing) from exc
        except (ValueError, LookupError, RecursionError) as exc:
            # What a proxy says in the forge's place is often no JSON.
            raise TransientError(f"cannot {doing}: the answer is not readable") from exc

    def failure(self, exc: HTTPException, doing: str) -> ServiceError:
        """Say in our terms why a request failed; a limit is obeyed from now on."""
        status, said = int(exc.status_code), str(exc)
        headers = {name.lower(): it for name, it in exc.headers.items()}
        wait = retry_after(headers, self._clock.now())
        if is_limit(status, headers, said):
            wait = self._budget.rest(wait)
            return BudgetSpentError(
                f"cannot {doing}: {status} {said}", retry_after=wait
            )
        return failure(status, doing, said, wait=wait)

    async def manage_rate_limit(self, *, method: str, url: str) -> None:
        """Wait for a turn, before every request."""
        del method, url
        await self._budget.turn()

    async def sleep(self, seconds: float) -> None:
        """Let time pass."""
        await self._clock.sleep(timedelta(seconds=seconds))

    async def _request(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes = b""
    ) -> tuple[int, Mapping[str, str], bytes]:
        # Links to further pages come out of answers; they lead nowhere else.
        if not url.startswith(self.base_url + "/"):
            raise RemoteRefusedError(f"{self.base_url} names a page elsewhere")
        reply = await self._wire.ask(method, url, headers=headers, body=body or None)
        self._budget.note(reply.headers)
        return reply.status, reply.headers, reply.body
