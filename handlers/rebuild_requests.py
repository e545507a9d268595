"""Rebuilds that people ask for, and call off."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from typing import Final

from aiohttp import web

from handlers.announcing import announcer_of
from handlers.keys import BUILDER, CLOCK, IDS, STORE
from handlers.shapes.builds import status_of
from service.domain.agenda import Pace
from service.domain.build import (
    BuildState,
    EnvironmentId,
    Move,
    Rebuild,
    RebuildId,
    moved,
)
from service.domain.launcher import Launcher
from service.domain.push import Evidence
from service.domain.reconciliation import Anew
from service.domain.source import Source
from service.errors import ConflictError, InvalidRequestError
from service.ports.store import LOCK_SCHEDULE, Transaction
from service.reconciling import Reconciliation

__all__ = [
    "cancel",
    "end_unfinished",
    "first_build",
    "reconcile",
    "request_rebuild",
    "retry",
]

_ASKED_FOR: Final = {Evidence.MANUAL, Evidence.LAUNCHER}


async def first_build(
    app: web.Application, tx: Transaction, launcher: Launcher, source: Source
) -> Rebuild:
    """Ask for the image of a launcher that is new, or follows something new."""
    wish = _wish(app, launcher, Evidence.LAUNCHER)
    await tx.rebuilds.add(wish)
    await announcer_of(app).look_wanted(
        tx, source, evidence="launcher", rebuilds=[wish]
    )
    return wish


async def retry(app: web.Application, tx: Transaction, launcher: Launcher) -> Rebuild:
    """Ask again for what failed; an image that is there by now is taken."""
    wish = replace(_wish(app, launcher, Evidence.MANUAL), is_fresh=False)
    await tx.rebuilds.add(wish)
    source = await tx.sources.get(launcher.source_id)
    await announcer_of(app).look_wanted(tx, source, evidence="manual", rebuilds=[wish])
    return wish


async def request_rebuild(
    app: web.Application, tx: Transaction, launcher: Launcher
) -> Rebuild:
    """Ask for a fresh image, because a person does.

    Renku has one build at a time per environment. Here a build that a machine asked
    for and that did not start yet is no reason to send a person away: the newer one
    takes its place.

    Raises:
        ConflictError: A build runs, or another that a person asked for waits.
    """
    if any(_is_in_the_way(it, launcher) for it in await tx.rebuilds.unfinished()):
        raise ConflictError(
            f"Session environment with id '{launcher.environment_id}' already has a "
            "build in progress."
        )
    wish = _wish(app, launcher, Evidence.MANUAL)
    await tx.rebuilds.add(wish)
    source = await tx.sources.get(launcher.source_id)
    await announcer_of(app).look_wanted(tx, source, evidence="manual", rebuilds=[wish])
    return wish


def _is_in_the_way(rebuild: Rebuild, launcher: Launcher) -> bool:
    if rebuild.environment_id != launcher.environment_id:
        return False
    return rebuild.state is BuildState.RUNNING or rebuild.evidence in _ASKED_FOR


def _wish(app: web.Application, launcher: Launcher, evidence: Evidence) -> Rebuild:
    return Rebuild(
        id=RebuildId(app[IDS].new()),
        environment_id=launcher.environment_id,
        launcher_id=launcher.id,
        source_id=launcher.source_id,
        evidence=evidence,
        is_fresh=evidence is Evidence.MANUAL,
        state=BuildState.QUEUED,
        created_at=app[CLOCK].now(),
    )


async def reconcile(
    app: web.Application, tx: Transaction, launcher: Launcher, source: Source
) -> None:
    """Ask for what a launcher is behind of, now that a person set it otherwise.

    The lock of its source is held. What failed for good is tried again, too.
    """
    reconciliation = Reconciliation(
        builder=app[BUILDER],
        clock=app[CLOCK],
        ids=app[IDS],
        announcer=announcer_of(app),
        pace=Pace(),
        pause=timedelta(0),
    )
    await reconciliation.reconcile(tx, source, [launcher], anew=Anew.KEY)


async def cancel(app: web.Application, rebuild_id: RebuildId) -> Rebuild:
    """Call a rebuild off; one that was called off stays so.

    The scheduler stops work that nobody waits for any more.

    Raises:
        NotFoundError: There is no such rebuild.
        InvalidRequestError: It succeeded or failed already.
    """
    async with app[STORE].transaction(LOCK_SCHEDULE) as tx:
        rebuild = await tx.rebuilds.get(rebuild_id)
        status = status_of(rebuild.state)
        if status == "cancelled":
            return rebuild
        if rebuild.state.is_final:
            raise InvalidRequestError(
                f"Cannot update build with id '{rebuild.id}': the build has status "
                f"{status}"
            )
        return await _end(app, tx, rebuild, Move.CANCEL)


async def end_unfinished(
    app: web.Application,
    tx: Transaction,
    environment: EnvironmentId,
    move: Move,
    *,
    but: Iterable[RebuildId] = (),
) -> None:
    """Cancel or supersede what an environment waits for; `LOCK_SCHEDULE` is held."""
    spared = set(but)
    for rebuild in await tx.rebuilds.unfinished():
        if rebuild.environment_id == environment and rebuild.id not in spared:
            await _end(app, tx, rebuild, move)


async def _end(
    app: web.Application, tx: Transaction, rebuild: Rebuild, move: Move
) -> Rebuild:
    state = moved(rebuild.state, move)
    ended = replace(
        rebuild, state=state, reason=state.value, completed_at=app[CLOCK].now()
    )
    await tx.rebuilds.save(ended)
    await announcer_of(app).finished(tx, [ended], None)
    return ended
