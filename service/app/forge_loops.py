"""The loops that speak to forges: statuses of commits, and the health of hooks."""

from consumers.commit_status import CommitStatusNotifier
from consumers.hook_health import Health
from service.app.engines import Engines
from service.settings import Settings
from service.usecases.hook_maintenance import HookInspector, HookMaintainer
from service.usecases.publish_events import EventRecorder

__all__ = ["commit_status_notifier", "hook_health"]


def hook_health(
    settings: Settings, engines: Engines, *, recorder: EventRecorder
) -> Health:
    """Put together what inspects hooks."""
    inspector = HookInspector(
        forges=engines.forge_hooks, clock=engines.clock, public_url=settings.url
    )
    return Health(
        store=engines.store,
        clock=engines.clock,
        maintainer=HookMaintainer(
            store=engines.store, inspector=inspector, recorder=recorder
        ),
        interval=settings.hook.check_interval,
    )


def commit_status_notifier(
    settings: Settings, engines: Engines
) -> CommitStatusNotifier:
    """Put together what posts statuses of commits."""
    return CommitStatusNotifier(
        store=engines.store,
        notices=engines.notices,
        # Nobody else could follow a link to this machine.
        public_url=settings.url if settings.public_url else "",
    )
