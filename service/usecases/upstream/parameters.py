"""Find out which builds of an upstream Renku were made with the parameters of today."""

import json
from collections.abc import Mapping, Set as AbstractSet
from datetime import datetime, timedelta
from typing import Final

from service.domain.building.build import EnvironmentId
from service.domain.rights.caller import ProjectId
from service.ports.store import Store, UpstreamEnvironment
from service.ports.time import Clock
from service.ports.upstream import UpstreamDirectory, UpstreamLauncher
from service.usecases.upstream.absences import Absences

__all__ = ["ParameterHistory"]

IN_FLIGHT: Final = timedelta(seconds=10)
"""How long before a build is listed Renku may have read the parameters: it asks the
repository's host in between."""


# Renku keeps neither what a build was made with nor when an environment was edited. So
# what is known is what two rounds of discovery read: a build that was there when other
# parameters were first read may have been made with the ones before.
class ParameterHistory:
    """Write down since when environments have their parameters.

    Args:
        store: Holds what was read before.
        directory: Lists builds.
        clock: The current time.
    """

    def __init__(
        self, *, store: Store, directory: UpstreamDirectory, clock: Clock
    ) -> None:
        self._store = store
        self._directory = directory
        self._clock = clock
        self._absences = Absences[EnvironmentId]()

    async def known(
        self, project: ProjectId
    ) -> Mapping[EnvironmentId, UpstreamEnvironment]:
        """Return what was last read of a project's environments."""
        async with self._store.reading() as tx:
            found = await tx.upstream_environments.of_project(project)
        return {environment.id: environment for environment in found}

    async def note(
        self,
        given: UpstreamLauncher,
        known: UpstreamEnvironment | None,
        *,
        was_here: bool,
    ) -> None:
        """Write down what an environment is built with now.

        Args:
            given: Its launcher as Renku lists it.
            known: What was read before.
            was_here: Whether its launcher was mirrored before; counts where nothing was
                read before.

        Raises:
            TransientError: Renku or the database does not answer.
        """
        parameters = _to_text(given)
        if known is not None and known.parameters == parameters:
            return
        changed_before = None
        # Also where nothing seems to have changed: a leader of the version before notes
        # nothing, and may have taken over an edit. The price is one build.
        if known is not None or was_here:
            changed_before = await self._last_in_doubt(given.environment_id)
        environment = UpstreamEnvironment(
            id=given.environment_id,
            project_id=given.project_id,
            parameters=parameters,
            changed_before=changed_before,
        )
        async with self._store.transaction() as tx:
            await tx.upstream_environments.put(environment)

    async def forget(
        self, project: ProjectId, absent: AbstractSet[EnvironmentId]
    ) -> None:
        """Forget environments that are gone from a project."""
        gone = self._absences.confirm(project, absent)
        if gone:
            async with self._store.transaction() as tx:
                await tx.upstream_environments.remove(gone)

    async def _last_in_doubt(self, environment: EnvironmentId) -> datetime:
        # By Renku's clock, which dates its builds; ours covers only what it has begun
        # and not listed yet.
        begun = self._clock.now() + IN_FLIGHT
        newest = await self._directory.newest_build(environment)
        return begun if newest is None else max(newest, begun)


def _to_text(given: UpstreamLauncher) -> str:
    return json.dumps(
        [
            given.repository,
            given.revision,
            given.context_dir,
            given.builder,
            given.frontend,
            given.platform,
        ]
    )
