"""The rollout of images to launchers, which only move forward."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

import structlog

from service.domain.building.build import BuildId, BuildKey, Rebuild
from service.domain.building.rollout import Step, decide_step
from service.domain.launcher import Launcher
from service.errors import NotFoundError
from service.ports.store import Transaction
from service.usecases.publish_events import EventRecorder

__all__ = ["roll_out", "roll_out_all"]

log = structlog.get_logger(__name__)


class _Move(NamedTuple):
    """What launchers share that one statement moves."""

    step: Step
    image: str
    key: BuildKey
    generation: int
    built_at: datetime | None


async def roll_out(
    tx: Transaction, recorder: EventRecorder, launcher: Launcher, rebuild: Rebuild
) -> None:
    """Move a launcher to the image of a successful rebuild, or offer it the image.

    Idempotent, and without effect once the launcher has a newer image.
    """
    await roll_out_all(tx, recorder, [launcher], [rebuild])


async def roll_out_all(
    tx: Transaction,
    recorder: EventRecorder,
    launchers: Iterable[Launcher],
    rebuilds: Sequence[Rebuild],
) -> None:
    """Move the launchers of successful rebuilds to their images, or offer them.

    One compare-and-set for all launchers that get the same image by the same
    generation. Idempotent, and without effect on launchers that have a newer image.

    Args:
        tx: The transaction.
        recorder: Publishes which launchers have moved.
        launchers: The launchers, as they are now; those of other rebuilds are ignored.
        rebuilds: Rebuilds that succeeded.
    """
    by_id = {str(launcher.id): launcher for launcher in launchers}
    built = await _built_at(tx, rebuilds)
    groups = defaultdict[_Move, list[tuple[Launcher, Rebuild]]](list)
    for rebuild in rebuilds:
        launcher = by_id.get(rebuild.launcher_id)
        if launcher is None or rebuild.plan is None or rebuild.image is None:
            continue  # the launcher was removed while its image was built
        # The launcher was read under lock in this transaction: its policy and source
        # cannot change before the write.
        step = decide_step(launcher, rebuild)
        if step is not Step.LEAVE:
            built_at = built.get(rebuild.build_id, rebuild.completed_at)
            plan = rebuild.plan
            move = _Move(step, rebuild.image, plan.key, plan.generation, built_at)
            groups[move].append((launcher, rebuild))
    for move, pairs in groups.items():
        await _write(tx, recorder, move, pairs)


async def _write(
    tx: Transaction,
    recorder: EventRecorder,
    move: _Move,
    pairs: Sequence[tuple[Launcher, Rebuild]],
) -> None:
    is_moved = move.step is Step.MOVE
    write = tx.launchers.roll_out_many if is_moved else tx.launchers.make_available_many
    # One UPDATE with a condition on the generation, for all launchers of a group: those
    # that have moved on meanwhile are simply not in its result.
    done = await write(
        [launcher.id for launcher, _ in pairs],
        image=move.image,
        key=move.key,
        generation=move.generation,
        built_at=move.built_at,
    )
    # The others have this image or a newer one already.
    updated = [pair for pair in pairs if pair[0].id in done]
    if not updated:
        return
    await recorder.updated(tx, updated, is_moved=is_moved)
    log.info(
        "launchers moved" if is_moved else "image offered",
        launchers=len(updated),
        launcher=updated[0][0].id,
        image=move.image,
        generation=move.generation,
    )


async def _built_at(
    tx: Transaction, rebuilds: Iterable[Rebuild]
) -> Mapping[BuildId | None, datetime | None]:
    """Return when images were built, which may be long before the rebuilds."""
    found: dict[BuildId | None, datetime | None] = {}
    for build_id in {rebuild.build_id for rebuild in rebuilds if rebuild.build_id}:
        try:
            # An image that is reused is as old as its build. Schedules count from that
            # age, so the time of the rebuild would make an old image look new.
            image = (await tx.builds.get(build_id)).image
        except NotFoundError:  # the build was deleted, its image was kept
            continue
        if image is not None:
            found[build_id] = image.built_at
    return found
