"""Lines to hosts that are no forge at all."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from service.adapters.clock import SystemClock
from service.adapters.egress import ANYWHERE
from service.adapters.forge_api.account import Account
from service.adapters.forge_api.http import open_http_client
from service.adapters.forge_api.rate_limit import RateLimitBudget
from service.adapters.gitlab.client import GitLabClient
from service.adapters.gitlab.executor import open_executors
from service.domain.hook import Secret

DEADLINE = timedelta(seconds=10)


@asynccontextmanager
async def a_gitlab_client(
    host: str, *, deadline: timedelta = DEADLINE
) -> AsyncIterator[GitLabClient]:
    """Open a line with some token."""
    clock = SystemClock()
    async with open_http_client(
        gate=ANYWHERE, environment={}, deadline=deadline
    ) as http:
        with open_executors() as executors:
            yield GitLabClient(
                account=Account(host=host, token=Secret("a token")),
                http=http,
                budget=RateLimitBudget(clock=clock, host=host, spare=0.1),
                clock=clock,
                executor=executors.of(host),
            )
