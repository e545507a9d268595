"""The forges that this service has accounts at: one client for each host."""

from collections.abc import AsyncIterator, Mapping, MutableMapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final, assert_never

from cachetools import LRUCache

from service.adapters.egress import EgressPolicy
from service.adapters.forge_api.account import Account
from service.adapters.forge_api.api_tree import Kept, object_cache
from service.adapters.forge_api.caches import ImmutableCache
from service.adapters.forge_api.graphql.endpoint import (
    GraphQl,
    GraphQlEndpoint,
    NoGraphQl,
)
from service.adapters.forge_api.http import HttpClient, open_http_client
from service.adapters.forge_api.rate_limit import (
    NO_OBSERVER,
    ForgeObserver,
    RateLimitBudget,
)
from service.adapters.gitlab.executor import HostExecutors, open_executors
from service.ports.commit_statuses import CommitStatuses
from service.ports.forge_hooks import HostHooks
from service.ports.remote import Remote
from service.ports.time import Clock
from service.settings import ForgeSettings, Settings, passed_to_builds

if TYPE_CHECKING:
    # A client is imported by who asks such a forge: receivers hardly ever do.
    from service.adapters.gitea.client import GiteaApi
    from service.adapters.github.client import GitHubApi
    from service.adapters.gitlab.client import GitLabClient

__all__ = ["Forges", "open_forges"]

MOST_ETAGS: Final = 20_000
"""Answers that are asked for conditionally: two for each of ten thousand sources."""


