"""Commands of administrators for environments that all launchers may take."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from service.domain.building.build import EnvironmentId
from service.domain.building.environment import GlobalEnvironment
from service.errors import ConflictError, NotFoundError
from service.ports.store import Store, Transaction
from service.ports.time import Clock, Ids
from service.usecases.environments.changes import settings_with
from service.usecases.launcher_commands import EnvironmentChange, NewImage

__all__ = ["EnvironmentEditor", "EnvironmentGuard"]

EnvironmentGuard = Callable[[Transaction, GlobalEnvironment], Awaitable[None]]
"""Raises where an environment is not as the caller believes it to be."""


async def _accept(tx: Transaction, environment: GlobalEnvironment) -> None:
    del tx, environment


class EnvironmentEditor:
    """Add, change and remove global environments.

    The application makes one for each process that serves the REST API; it holds no
    state. Each method is one transaction.

    Args:
        store: The database.
        clock: The current time.
        ids: Generates ids.
    """

    def __init__(self, *, store: Store, clock: Clock, ids: Ids) -> None:
        self._store = store
        self._clock = clock
        self._ids = ids

    async def add(self, new: NewImage, *, is_archived: bool) -> GlobalEnvironment:
        """Add an environment."""
        environment = GlobalEnvironment(
            id=EnvironmentId(self._ids.new()),
            name=new.name,
            description=new.description,
            image=new.image,
            settings=new.settings,
            command=new.command,
            args=new.args,
            is_archived=is_archived,
            created_at=self._clock.now(),
        )
        async with self._store.transaction() as tx:
            await tx.environments.add(environment)
        return environment

    async def change(
        self,
        environment_id: EnvironmentId,
        patch: EnvironmentChange,
        guard: EnvironmentGuard = _accept,
    ) -> GlobalEnvironment:
        """Change an environment; the launchers that take it start from it as it is.

        Raises:
            NotFoundError: There is no such environment.
            ConflictError: The guard found it changed.
        """
        async with self._store.transaction(_lock(environment_id)) as tx:
            environment = await tx.environments.get(environment_id)
            await guard(tx, environment)
            changes = {
                "name": patch.name,
                "description": patch.description,
                "image": patch.image,
                "command": patch.command,
                "args": patch.args,
                "is_archived": patch.is_archived,
            }
            given: dict[str, Any] = {
                name: value for name, value in changes.items() if value is not None
            }
            environment = replace(
                environment,
                settings=settings_with(environment.settings, patch),
                **given,
            )
            await tx.environments.save(environment)
            return environment

    async def remove(
        self, environment_id: EnvironmentId, guard: EnvironmentGuard = _accept
    ) -> None:
        """Remove an environment; one that is gone already stays so.

        Raises:
            ConflictError: Launchers take it, or the guard found it changed.
        """
        async with self._store.transaction(_lock(environment_id)) as tx:
            try:
                environment = await tx.environments.get(environment_id)
            except NotFoundError:
                return
            await guard(tx, environment)
            used = await tx.environments.count_launchers(environment_id)
            if used:
                raise ConflictError(
                    f"Session environment with id '{environment_id}' is used by {used} "
                    "launchers; archive it instead, so that no new one takes it."
                )
            await tx.environments.remove(environment_id)


def _lock(environment: EnvironmentId) -> str:
    """Name the lock of an environment, which launchers that take it hold, too."""
    return f"global-environment:{environment}"
