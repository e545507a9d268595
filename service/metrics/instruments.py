"""Prometheus metrics, named by https://prometheus.io/docs/practices/naming/."""

from collections.abc import Iterable
from datetime import timedelta
from functools import lru_cache
from http import HTTPStatus
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from service.metrics import known_labels
from service.metrics.state_gauges import StateGauges

__all__ = ["Metrics"]

_REQUEST_SECONDS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
"""Up to ten seconds, the time-out of a delivery at GitHub and GitLab."""
_BUILD_SECONDS = (1, 5, 15, 30, 60, 120, 300, 600, 1200, 1800, 3600)
_WAIT_SECONDS = (0.01, 0.1, 1, 5, 15, 60, 300, 1800, 3600)
_READY_SECONDS = (1, 5, 15, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200)
_REMEMBERED: Final = 500
"""The size of the cache of labelled counters: more than routes, statuses and
reasons."""
_UNAUTHORIZED: Final = "unauthorized"


class Metrics(StateGauges):
    """The metrics of the service; each method counts one event, or shows a state.

    Args:
        registry: The registry of the application; two applications in one process
            have two.
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
            "Deliveries that were handled, but not recorded in the delivery log.",
            registry=registry,
        )
        self._old_secrets = Counter(
            "relaunch_deliveries_by_old_secret",
            "Deliveries authenticated by a secret that is being rotated out.",
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
        # Counted with every delivery, where the look-up by labels is slower than
        # counting.
        self._delivery = lru_cache(maxsize=_REMEMBERED)(self._deliveries.labels)
        self._request = lru_cache(maxsize=_REMEMBERED)(self._requests.labels)
        self._evaluations = Counter(
            "relaunch_evaluations",
            "Evaluations of sources.",
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
            "Launchers that were moved to an image, or offered one.",
            ("action",),
            registry=registry,
        )

        self._publish_seconds = Histogram(
            "relaunch_publish_seconds",
            "Time until the bus confirmed a delivery, or gave up.",
            ("outcome",),
            buckets=_REQUEST_SECONDS,
            registry=registry,
        )
        self._message_age = Histogram(
            "relaunch_message_age_seconds",
            "How old events were when a consumer got them.",
            ("role",),
            buckets=_WAIT_SECONDS,
            registry=registry,
        )
        self._phase_seconds = Histogram(
            "relaunch_build_phase_seconds",
            "How long the phases of builds took.",
            ("phase",),
            buckets=_BUILD_SECONDS,
            registry=registry,
        )
        self._ready_seconds = Histogram(
            "relaunch_push_to_ready_seconds",
            "From the arrival of a push until launchers had its image, and its stages.",
            ("stage",),
            buckets=_READY_SECONDS,
            registry=registry,
        )
        self._avoided = Counter(
            "relaunch_builds_avoided",
            "Builds that did not have to run: nothing changed, or an image is shared.",
            ("reason",),
            registry=registry,
        )
        self._avoided_seconds = Counter(
            "relaunch_build_seconds_avoided",
            "What they would have taken, by the latest builds.",
            ("reason",),
            registry=registry,
        )
        self._forge_requests = Counter(
            "relaunch_forge_requests",
            "Requests to the APIs of forges, by class of the answer; `unauthorized` is "
            "401, a token that is refused.",
            ("host", "outcome"),
            registry=registry,
        )
        self._forge_budget = Gauge(
            "relaunch_forge_requests_left",
            "Requests that a forge's rate limit leaves to a token.",
            ("host",),
            registry=registry,
        )
        super().__init__(registry)

    def delivery(self, *, forge: str, outcome: str, reason: str) -> None:
        """Count a delivery and its outcome."""
        self._delivery(forge, outcome, reason).inc()

    def spooled(self) -> None:
        """Count a delivery that was stored in the outbox instead of published."""
        self._spooled.inc()

    def records_lost(self, count: int) -> None:
        """Count delivery records that could not be written."""
        self._records_lost.inc(count)

    def old_secret_used(self, *, forge: str) -> None:
        """Count a delivery that only the older secret of its hook authenticated."""
        self._old_secrets.labels(forge).inc()

    def request(self, method: str, route: str, status: int, *, seconds: float) -> None:
        """Count an answered request and its time."""
        self._request(method, route, status).observe(seconds)

    def expect_deliveries(self, method: str, route: str) -> None:
        """Show what receivers count at zero, with the answers of a route."""
        for status in known_labels.ANSWERS:
            self._request(method, route, status)
        _begin_at_zero(self._deliveries, known_labels.DELIVERIES)
        _begin_at_zero(self._old_secrets, known_labels.FORGES)
        _begin_at_zero(self._publish_seconds, known_labels.PUBLISHED)

    def expect_updates(self) -> None:
        """Show that no launcher was moved, in processes that move them."""
        _begin_at_zero(self._launchers, known_labels.UPDATES)

    def expect_pushes(self) -> None:
        """Show what consumers count at zero."""
        self.expect_updates()
        _begin_at_zero(self._evaluations, known_labels.EVALUATIONS)
        _begin_at_zero(self._builds, known_labels.BUILDS)
        _begin_at_zero(self._ready_seconds, known_labels.STAGES)
        _begin_at_zero(self._avoided, known_labels.AVOIDED)
        _begin_at_zero(self._avoided_seconds, known_labels.AVOIDED)

    def evaluated(self, *, verdict: str, reason: str) -> None:
        """Count an evaluation of a source."""
        self._evaluations.labels(verdict, reason).inc()

    def build_ended(self, *, outcome: str, reason: str, took: timedelta | None) -> None:
        """Count a build that ended; `took` is None when nothing had to run."""
        self._builds.labels(outcome, reason).inc()
        if took is not None:
            self._build_seconds.labels(outcome).observe(took.total_seconds())

    def launcher_updated(self, *, action: str) -> None:
        """Count a launcher that was moved to an image, or offered one."""
        self._launchers.labels(action).inc()

    def published(self, *, outcome: str, seconds: float) -> None:
        """Count a delivery that the bus confirmed, or did not confirm in time."""
        self._publish_seconds.labels(outcome).observe(seconds)

    def message_received(self, *, role: str, age: timedelta) -> None:
        """Count a message that a consumer got, and how long it waited."""
        self._message_age.labels(role).observe(max(age.total_seconds(), 0))

    def phase_ended(self, *, phase: str, took: timedelta) -> None:
        """Count a phase of a build that ended."""
        self._phase_seconds.labels(phase).observe(took.total_seconds())

    def ready(self, *, stage: str, took: timedelta) -> None:
        """Count how long a stage took on the way of a push to its launchers."""
        self._ready_seconds.labels(stage).observe(max(took.total_seconds(), 0))

    def build_avoided(self, *, reason: str, saved: timedelta, count: int = 1) -> None:
        """Count builds that did not have to run, and what they would have taken."""
        self._avoided.labels(reason).inc(count)
        self._avoided_seconds.labels(reason).inc(count * saved.total_seconds())

    def forge_answered(self, *, host: str, status: int | None) -> None:
        """Count a request to a forge; without a status nobody answered."""
        outcome = "no_answer" if status is None else f"{status // 100}xx"
        if status == HTTPStatus.UNAUTHORIZED:
            outcome = _UNAUTHORIZED
        # The first refusal is a growth only if there was a zero before it.
        self._forge_requests.labels(host, _UNAUTHORIZED)
        self._forge_requests.labels(host, outcome).inc()

    def forge_budget(self, *, host: str, left: int) -> None:
        """Show how many requests a forge leaves to a token."""
        self._forge_budget.labels(host).set(left)


def _begin_at_zero(
    instrument: Counter | Histogram, values: Iterable[tuple[str, ...]]
) -> None:
    for labels in values:
        instrument.labels(*labels)
