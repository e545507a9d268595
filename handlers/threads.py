"""The thread from a delivery to a launcher, picked up at either end or between."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from handlers.shapes.strict import ULID
from service.domain.build import BuildId, Rebuild, RebuildId
from service.domain.delivery import DeliveryId
from service.domain.evaluation import Evaluation, EvaluationId
from service.domain.launcher import Launcher, LauncherId
from service.errors import NotFoundError
from service.ports.store import DeliveryRecord, PageRequest, Transaction

__all__ = ["Thread", "find_thread"]

_ULID: Final = re.compile(ULID)
_COMMIT: Final = re.compile("[0-9a-fA-F]{7,64}")

LATEST: Final = 5
"""How many looks the story of a launcher goes back."""
MOST: Final = 50
"""How many looks any story tells: a delivery may concern a hundred sources."""
SEARCHED: Final = 1000
"""How many deliveries are searched for a commit that nobody looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Thread:
    """What belongs to one story."""

    about: Literal["delivery", "commit", "launcher", "build", "evaluation"]
    deliveries: tuple[DeliveryRecord, ...] = ()
    evaluations: tuple[Evaluation, ...] = ()
    rebuilds: tuple[Rebuild, ...] | None = None
    """The ones to tell of; None for all of the evaluations'."""
    launcher: Launcher | None = None


async def find_thread(tx: Transaction, text: str) -> Thread:
    """Find what a text names.

    Raises:
        NotFoundError: Nothing has this id, name or commit.
    """
    thread = await _by_delivery(tx, text)
    if thread is None and _ULID.fullmatch(text):
        thread = await _by_ulid(tx, text.upper())
    if thread is None:
        thread = await _by_name(tx, text)
    if thread is None and _COMMIT.fullmatch(text):
        thread = await _by_commit(tx, text.lower())
    if thread is None:
        raise NotFoundError(
            f"nothing is known of {text[:80]!r}; expected the id of a delivery, build, "
            "launcher or evaluation, a launcher's name, or a commit (7 digits or more)"
        )
    return thread


async def _by_delivery(tx: Transaction, text: str) -> Thread | None:
    records = await tx.deliveries.find(text)
    if not records:
        return None
    found = [
        it for record in records for it in await tx.evaluations.of_delivery(record.id)
    ]
    return Thread(about="delivery", deliveries=tuple(records), evaluations=_told(found))


async def _by_ulid(tx: Transaction, text: str) -> Thread | None:
    for find in (_by_rebuild, _by_launcher, _by_evaluation, _by_build):
        try:
            return await find(tx, text)
        except NotFoundError:
            continue
    return None


async def _by_rebuild(tx: Transaction, text: str) -> Thread:
    return await _of_rebuilds(tx, [await tx.rebuilds.get(RebuildId(text))])


async def _by_build(tx: Transaction, text: str) -> Thread:
    build = await tx.builds.get(BuildId(text))
    return await _of_rebuilds(tx, await tx.rebuilds.of_build(build.id))


async def _of_rebuilds(tx: Transaction, rebuilds: Sequence[Rebuild]) -> Thread:
    evaluations = await _evaluations(tx, rebuilds)
    return Thread(
        about="build",
        deliveries=await _deliveries(tx, evaluations),
        evaluations=evaluations,
        rebuilds=tuple(rebuilds),
    )


async def _by_evaluation(tx: Transaction, text: str) -> Thread:
    evaluation = await tx.evaluations.get(EvaluationId(text))
    return Thread(
        about="evaluation",
        deliveries=await _deliveries(tx, [evaluation]),
        evaluations=(evaluation,),
    )


async def _by_launcher(tx: Transaction, text: str) -> Thread:
    return await _of_launcher(tx, await tx.launchers.get(LauncherId(text)))


async def _by_name(tx: Transaction, text: str) -> Thread | None:
    named = await tx.launchers.list(PageRequest(limit=1), name=text)
    return await _of_launcher(tx, named.items[0]) if named.items else None


async def _of_launcher(tx: Transaction, launcher: Launcher) -> Thread:
    rebuilds = await tx.rebuilds.of_environment(launcher.environment_id, limit=LATEST)
    looks = await tx.evaluations.of_source(launcher.source_id, limit=LATEST)
    evaluations = _told([*looks, *await _evaluations(tx, rebuilds)])
    return Thread(
        about="launcher",
        deliveries=await _deliveries(tx, evaluations),
        evaluations=evaluations,
        rebuilds=tuple(rebuilds),
        launcher=launcher,
    )


async def _by_commit(tx: Transaction, prefix: str) -> Thread | None:
    evaluations = _told(await tx.evaluations.of_commit(prefix))
    deliveries = await _deliveries(tx, evaluations)
    if not evaluations:
        recent = await tx.deliveries.list(limit=SEARCHED)
        deliveries = tuple(it for it in recent if it.after.startswith(prefix))
    if not (evaluations or deliveries):
        return None
    return Thread(about="commit", deliveries=deliveries, evaluations=evaluations)


async def _evaluations(
    tx: Transaction, rebuilds: Iterable[Rebuild]
) -> tuple[Evaluation, ...]:
    ids = dict.fromkeys(it.plan.evaluation_id for it in rebuilds if it.plan)
    return _told([await tx.evaluations.get(EvaluationId(it)) for it in ids])


async def _deliveries(
    tx: Transaction, evaluations: Iterable[Evaluation]
) -> tuple[DeliveryRecord, ...]:
    ids = dict.fromkeys(it for one in evaluations for it in one.delivery_ids)
    found = [await _delivery(tx, it) for it in ids]
    return tuple(it for it in found if it is not None)


async def _delivery(tx: Transaction, delivery: DeliveryId) -> DeliveryRecord | None:
    try:
        return await tx.deliveries.get(delivery)
    except NotFoundError:  # so many came since that it was forgotten
        return None


def _told(evaluations: Sequence[Evaluation]) -> tuple[Evaluation, ...]:
    """Put evaluations in the order of a story, each once, the latest when too many."""
    once = {it.id: it for it in evaluations}
    return tuple(sorted(once.values(), key=lambda it: it.id)[-MOST:])
