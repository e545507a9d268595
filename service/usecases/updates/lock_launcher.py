"""Hold a launcher while a person's command changes it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from service.domain.launcher import Launcher, LauncherId
from service.errors import ConflictError
from service.ports.store import LOCK_SCHEDULE, Store, Transaction
from service.usecases.rights.repository_access import project_lock

__all__ = ["lock_launcher"]


@asynccontextmanager
async def lock_launcher(
    store: Store, launcher_id: LauncherId
) -> AsyncIterator[tuple[Transaction, Launcher]]:
    """Lock a launcher against evaluation, scheduling and other changes.

    Raises:
        NotFoundError: There is no such launcher.
        ConflictError: A concurrent request gives it another source.
    """
    # The lock is that of the source, which is known only after a first read; if
    # the launcher gets another source in between, the wrong one is locked.
    async with store.reading() as tx:
        before = await tx.launchers.get(launcher_id)
    locks = (
        f"source:{before.source_id or before.id}",
        # What its project may read decides what it may follow.
        project_lock(before.project_id),
        LOCK_SCHEDULE,
    )
    async with store.transaction(*locks) as tx:
        launcher = await tx.launchers.get(launcher_id)
        if launcher.source_id != before.source_id:
            raise ConflictError(
                f"Session launcher with id '{launcher_id}' is being changed by "
                "somebody else; try again."
            )
        yield tx, launcher
