"""Bound the reads of repositories that callers cause by naming them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Final

from service.errors import TransientError

__all__ = ["PROBES_AT_ONCE", "ProbeLimit"]

PROBES_AT_ONCE: Final = 3
"""Less than half of what one process reads at once: people who try out addresses never
keep evaluations waiting, however slow the servers are that they name."""
PROBE_DEADLINE: Final = timedelta(seconds=20)
"""Longer nobody looks at a form that does not answer."""


# One for each process, shared by everything that reads what a caller names: three
# limits of their own would be three times as many reads.
class ProbeLimit:
    """Lets few such reads run at once, and none for long.

    Args:
        deadline: How long one may take; waiting for its turn counts.
    """

    def __init__(self, *, deadline: timedelta = PROBE_DEADLINE) -> None:
        self._slots = asyncio.Semaphore(PROBES_AT_ONCE)
        self._deadline = deadline

    @asynccontextmanager
    async def slot(self, host: str) -> AsyncIterator[None]:
        """Hold one of the places while a server is read.

        Raises:
            TransientError: It took too long, or too many waited before.
        """
        try:
            async with asyncio.timeout(self._deadline.total_seconds()), self._slots:
                yield
        except TimeoutError as exc:
            raise TransientError(
                f"{host} was not read in time; try again in a moment"
            ) from exc
