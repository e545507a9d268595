"""What the leader reads off the database and the bus, for all processes."""

from typing import Final

from prometheus_client import CollectorRegistry, Gauge

__all__ = ["STATE_GAUGES", "StateGauges"]

_UNKNOWN: Final = float("nan")
"""Of what only the leader measures: comparisons with it are false in Prometheus."""

STATE_GAUGES: Final = {
    "leading": ("relaunch_leading", "Whether this process leads"),
    "outbox": ("relaunch_outbox_events", "Events that wait for the bus"),
    "outbox_age": (
        "relaunch_outbox_oldest_seconds",
        "How long the oldest of them has waited",
    ),
    "due": ("relaunch_evaluations_due", "Sources that are due for an evaluation"),
    "due_age": (
        "relaunch_evaluations_oldest_due_seconds",
        "How long the oldest of them has been due",
    ),
    "sweep_lag": (
        "relaunch_sweep_lag_seconds",
        "How long the source has been due that the sweep polls next",
    ),
    "queued_age": (
        "relaunch_builds_oldest_queued_seconds",
        "How long the oldest queued build has waited",
    ),
    "outdated": (
        "relaunch_launchers_outdated_without_build",
        "Automatic launchers without the image that they want, and no build for it",
    ),
}
"""What one process measures for all: the name of each gauge, and what it is."""


class StateGauges:
    """The gauges of what waits; only who leads shows them."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._queue_messages = Gauge(
            "relaunch_queue_messages",
            "Messages that wait in a queue; measured by the leader.",
            ("role",),
            registry=registry,
        )
        self._dead_letters = Gauge(
            "relaunch_dead_letters",
            "Messages that nobody could handle; measured by the leader.",
            ("role",),
            registry=registry,
        )
        self._builds_unfinished = Gauge(
            "relaunch_builds_unfinished",
            "Builds that wait or run; measured by the leader.",
            ("state",),
            registry=registry,
        )
        self._hooks = Gauge(
            "relaunch_hooks",
            "Hooks by their last health check; measured by the leader.",
            ("health",),
            registry=registry,
        )
        for name, (title, text) in STATE_GAUGES.items():
            gauge = Gauge(title, f"{text}; measured by the leader.", registry=registry)
            gauge.set(_UNKNOWN)
            setattr(self, f"_{name}", gauge)

    def queue(self, *, role: str, waiting: int, dead: int) -> None:
        """Show how many messages wait in a queue, and how many nobody could handle."""
        self._queue_messages.labels(role).set(waiting)
        self._dead_letters.labels(role).set(dead)

    def unfinished_builds(self, **counts: int) -> None:
        """Show how many builds are queued and running."""
        for state, count in counts.items():
            self._builds_unfinished.labels(state).set(count)

    def hooks(self, **counts: int) -> None:
        """Show how many hooks are healthy, unhealthy and unchecked."""
        for health, count in counts.items():
            self._hooks.labels(health).set(count)

    def state(self, **values: float) -> None:
        """Show what the leader measured, by the names of `STATE_GAUGES`."""
        for name, value in values.items():
            gauge: Gauge = getattr(self, f"_{name}")
            gauge.set(value)

    def forget_state(self) -> None:
        """Show nothing of what only the leader measures, as another one leads."""
        for name in STATE_GAUGES:
            getattr(self, f"_{name}").set(_UNKNOWN)
        for gauge in (
            self._queue_messages,
            self._dead_letters,
            self._builds_unfinished,
            self._hooks,
        ):
            gauge.clear()
