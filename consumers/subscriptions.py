"""The consumers' roles, and which events each one gets."""

from typing import Final

from service.events.models import (
    BuildFinished,
    Data,
    EnvironmentEvaluated,
    EvaluationRequested,
    HookUnhealthy,
    LauncherUpdated,
    PushReceived,
    RebuildRequested,
)
from service.events.previous import PREVIOUS_NAMES
from service.ports.bus import Role

__all__ = [
    "BUILDING",
    "COMMIT_STATUS",
    "EVALUATION",
    "NOTIFICATION",
    "ROLES",
    "ROLLOUT",
]


def _names(*models: type[Data]) -> tuple[str, ...]:
    """Return the names of events, and those that earlier versions gave them."""
    present = [model.name for model in models]
    earlier = [name for text in present for name in PREVIOUS_NAMES.get(text, ())]
    # Bindings to earlier names stay: receivers of the version before publish under them
    # during a rolling upgrade, and outboxes may hold such events for longer.
    return tuple(dict.fromkeys((*present, *earlier)))


EVALUATION: Final = Role(
    name="evaluation",
    events=_names(PushReceived, EvaluationRequested),
    # Queues are named by role. The queue of the earlier name is drained into this one
    # and then deleted, so that nothing accepted before an upgrade is lost.
    previous_names=("evaluate",),
)
BUILDING: Final = Role(
    name="building",
    events=_names(RebuildRequested, BuildFinished),
    previous_names=("build",),
)
ROLLOUT: Final = Role(name="rollout", events=_names(BuildFinished))
COMMIT_STATUS: Final = Role(
    name="commit_status",
    events=_names(EnvironmentEvaluated, BuildFinished),
    previous_names=("notify",),
)

NOTIFICATION: Final = Role(
    name="notification",
    events=_names(BuildFinished, LauncherUpdated, HookUnhealthy),
)

ROLES: Final = (EVALUATION, BUILDING, ROLLOUT, COMMIT_STATUS, NOTIFICATION)
