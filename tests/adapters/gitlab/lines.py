"""Lines to hosts that are no forge at all."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from service.adapters.clock import SystemClock
from service.adapters.forge_api.account import Account
from service.adapters.forge_api.budget import Budget
from service.adapters.forge_api.wire import open_wire
from service.adapters.gate import ANYWHERE
from service.adapters.gitlab.line import GitLabLine
from service.adapters.gitlab.threads import open_threads
from service.domain.hook import Secret

DEADLINE = timedelta(seconds=10)


@asynccontextmanager
async def a_gitlab_line(
    host: str, *, deadline: timedelta = DEADLINE
) -> AsyncIterator[GitLabLine]:
    """Open a line with some token."""
    clock = SystemClock()
    async with open_wire(gate=ANYWHERE, environment={}, deadline=deadline) as wire:
        with open_threads() as threads:
            yield GitLabLine(
                account=Account(host=host, token=Secret("a token")),
                wire=wire,
                budget=Budget(clock=clock, host=host, spare=0.1),
                clock=clock,
                threads=threads,
            )
