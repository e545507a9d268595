"""Who listens to what."""

from typing import Final

from service.ports.bus import Role
from service.wire import BuildFinished, PushReceived, RebuildRequested

__all__ = ["ASK", "BUILD", "ROLES", "ROLLOUT"]

ASK: Final = Role(name="evaluate", events=(PushReceived.name,))
BUILD: Final = Role(name="build", events=(RebuildRequested.name, BuildFinished.name))
ROLLOUT: Final = Role(name="rollout", events=(BuildFinished.name,))

ROLES: Final = (ASK, BUILD, ROLLOUT)
