"""Upstream Renku → launchers: list them from time to time, and mirror what changed."""

from datetime import timedelta

import structlog

from consumers.loops.periodic import run_periodically
from service.errors import ConflictError, PermanentError
from service.ports.time import Clock
from service.ports.upstream import UpstreamDirectory, UpstreamProject
from service.usecases.upstream.mirror import LauncherMirror
from service.usecases.upstream.projects import ProjectMirror

__all__ = ["LauncherDiscovery"]

log = structlog.get_logger(__name__)


# One, in the process that leads. It remembers nothing: each round compares all that
# Renku lists with the rows, so whatever was missed is found by the next one.
class LauncherDiscovery:
    """Find launchers in the configured projects, and follow their changes.

    Args:
        directory: Lists what Renku has.
        projects: Changes rows of projects.
        mirror: Changes rows of launchers.
        clock: Gives the time.
        interval: The pause between two rounds.
    """

    def __init__(
        self,
        *,
        directory: UpstreamDirectory,
        projects: ProjectMirror,
        mirror: LauncherMirror,
        clock: Clock,
        interval: timedelta,
    ) -> None:
        self._directory = directory
        self._projects = projects
        self._mirror = mirror
        self._clock = clock
        self._interval = interval

    async def run(self) -> None:
        """Discover until cancelled, first at once."""
        await run_periodically(
            self.round,
            clock=self._clock,
            failure="discovery waits",
            every=self._interval,
        )

    async def round(self) -> None:
        """Bring all projects to the state that Renku reports now.

        Raises:
            TransientError: Renku or the database did not answer; what was done stands.
        """
        # One that was deleted keeps nobody from following the others; rights that were
        # lost come back without a restart.
        for project in await self._directory.projects(failed=_log_missing):
            try:
                await self._discover(project)
            except (PermanentError, ConflictError) as exc:
                log.warning(
                    "project not discovered", project=project.id, error=str(exc)
                )

    async def _discover(self, project: UpstreamProject) -> None:
        # In this order: rows that change after Renku was asked are newer than its
        # answer, and the mirror leaves them alone.
        known = await self._mirror.known(project.id)
        launchers = await self._directory.launchers(project.id)
        await self._projects.mirror(project)
        await self._mirror.mirror_launchers(project.id, known, launchers)


def _log_missing(error: PermanentError) -> None:
    log.error("project not found in Renku", error=str(error))
