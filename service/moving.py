"""A launcher moves to an image, or is told of it: forward only."""

import structlog

from service.announcing import Announcer
from service.domain.build import Rebuild
from service.domain.launcher import Launcher
from service.domain.rollout import Step, step
from service.ports.store import Transaction

__all__ = ["roll_out"]

log = structlog.get_logger(__name__)


async def roll_out(
    tx: Transaction, announcer: Announcer, launcher: Launcher, rebuild: Rebuild
) -> None:
    """Move a launcher to the image of a rebuild that succeeded, or tell it of that.

    Doing it again changes nothing, nor does doing it late.
    """
    plan = rebuild.plan
    if plan is None or rebuild.image is None:
        return
    write = {Step.MOVE: tx.launchers.move, Step.OFFER: tx.launchers.offer}
    decided = step(launcher, rebuild)
    if decided is Step.LEAVE:
        return
    is_done = await write[decided](
        launcher.id,
        image=rebuild.image,
        key=plan.key,
        generation=plan.generation,
    )
    if not is_done:  # a newer one was there first, or this was done before
        return
    is_moved = decided is Step.MOVE
    await announcer.updated(tx, launcher, rebuild, is_moved=is_moved)
    log.info(
        "launcher moved" if is_moved else "launcher told",
        launcher=launcher.id,
        image=rebuild.image,
        generation=plan.generation,
    )
