"""Loops of the leader beside the work: what is old goes, what waits is shown."""

from collections.abc import Callable

from consumers.base_images import BaseWatch
from consumers.loops.state_metrics import StateMetrics
from consumers.loops.supervisor import Loop
from consumers.retention import RetentionCollector
from service.app.engines import Engines
from service.events.envelope import Event
from service.ports.builder import Builder
from service.ports.bus import Role
from service.settings import Settings

__all__ = ["age_counter", "upkeep_loops"]


def age_counter(engines: Engines, role: Role) -> Callable[[Event], None]:
    """Return what counts how old the events of a role are when they are handled."""

    def count(event: Event) -> None:
        age = engines.clock.now() - event.time
        engines.metrics.message_received(role=role.name, age=age)

    return count


def upkeep_loops(
    settings: Settings, engines: Engines, *, builder: Builder
) -> list[Loop]:
    """Return the loops; those that the settings turn off are left out."""
    state = StateMetrics(
        store=engines.store,
        bus=engines.bus,
        clock=engines.clock,
        metrics=engines.metrics,
    )
    return [
        state.run,
        *_retention(settings, engines, builder),
        *_base_watch(settings, engines, builder),
    ]


def _retention(settings: Settings, engines: Engines, builder: Builder) -> list[Loop]:
    interval = settings.retention.interval
    if not interval:
        return []
    retention = RetentionCollector(
        store=engines.store,
        builder=builder,
        clock=engines.clock,
        policy=settings.retention.to_policy(),
        interval=interval,
    )
    return [retention.run]


def _base_watch(settings: Settings, engines: Engines, builder: Builder) -> list[Loop]:
    interval = settings.kubernetes.base_check_interval
    if not interval or not builder.bases():
        return []
    watch = BaseWatch(
        store=engines.store, builder=builder, clock=engines.clock, interval=interval
    )
    return [watch.run]
