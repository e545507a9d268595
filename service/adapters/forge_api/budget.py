"""What a token may still ask of its forge.

Forges count requests per token and hour and say in every answer how many are left.
The first half is spent as it comes; from there on what is left is spread over the
time until the count begins anew, and a share is left to others: people who use the
same token, hooks, commit statuses.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import structlog

from service.adapters.forge_api.failing import UNNAMED_WAIT, BudgetSpentError
from service.ports.time import Clock

__all__ = ["Allowance", "Budget", "allowance"]

log = structlog.get_logger(__name__)

AT_EASE: Final = 0.5
"""The share of the limit above which nobody waits."""
LONGEST_TURN: Final = timedelta(seconds=5)
"""Longer than that nobody waits for a turn: plain git is faster."""
_NO_TIME: Final = timedelta(0)
_SAME: Final = timedelta(seconds=5)
"""Several servers of one forge do not round alike."""
_PREFIXES: Final = ("x-ratelimit-", "ratelimit-")
"""GitHub and Gitea; GitLab, https://docs.gitlab.com/security/rate_limits/."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """What the latest answer said is left."""

    limit: int
    remaining: int
    resets_at: datetime


def allowance(headers: Mapping[str, str]) -> Allowance | None:
    """Read what is left off an answer's headers (lower-case names); None without."""
    for prefix in _PREFIXES:
        try:
            return Allowance(
                limit=int(headers[f"{prefix}limit"]),
                remaining=int(headers[f"{prefix}remaining"]),
                resets_at=datetime.fromtimestamp(int(headers[f"{prefix}reset"]), UTC),
            )
        except (KeyError, ValueError, OverflowError, OSError):
            continue
    return None


def spacing(left: Allowance, *, now: datetime, spare: float) -> timedelta | None:
    """Say how far apart requests are to be; None when there are to be none.

    Args:
        left: What is left.
        now: The present.
        spare: The share of the limit that is not to be used.
    """
    if left.resets_at <= now or left.remaining > left.limit * AT_EASE:
        return _NO_TIME
    usable = left.remaining - int(left.limit * spare)
    return (left.resets_at - now) / usable if usable > 0 else None


class Budget:
    """One token's requests.

    Args:
        clock: Tells the time.
        host: Whose limit it is.
        spare: The share of the limit that is left to others.
    """

    def __init__(self, *, clock: Clock, host: str, spare: float) -> None:
        self._clock = clock
        self._host = host
        self._spare = spare
        self._left: Allowance | None = None
        self._next_turn: datetime | None = None
        self._quiet_until: datetime | None = None

    async def turn(self) -> None:
        """Wait until one more request may be made.

        Raises:
            BudgetSpentError: None may be made soon; says after what time one may.
        """
        now = self._clock.now()
        if self._quiet_until and now < self._quiet_until:
            raise self._spent(self._quiet_until - now)
        if self._left is None:
            return
        apart = spacing(self._left, now=now, spare=self._spare)
        if apart is None:
            raise self._spent(self._left.resets_at - now)
        turn = max(now, self._next_turn or now)
        if turn - now > LONGEST_TURN:
            raise self._spent(turn - now)
        self._next_turn = turn + apart
        await self._clock.sleep(turn - now)

    def note(self, headers: Mapping[str, str]) -> None:
        """Take in what an answer says is left."""
        found = allowance(headers)
        if found is None:
            return
        if self._left is None or abs(found.resets_at - self._left.resets_at) > _SAME:
            self._next_turn = None
            self._left = found
        # Answers overtake each other: within one hour it never becomes more.
        elif found.remaining < self._left.remaining:
            self._left = found

    def rest(self, wait: timedelta | None) -> timedelta:
        """Ask nothing for a while, as the forge demands; return for how long."""
        wait = wait or self._until_reset() or UNNAMED_WAIT
        self._quiet_until = self._clock.now() + wait
        log.warning("forge limits us", host=self._host, again_in=wait.total_seconds())
        return wait

    def _until_reset(self) -> timedelta | None:
        if self._left is None or self._left.remaining > 0:
            return None
        wait = self._left.resets_at - self._clock.now()
        return wait if wait > _NO_TIME else None

    def _spent(self, wait: timedelta) -> BudgetSpentError:
        return BudgetSpentError(
            f"the requests that the API of {self._host} allows are used up for now",
            retry_after=wait,
        )
