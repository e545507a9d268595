"""What operators count, on a registry that the application owns.

https://prometheus.io/docs/practices/naming/
"""

from datetime import timedelta
from functools import lru_cache
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram

__all__ = ["Metrics"]

_REQUEST_SECONDS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
"""Up to the ten seconds after which both forges give a delivery up."""
_BUILD_SECONDS = (1, 5, 15, 30, 60, 120, 300, 600, 1200, 1800, 3600)
_REMEMBERED: Final = 500
"""Counters found by their labels: of routes, statuses and reasons there are fewer."""


class Metrics:
    """Every counter of the service; each method counts one thing that happened.

    Args:
        registry: Where the counters live. Two applications in one process have two.
    """

    def __init__(self, *, registry: CollectorRegistry) -> None:
        self.registry = registry
        self._deliveries = Counter(
            "relaunch_deliveries",
            "Deliveries of forges.",
            ("forge", "outcome", "reason"),
            registry=registry,
        )
        self._spooled = Counter(
            "relaunch_deliveries_spooled",
            "Deliveries kept in the database because the bus did not confirm.",
            registry=registry,
        )
        self._records_lost = Counter(
            "relaunch_delivery_records_lost",
            "Deliveries that were handled and not written down for later reading.",
            registry=registry,
        )
        self._old_secrets = Counter(
            "relaunch_deliveries_by_old_secret",
            "Deliveries proved by a secret that is being rotated out.",
            ("forge",),
            registry=registry,
        )
        self._requests = Histogram(
            "relaunch_request_seconds",
            "Time to answer, by route.",
            ("method", "route", "status"),
            buckets=_REQUEST_SECONDS,
            registry=registry,
        )
        # Asked for with every delivery; finding a counter costs more than counting.
        self._delivery = lru_cache(maxsize=_REMEMBERED)(self._deliveries.labels)
        self._request = lru_cache(maxsize=_REMEMBERED)(self._requests.labels)
        self._evaluations = Counter(
            "relaunch_evaluations",
            "Decisions about sources.",
            ("verdict", "reason"),
            registry=registry,
        )
        self._builds = Counter(
            "relaunch_builds",
            "Builds that ended.",
            ("outcome", "reason"),
            registry=registry,
        )
        self._build_seconds = Histogram(
            "relaunch_build_seconds",
            "How long builds ran.",
            ("outcome",),
            buckets=_BUILD_SECONDS,
            registry=registry,
        )
        self._launchers = Counter(
            "relaunch_launchers_updated",
            "Launchers that were moved to an image, or told of one.",
            ("action",),
            registry=registry,
        )

    def delivery(self, *, forge: str, outcome: str, reason: str) -> None:
        """Count a delivery and what became of it."""
        self._delivery(forge, outcome, reason).inc()

    def spooled(self) -> None:
        """Count a delivery that went to the database instead of the bus."""
        self._spooled.inc()

    def records_lost(self, count: int) -> None:
        """Count delivery records that could not be written."""
        self._records_lost.inc(count)

    def old_secret_used(self, *, forge: str) -> None:
        """Count a delivery that only the older secret of its hook proved."""
        self._old_secrets.labels(forge).inc()

    def request(self, method: str, route: str, status: int, *, seconds: float) -> None:
        """Count an answered request and its time."""
        self._request(method, route, status).observe(seconds)

    def evaluated(self, *, verdict: str, reason: str) -> None:
        """Count a decision about a source."""
        self._evaluations.labels(verdict, reason).inc()

    def build_ended(self, *, outcome: str, reason: str, took: timedelta | None) -> None:
        """Count a build that ended; `took` is None when nothing had to run."""
        self._builds.labels(outcome, reason).inc()
        if took is not None:
            self._build_seconds.labels(outcome).observe(took.total_seconds())

    def launcher_updated(self, *, action: str) -> None:
        """Count a launcher that was moved or told."""
        self._launchers.labels(action).inc()
