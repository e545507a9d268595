"""Claims that live as long as their process: renewed while the work goes on.

Who is killed renews nothing, so what it had claimed is free for others within seconds.
"""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import structlog

from service.domain.source import SourceId
from service.errors import TransientError
from service.ports.store import Store
from service.ports.time import Clock

__all__ = ["LEASE", "RENEW", "HeldClaims"]

log = structlog.get_logger(__name__)

LEASE: Final = timedelta(seconds=12)
"""How long the sources of a killed process wait, as leadership does."""
RENEW: Final = timedelta(seconds=3)
"""Three renewals may fail before a claim ends."""


@dataclass(slots=True, eq=False)
class _Claim:
    """One claim, and when it ends as far as its worker knows."""

    source: SourceId
    until: datetime


# One per consuming process: one statement renews what its evaluations hold.
class HeldClaims:
    """The claims of due evaluations that are worked on here."""

    def __init__(self, *, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._held: set[_Claim] = set()

    @contextmanager
    def hold(self, source: SourceId, *, claimed_at: datetime) -> Iterator[None]:
        """Have a claim be renewed while the block runs.

        A claim that was lost meanwhile stays lost: two evaluations at once do no harm,
        since the older one is not recorded.
        """
        claim = _Claim(source, claimed_at + LEASE)
        self._held.add(claim)
        try:
            yield
        finally:
            self._held.discard(claim)

    async def run(self) -> None:
        """Renew what is held until cancelled."""
        while True:
            await self._clock.sleep(RENEW)
            try:
                await self._renew()
            except TransientError as exc:
                # The evaluations go on. If a claim runs out meanwhile another process
                # repeats it, and the generation keeps the older of both out.
                log.warning("claims not renewed", error=str(exc))
            except Exception:
                # It would end all evaluations of this process with itself.
                log.exception("claims not renewed")

    async def _renew(self) -> None:
        # Compare-and-set on the exact end of the claim: whoever lost it to another
        # process finds another end and renews nothing, so a claim never has two
        # holders.
        ends = defaultdict[datetime, dict[SourceId, _Claim]](dict)
        for claim in self._held:
            ends[claim.until][claim.source] = claim
        if not ends:
            return
        until = self._clock.now() + LEASE
        renewed: list[_Claim] = []
        busy: list[_Claim] = []
        async with self._store.transaction() as tx:
            for end, claims in ends.items():
                done = await tx.evaluation_queue.renew(
                    claims.keys(), held_until=end, until=until
                )
                renewed += [claims[source] for source in done.renewed]
                # Tried again with the next renewals, by the end that they have.
                busy += [claims[source] for source in done.busy]
        lost = {claim for claims in ends.values() for claim in claims.values()}
        self._held -= lost.difference(renewed, busy)
        for claim in renewed:
            claim.until = until
