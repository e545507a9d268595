"""Who listens to what."""

from typing import Final

from service.ports.bus import Role
from service.wire import (
    BuildFinished,
    EnvironmentEvaluated,
    PushReceived,
    RebuildRequested,
)

__all__ = ["ASK", "BUILD", "NOTIFY", "ROLES", "ROLLOUT"]

ASK: Final = Role(name="evaluate", events=(PushReceived.name,))
BUILD: Final = Role(name="build", events=(RebuildRequested.name, BuildFinished.name))
ROLLOUT: Final = Role(name="rollout", events=(BuildFinished.name,))

NOTIFY: Final = Role(
    name="notify", events=(EnvironmentEvaluated.name, BuildFinished.name)
)

ROLES: Final = (ASK, BUILD, ROLLOUT, NOTIFY)
