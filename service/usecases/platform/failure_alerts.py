"""What a user is told when builds of their launchers fail."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from service.domain.building.build import Rebuild
from service.domain.launcher import Launcher, LauncherId
from service.domain.rights.caller import Caller, MemberRole
from service.ports.store import Store

__all__ = ["FailureAlert", "FailureAlerts"]

SHOWN: Final = 100
"""Alerts of one answer; nobody reads more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureAlert:
    """The newest build of a launcher, which failed."""

    rebuild: Rebuild
    launcher: Launcher


class FailureAlerts:
    """Find the failures that concern a user: those of projects that they may edit.

    Nothing is stored: a launcher whose newest build failed has an alert, until the
    next one.

    Args:
        store: Knows the builds, and whose they are.
    """

    def __init__(self, *, store: Store) -> None:
        self._store = store

    async def list(self, caller: Caller, *, since: datetime) -> Sequence[FailureAlert]:
        """Return alerts of failures since then, the newest first."""
        editable = caller.filter(MemberRole.EDITOR)
        async with self._store.reading() as tx:
            failed = await tx.rebuilds.latest_failed(
                since=since, visible=editable, limit=SHOWN
            )
            found = await tx.launchers.get_many(
                LauncherId(rebuild.launcher_id) for rebuild in failed
            )
        launchers = {str(launcher.id): launcher for launcher in found}
        return [
            FailureAlert(rebuild=rebuild, launcher=launchers[rebuild.launcher_id])
            for rebuild in failed
            if rebuild.launcher_id in launchers
        ]
