"""What a user is told when builds of their launchers fail."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from service.domain.building.build import Rebuild
from service.domain.launcher import Launcher, LauncherId
from service.domain.rights.caller import Caller, MemberRole, ProjectId
from service.domain.rights.decision import Subject
from service.ports.store import BATCH, Store, Transaction
from service.usecases.rights.authorize import Authorizer

__all__ = ["FailureAlert", "FailureAlerts"]

SHOWN: Final = 100
"""Alerts of one answer; nobody reads more."""
LOOKED_AT: Final = 5
"""Pages of failures that are looked through for those of the user's projects."""


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
        store: Knows the builds.
        authorizer: Decides whose they are.
    """

    def __init__(self, *, store: Store, authorizer: Authorizer) -> None:
        self._store = store
        self._authorizer = authorizer

    async def list(self, caller: Caller, *, since: datetime) -> Sequence[FailureAlert]:
        """Return alerts of failures since then, the newest first."""
        alerts: list[FailureAlert] = []
        last: Rebuild | None = None
        async with self._store.reading() as tx:
            for _ in range(LOOKED_AT):
                page = await tx.rebuilds.failed(since=since, limit=BATCH, after=last)
                if not page.items:
                    break
                last = page.items[-1]
                alerts += await self._concerning(tx, caller, page.items)
        return alerts[::-1][:SHOWN]

    async def _concerning(
        self, tx: Transaction, caller: Caller, failed: Sequence[Rebuild]
    ) -> Sequence[FailureAlert]:
        found = await tx.launchers.get_many(
            LauncherId(rebuild.launcher_id) for rebuild in failed
        )
        launchers = {str(launcher.id): launcher for launcher in found}
        projects = {
            ProjectId(launcher.project_id): False for launcher in launchers.values()
        }
        for project in projects:
            projects[project] = caller.filter(
                MemberRole.EDITOR
            ).is_everything or await self._authorizer.has_role(
                tx, caller, MemberRole.EDITOR, Subject.PROJECT, project
            )
        return [
            FailureAlert(rebuild=rebuild, launcher=launchers[rebuild.launcher_id])
            for rebuild in failed
            if rebuild.launcher_id in launchers
            and projects[ProjectId(launchers[rebuild.launcher_id].project_id)]
        ]