# One per process. Budgets and the cache of immutable objects are shared by all clients
# of a host: a forge counts requests per token and not per client.
class Forges:
    """Makes the clients of APIs; whatever one token does shares one budget.

    Args:
        settings: Tokens and kinds of the hosts.
        http: Carries the requests.
        executors: For the library that blocks.
        kept: The cache of objects.
        clock: Gives the time.
        observer: Is shown what forges answer.
    """

    def __init__(
        self,
        *,
        settings: ForgeSettings,
        http: HttpClient,
        executors: HostExecutors,
        kept: ImmutableCache[Kept],
        clock: Clock,
        observer: ForgeObserver = NO_OBSERVER,
    ) -> None:
        self._observer = observer
        self._settings = settings
        self._http = http
        self._executors = executors
        self._clock = clock
        self._kept = kept
        self._budgets: dict[str, RateLimitBudget] = {}

    def remote(self, host: str) -> Remote | None:
        """Make the remote of a host; None where its API is not to be used."""
        kind = self._settings.kind(host)
        match kind:
            case None:
                return None
            case "github":
                from service.adapters.github.head_lookup import (  # noqa: PLC0415
                    GitHubHeadLookup,
                )
                from service.adapters.github.remote import GitHubRemote  # noqa: PLC0415

                return GitHubRemote(
                    lookup=GitHubHeadLookup(
                        graphql=self._github_graphql(host), kept=self._kept, host=host
                    ),
                    # Conditional requests that are answered 304 do not count against
                    # the rate limit:
                    # https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api
                    asking=self.github(host, etags=LRUCache(maxsize=MOST_ETAGS)),
                    reading=self.github(host),
                    kept=self._kept,
                    host=host,
                )
            case "gitlab":
                return self._gitlab_remote(host)
            case "gitea":
                from service.adapters.gitea.remote import GiteaRemote  # noqa: PLC0415

                return GiteaRemote(api=self.gitea(host), kept=self._kept, host=host)
            case _:
                assert_never(kind)

    def hooks(self, host: str) -> HostHooks | None:
        """Make what maintains the hooks of a host; None without a token."""
        if self._settings.token(host) is None:
            return None
        match self._settings.kind(host):
            case "github":
                from service.adapters.github.hooks import GitHubHooks  # noqa: PLC0415

                return GitHubHooks(api=self.github(host))
            case "gitlab":
                from service.adapters.gitlab.hooks import GitLabHooks  # noqa: PLC0415

                return GitLabHooks(client=self.gitlab(host))
            case _:  # deliveries of no other kind are taken
                return None

    def notices(self, host: str) -> CommitStatuses | None:
        """Make what posts statuses to a host; None without a token, or unasked."""
        if not self._settings.commit_status or self._settings.token(host) is None:
            return None
        kind = self._settings.kind(host)
        match kind:
            case None:
                return None
            case "github":
                from service.adapters.github.commit_status import (  # noqa: PLC0415
                    GitHubCommitStatuses,
                )

                return GitHubCommitStatuses(api=self.github(host))
            case "gitlab":
                from service.adapters.gitlab.commit_status import (  # noqa: PLC0415
                    GitLabCommitStatuses,
                )

                return GitLabCommitStatuses(client=self.gitlab(host))
            case "gitea":
                from service.adapters.gitea.commit_status import (  # noqa: PLC0415
                    GiteaCommitStatuses,
                )

                return GiteaCommitStatuses(api=self.gitea(host))
            case _:
                assert_never(kind)

    def github(
        self, host: str, *, etags: MutableMapping[str, Any] | None = None
    ) -> "GitHubApi":
        """Make a client of a GitHub's API."""
        from service.adapters.github.client import GitHubApi  # noqa: PLC0415

        return GitHubApi(
            account=self._account(host),
            http=self._http,
            budget=self._budget(host),
            clock=self._clock,
            etags=etags,
        )

    def gitlab(self, host: str) -> "GitLabClient":
        """Make a client of a GitLab's API."""
        from service.adapters.gitlab.client import GitLabClient  # noqa: PLC0415

        return GitLabClient(
            account=self._account(host),
            http=self._http,
            budget=self._budget(host),
            clock=self._clock,
            executor=self._executors.of(host),
        )

    def gitea(self, host: str) -> "GiteaApi":
        """Make a client of a Gitea's API."""
        from service.adapters.gitea.client import GiteaApi  # noqa: PLC0415

        return GiteaApi(
            account=self._account(host),
            http=self._http,
            budget=self._budget(host),
            clock=self._clock,
        )

    def _gitlab_remote(self, host: str) -> Remote:
        from service.adapters.gitlab.head_lookup import GitLabHeadLookup  # noqa: PLC0415
        from service.adapters.gitlab.remote import GitLabRemote  # noqa: PLC0415

        account = self._account(host)
        lookup = GitLabHeadLookup(
            # What everybody may ask is limited by address, apart from the token:
            # https://docs.gitlab.com/security/rate_limits/
            open_to_all=self._gitlab_graphql(
                account,
                {},
                self._budget(f"{host}/anonymous" if account.token else host),
            ),
            with_token=self._gitlab_graphql(
                account,
                {"authorization": f"Bearer {account.token.reveal()}"},
                self._budget(host),
            )
            if account.token
            else NoGraphQl(),
            kept=self._kept,
            host=host,
            clock=self._clock,
        )
        return GitLabRemote(lookup=lookup, client=self.gitlab(host), kept=self._kept)

    def _gitlab_graphql(
        self, account: Account, headers: Mapping[str, str], budget: RateLimitBudget
    ) -> GraphQl:
        return GraphQlEndpoint(
            url=f"{account.url}/api/graphql",
            headers=headers,
            http=self._http,
            budget=budget,
            host_budget=budget,
            clock=self._clock,
        )

    def _github_graphql(self, host: str) -> GraphQl:
        """Make a client of a GitHub's GraphQL, which answers nobody without a token."""
        from service.adapters.github.client import graphql_url  # noqa: PLC0415

        account = self._account(host)
        # GraphQL answers nobody without a token. REST does, at 60 requests an hour for
        # each address:
        # https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api
        if account.token is None:
            return NoGraphQl()
        return GraphQlEndpoint(
            url=graphql_url(account),
            headers={"authorization": f"bearer {account.token.reveal()}"},
            http=self._http,
            # It is counted in points, apart from REST's requests:
            # https://docs.github.com/en/graphql/overview/rate-limits-and-query-limits-for-the-graphql-api
            budget=self._budget(f"{host}/graphql"),
            host_budget=self._budget(host),
            clock=self._clock,
        )

    def _account(self, host: str) -> Account:
        return Account(host=host, token=self._settings.token(host))

    def _budget(self, host: str) -> RateLimitBudget:
        known = self._budgets.get(host)
        if known is None:
            known = RateLimitBudget(
                clock=self._clock,
                host=host,
                spare=self._settings.rate_limit_reserve,
                observer=self._observer,
            )
            self._budgets[host] = known
        return known


@asynccontextmanager
async def open_forges(
    settings: Settings,
    *,
    clock: Clock,
    kept: ImmutableCache[Kept] | None = None,
    observer: ForgeObserver = NO_OBSERVER,
) -> AsyncIterator[Forges]:
    """Open connections to the APIs of forges, for the block.

    Args:
        settings: Where we have accounts.
        clock: Gives the time.
        kept: A cache of objects that others use, too; None for one of its own.
        observer: Is shown what forges answer.
    """
    async with open_http_client(
        gate=EgressPolicy(settings.private_hosts),
        environment=passed_to_builds(settings),
        deadline=settings.forge.deadline,
        observer=observer,
    ) as http:
        with open_executors() as executors:
            yield Forges(
                settings=settings.forge,
                http=http,
                executors=executors,
                kept=object_cache(settings.forge.cache_mb) if kept is None else kept,
                clock=clock,
                observer=observer,
            )
