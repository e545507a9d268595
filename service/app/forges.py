"""The forges that this service has accounts at: one client for each host."""

from collections.abc import AsyncIterator
from concurrent.futures import Executor
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final, assert_never

from service.adapters.forge_api.account import Account
from service.adapters.forge_api.budget import Budget
from service.adapters.forge_api.keeping import Etags, Immutables
from service.adapters.forge_api.walking import Kept, size_of
from service.adapters.forge_api.wire import Wire, open_wire
from service.adapters.gate import Gate
from service.adapters.gitlab.threads import open_threads
from service.ports.forge_hooks import ForgeHooks
from service.ports.notices import Notices
from service.ports.remote import Remote
from service.ports.time import Clock
from service.settings import ForgeSettings, Settings, passed_to_builds

if TYPE_CHECKING:
    # A client is imported by who asks such a forge: receivers hardly ever do.
    from service.adapters.gitea.api import GiteaApi
    from service.adapters.github.api import GitHubApi
    from service.adapters.gitlab.line import GitLabLine

__all__ = ["Forges", "open_forges"]

MOST_ETAGS: Final = 20_000
"""Answers that are asked for conditionally: two for each of ten thousand sources."""
MEGABYTE: Final = 1024 * 1024


class Forges:
    """Makes the clients of APIs; whatever one token does shares one budget.

    Args:
        settings: Tokens and kinds of the hosts.
        wire: Carries the requests.
        threads: For the library that blocks.
        clock: Tells the time.
    """

    def __init__(
        self, *, settings: ForgeSettings, wire: Wire, threads: Executor, clock: Clock
    ) -> None:
        self._settings = settings
        self._wire = wire
        self._threads = threads
        self._clock = clock
        self._kept = Immutables[Kept](most=settings.cache_mb * MEGABYTE, size=size_of)
        self._budgets: dict[str, Budget] = {}

    def remote(self, host: str) -> Remote | None:
        """Make the remote of a host; None where its API is not to be used."""
        kind = self._settings.kind(host)
        match kind:
            case None:
                return None
            case "github":
                from service.adapters.github.remote import GitHubRemote  # noqa: PLC0415

                return GitHubRemote(
                    asking=self.github(host, etags=Etags(most=MOST_ETAGS)),
                    reading=self.github(host),
                    kept=self._kept,
                    host=host,
                )
            case "gitlab":
                from service.adapters.gitlab.remote import GitLabRemote  # noqa: PLC0415

                return GitLabRemote(line=self.gitlab(host), kept=self._kept)
            case "gitea":
                from service.adapters.gitea.remote import GiteaRemote  # noqa: PLC0415

                return GiteaRemote(api=self.gitea(host), kept=self._kept, host=host)
            case _:
                assert_never(kind)

    def hooks(self, host: str) -> ForgeHooks | None:
        """Make what looks after the hooks of a host; None without a token."""
        if self._settings.token(host) is None:
            return None
        match self._settings.kind(host):
            case "github":
                from service.adapters.github.hooks import GitHubHooks  # noqa: PLC0415

                return GitHubHooks(api=self.github(host))
            case "gitlab":
                from service.adapters.gitlab.hooks import GitLabHooks  # noqa: PLC0415

                return GitLabHooks(line=self.gitlab(host))
            case _:  # deliveries of no other kind are taken
                return None

    def notices(self, host: str) -> Notices | None:
        """Make what posts statuses to a host; None without a token, or unasked."""
        if not self._settings.feedback or self._settings.token(host) is None:
            return None
        kind = self._settings.kind(host)
        match kind:
            case None:
                return None
            case "github":
                from service.adapters.github.statuses import (  # noqa: PLC0415
                    GitHubNotices,
                )

                return GitHubNotices(api=self.github(host))
            case "gitlab":
                from service.adapters.gitlab.statuses import (  # noqa: PLC0415
                    GitLabNotices,
                )

                return GitLabNotices(line=self.gitlab(host))
            case "gitea":
                from service.adapters.gitea.statuses import (  # noqa: PLC0415
                    GiteaNotices,
                )

                return GiteaNotices(api=self.gitea(host))
            case _:
                assert_never(kind)

    def github(self, host: str, *, etags: Etags | None = None) -> "GitHubApi":
        """Make a client of a GitHub's API."""
        from service.adapters.github.api import GitHubApi  # noqa: PLC0415

        return GitHubApi(
            account=self._account(host),
            wire=self._wire,
            budget=self._budget(host),
            clock=self._clock,
            etags=etags,
        )

    def gitlab(self, host: str) -> "GitLabLine":
        """Make a client of a GitLab's API."""
        from service.adapters.gitlab.line import GitLabLine  # noqa: PLC0415

        return GitLabLine(
            account=self._account(host),
            wire=self._wire,
            budget=self._budget(host),
            clock=self._clock,
            threads=self._threads,
        )

    def gitea(self, host: str) -> "GiteaApi":
        """Make a client of a Gitea's API."""
        from service.adapters.gitea.api import GiteaApi  # noqa: PLC0415

        return GiteaApi(
            account=self._account(host),
            wire=self._wire,
            budget=self._budget(host),
            clock=self._clock,
        )

    def _account(self, host: str) -> Account:
        return Account(host=host, token=self._settings.token(host))

    def _budget(self, host: str) -> Budget:
        known = self._budgets.get(host)
        if known is None:
            known = Budget(clock=self._clock, host=host, spare=self._settings.spare)
            self._budgets[host] = known
        return known


@asynccontextmanager
async def open_forges(settings: Settings, *, clock: Clock) -> AsyncIterator[Forges]:
    """Open connections to the APIs of forges, for the block."""
    async with open_wire(
        gate=Gate(settings.private_hosts),
        environment=passed_to_builds(settings),
        deadline=settings.forge.deadline,
    ) as wire:
        with open_threads() as threads:
            yield Forges(
                settings=settings.forge, wire=wire, threads=threads, clock=clock
            )
