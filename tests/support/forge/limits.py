"""Rate limits, and other refusals to order.

https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api
https://docs.gitlab.com/administration/settings/rate_limit_on_api/ (headers)
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final, Literal

from service.ports.time import Clock

Scope = Literal["api", "git", "all"]

WINDOWS: Final = {
    "github": timedelta(hours=1),
    "gitlab": timedelta(minutes=1),
    "gitea": timedelta(hours=1),
}
ALLOWANCES: Final = {"github": (5000, 60), "gitlab": (2000, 500), "gitea": (10**9,) * 2}
"""Requests in a window: with a token, and without one."""


@dataclass(slots=True)
class Budget:
    """What one caller has left."""

    allowance: int
    remaining: int
    reset: int
    """Seconds since the epoch."""

    @property
    def used(self) -> int:
        return self.allowance - self.remaining

    @property
    def is_spent(self) -> bool:
        return self.remaining <= 0


class Limits:
    """The budgets of all callers; each is renewed when its window ends."""

    def __init__(self, *, vendor: str, clock: Clock) -> None:
        self._clock = clock
        self._window = WINDOWS[vendor]
        self._allowances = ALLOWANCES[vendor]
        self._budgets: dict[str, Budget] = {}
        self._ordered: tuple[int, int] | None = None
        self.status = 403
        """With which GitHub refuses: 403 or 429, both are seen."""

    def order(self, remaining: int, reset: int | None) -> None:
        """Leave every caller so much, until a time (the window's end)."""
        end = int((self._clock.now() + self._window).timestamp())
        self._ordered = (remaining, reset if reset is not None else end)
        self._budgets.clear()

    def budget(self, name: str, *, is_known: bool) -> Budget:
        now = int(self._clock.now().timestamp())
        if self._ordered and self._ordered[1] <= now:
            self._ordered = None
        found = self._budgets.get(name)
        if found is None or found.reset <= now:
            found = self._budgets[name] = self._new(now, is_known=is_known)
        return found

    def _new(self, now: int, *, is_known: bool) -> Budget:
        allowance = self._allowances[0 if is_known else 1]
        if self._ordered:
            remaining, reset = self._ordered
            return Budget(max(allowance, remaining), remaining, reset)
        window = int(self._window.total_seconds())
        return Budget(allowance, allowance, now + window)


@dataclass(slots=True)
class Refusal:
    """Answers to come that are refusals."""

    status: int
    count: int
    headers: Mapping[str, str]
    message: str
    scope: Scope
    body: bytes | None = None
    """Said instead of the vendor's words."""
    hangs: bool = False
    """Say nothing, ever."""


@dataclass(slots=True)
class Refusals:
    """A queue of them."""

    waiting: list[Refusal] = field(default_factory=list)

    def take(self, *, is_api: bool) -> Refusal | None:
        for refusal in self.waiting:
            if refusal.scope in ("all", "api" if is_api else "git"):
                refusal.count -= 1
                if refusal.count <= 0:
                    self.waiting.remove(refusal)
                return refusal
        return None
