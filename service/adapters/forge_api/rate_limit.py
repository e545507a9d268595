"""Keep requests within the rate limit of a forge's token.

Forges count requests per token and hour and report in every answer how many remain.
The first half is not throttled. The rest is spread evenly over the time until the
limit resets, and a reserve is left to other users of the token: people, hooks,
commit statuses.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import structlog

from service.adapters.forge_api.errors import (
    MAX_RETRY_AFTER,
    UNNAMED_WAIT,
    BudgetSpentError,
)
from service.ports.time import Clock

__all__ = [
    "NO_OBSERVER",
    "Allowance",
    "ForgeObserver",
    "RateLimitBudget",
    "parse_allowance",
]

log = structlog.get_logger(__name__)

UNTHROTTLED_SHARE: Final = 0.5
"""The share of the limit above which requests are not delayed."""
MAX_WAIT: Final = timedelta(seconds=5)
"""A longer wait is an error instead: plain git is faster."""
_NO_TIME: Final = timedelta(0)
_RESET_TOLERANCE: Final = timedelta(seconds=5)
"""The servers of one forge do not round the time of reset alike."""
_MOST: Final = 2**53
"""More requests than any limit leaves; larger numbers are no exact floats."""
_PREFIXES: Final = ("x-ratelimit-", "ratelimit-")
"""GitHub and Gitea; GitLab, https://docs.gitlab.com/security/rate_limits/."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ForgeObserver:
    """What is called with what forges answer, to be counted."""

    answered: Callable[[str, int | None], None]
    """With the host and the status; None when there was no answer."""
    left: Callable[[str, int], None]
    """With the host and how many requests its rate limit leaves."""


NO_OBSERVER: Final = ForgeObserver(
    answered=lambda _host, _status: None, left=lambda _host, _count: None
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """The remaining requests, as an answer's headers report them."""

    limit: int
    remaining: int
    resets_at: datetime


def parse_allowance(headers: Mapping[str, str]) -> Allowance | None:
    """Parse the rate limit headers (lower-case names); None when there are none."""
    for prefix in _PREFIXES:
        try:
            return Allowance(
                limit=_count(headers[f"{prefix}limit"]),
                remaining=_count(headers[f"{prefix}remaining"]),
                resets_at=datetime.fromtimestamp(int(headers[f"{prefix}reset"]), UTC),
            )
        except (KeyError, ValueError, OverflowError, OSError):
            continue
    return None


def _count(text: str) -> int:
    return max(0, min(int(text), _MOST))


def compute_spacing(
    left: Allowance, *, now: datetime, spare: float
) -> timedelta | None:
    """Compute the interval between requests; None when no request may be made.

    Args:
        left: The remaining requests.
        now: The present.
        spare: The share of the limit that is held in reserve.
    """
    if left.resets_at <= now or left.remaining > left.limit * UNTHROTTLED_SHARE:
        return _NO_TIME
    # The reserve is for what people do with the same token; at its edge evaluations go
    # on by git.
    usable = left.remaining - int(left.limit * spare)
    if usable <= 0:
        return None
    return min((left.resets_at - now) / usable, MAX_RETRY_AFTER)


class RateLimitBudget:
    """The rate limit of one token, as far as this process knows it.

    One for each host, made by the composition root and shared by everything that
    uses the host's token. Lost at a restart: the next answer restores it.

    Args:
        clock: Gives the time.
        host: The host, for messages.
        spare: The share of the limit that is held in reserve.
        observer: Is shown what is left.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        host: str,
        spare: float,
        observer: ForgeObserver = NO_OBSERVER,
    ) -> None:
        self._observer = observer
        self._clock = clock
        self._host = host
        self._spare = spare
        self._left: Allowance | None = None
        self._believed_until: datetime | None = None
        self._next_request: datetime | None = None
        self._suspended_until: datetime | None = None

    async def acquire(self) -> None:
        """Wait until one more request may be made.

        Raises:
            BudgetSpentError: That would take too long; `retry_after` is the time.
        """
        now = self._clock.now()
        if self._suspended_until and self.is_suspended:
            raise self._make_error(self._suspended_until - now)
        # Nothing is known before the first answer. A burst at the start is bounded by
        # the connections of the client.
        if self._left is None or self._believed_until is None:
            return
        # An answer may name any time of reset. Whoever waited for it would never ask
        # again, nor learn of another one.
        if now >= self._believed_until:
            self._left = self._next_request = None
            return
        interval = compute_spacing(self._left, now=now, spare=self._spare)
        if interval is None:
            raise self._make_error(self._left.resets_at - now)
        turn = max(now, self._next_request or now)
        if turn - now > MAX_WAIT:
            raise self._make_error(turn - now)
        # The slot is taken before the wait, so that concurrent callers get later ones.
        self._next_request = turn + interval
        await self._clock.sleep(turn - now)

    def update(self, headers: Mapping[str, str]) -> None:
        """Update the remaining requests from an answer's headers."""
        allowance = parse_allowance(headers)
        if allowance is None:
            return
        self._observer.left(self._host, allowance.remaining)
        self._believed_until = self._clock.now() + MAX_RETRY_AFTER
        if (
            self._left is None
            or abs(allowance.resets_at - self._left.resets_at) > _RESET_TOLERANCE
        ):
            # Another window of the limit: slots that were given out in the last one no
            # longer mean anything.
            self._next_request = None
            self._left = allowance
        # Answers can arrive out of order: until the reset, the count only goes down.
        elif allowance.remaining < self._left.remaining:
            self._left = allowance

    def suspend(self, wait: timedelta | None) -> timedelta:
        """Make no requests for a while, as the forge demands; return for how long."""
        # A secondary limit often names no time, while `remaining` is far from zero;
        # then GitHub asks for a minute at least.
        wait = wait or self._time_until_reset() or UNNAMED_WAIT
        wait = min(wait, MAX_RETRY_AFTER)
        self._suspended_until = self._clock.now() + wait
        log.warning(
            "forge rate limit reached",
            host=self._host,
            retry_after=wait.total_seconds(),
        )
        return wait

    @property
    def is_suspended(self) -> bool:
        """Return whether the forge demanded that no requests are made now."""
        until = self._suspended_until
        return until is not None and self._clock.now() < until

    def _time_until_reset(self) -> timedelta | None:
        if self._left is None or self._left.remaining > 0:
            return None
        wait = self._left.resets_at - self._clock.now()
        return wait if wait > _NO_TIME else None

    def _make_error(self, wait: timedelta) -> BudgetSpentError:
        return BudgetSpentError(
            f"the rate limit of the API of {self._host} is used up for now",
            retry_after=min(wait, MAX_RETRY_AFTER),
        )
