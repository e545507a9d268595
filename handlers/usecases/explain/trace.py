"""Trace what belongs together, from a delivery to a launcher, from any of its ends."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from handlers.api.schemas.models import ULID
from service.domain.building.build import BuildId, Rebuild, RebuildId
from service.domain.delivery import DeliveryId
from service.domain.evaluation.comparison import Evaluation, EvaluationId
from service.domain.launcher import Launcher, LauncherId
from service.domain.rights.caller import EVERYTHING, ProjectFilter
from service.errors import NotFoundError
from service.ports.store import DeliveryRecord, PageRequest, Transaction

__all__ = ["CausalTrace", "find_trace", "nothing_known"]

_ULID: Final = re.compile(ULID)
_COMMIT: Final = re.compile("[0-9a-fA-F]{7,64}")

LATEST: Final = 5
"""How many evaluations the trace of a launcher goes back."""
MOST: Final = 50
"""How many evaluations a trace has: a delivery may concern a hundred sources."""
SEARCHED: Final = 1000
"""How many deliveries are searched for a commit that was never evaluated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CausalTrace:
    """What belongs together."""

    about: Literal["delivery", "commit", "launcher", "build", "evaluation"]
    deliveries: tuple[DeliveryRecord, ...] = ()
    evaluations: tuple[Evaluation, ...] = ()
    rebuilds: tuple[Rebuild, ...] | None = None
    """The ones to report; None for all of the evaluations'."""
    launcher: Launcher | None = None


async def find_trace(
    tx: Transaction, text: str, *, visible: ProjectFilter = EVERYTHING
) -> CausalTrace:
    """Find what a text names.

    Raises:
        NotFoundError: Nothing has this id, name or commit.
    """
    trace = await _by_delivery(tx, text)
    if trace is None and _ULID.fullmatch(text):
        trace = await _by_ulid(tx, text.upper())
    if trace is None:
        trace = await _by_name(tx, text, visible)
    if trace is None and _COMMIT.fullmatch(text):
        trace = await _by_commit(tx, text.lower())
    if trace is None:
        raise nothing_known(text)
    return trace


def nothing_known(text: str) -> NotFoundError:
    """Return the error for a text that names nothing which the caller may see."""
    return NotFoundError(
        f"nothing is known of {text[:80]!r}; expected the id of a delivery, build, "
        "launcher or evaluation, a launcher's name, or a commit (7 digits or more)"
    )


async def _by_delivery(tx: Transaction, text: str) -> CausalTrace | None:
    records = await tx.deliveries.find(text)
    if not records:
        return None
    found = await tx.evaluations.of_deliveries(record.id for record in records)
    return CausalTrace(
        about="delivery", deliveries=tuple(records), evaluations=_in_order(found)
    )


async def _by_ulid(tx: Transaction, text: str) -> CausalTrace | None:
    for find in (_by_rebuild, _by_launcher, _by_evaluation, _by_build):
        try:
            return await find(tx, text)
        except NotFoundError:
            continue
    return None


async def _by_rebuild(tx: Transaction, text: str) -> CausalTrace:
    return await _of_rebuilds(tx, [await tx.rebuilds.get(RebuildId(text))])


async def _by_build(tx: Transaction, text: str) -> CausalTrace:
    build = await tx.builds.get(BuildId(text))
    return await _of_rebuilds(tx, await tx.rebuilds.of_build(build.id))


async def _of_rebuilds(tx: Transaction, rebuilds: Sequence[Rebuild]) -> CausalTrace:
    evaluations = await _evaluations(tx, rebuilds)
    return CausalTrace(
        about="build",
        deliveries=await _deliveries(tx, evaluations),
        evaluations=evaluations,
        rebuilds=tuple(rebuilds),
    )


async def _by_evaluation(tx: Transaction, text: str) -> CausalTrace:
    evaluation = await tx.evaluations.get(EvaluationId(text))
    return CausalTrace(
        about="evaluation",
        deliveries=await _deliveries(tx, [evaluation]),
        evaluations=(evaluation,),
    )


async def _by_launcher(tx: Transaction, text: str) -> CausalTrace:
    return await _of_launcher(tx, await tx.launchers.get(LauncherId(text)))


async def _by_name(
    tx: Transaction, text: str, visible: ProjectFilter
) -> CausalTrace | None:
    named = await tx.launchers.list(PageRequest(limit=1), name=text, visible=visible)
    return await _of_launcher(tx, named.items[0]) if named.items else None


async def _of_launcher(tx: Transaction, launcher: Launcher) -> CausalTrace:
    rebuilds = await tx.rebuilds.of_environment(launcher.environment_id, limit=LATEST)
    latest = (
        await tx.evaluations.of_source(launcher.source_id, limit=LATEST)
        if launcher.source_id
        else ()
    )
    evaluations = _in_order([*latest, *await _evaluations(tx, rebuilds)])
    return CausalTrace(
        about="launcher",
        deliveries=await _deliveries(tx, evaluations),
        evaluations=evaluations,
        rebuilds=tuple(rebuilds),
        launcher=launcher,
    )


async def _by_commit(tx: Transaction, prefix: str) -> CausalTrace | None:
    evaluations = _in_order(await tx.evaluations.of_commit(prefix))
    deliveries = await _deliveries(tx, evaluations)
    if not evaluations:
        recent = await tx.deliveries.list(limit=SEARCHED)
        deliveries = tuple(
            delivery for delivery in recent if delivery.after.startswith(prefix)
        )
    if not (evaluations or deliveries):
        return None
    return CausalTrace(about="commit", deliveries=deliveries, evaluations=evaluations)


async def _evaluations(
    tx: Transaction, rebuilds: Iterable[Rebuild]
) -> tuple[Evaluation, ...]:
    ids = dict.fromkeys(
        rebuild.plan.evaluation_id for rebuild in rebuilds if rebuild.plan
    )
    return _in_order([await tx.evaluations.get(EvaluationId(id_)) for id_ in ids])


async def _deliveries(
    tx: Transaction, evaluations: Iterable[Evaluation]
) -> tuple[DeliveryRecord, ...]:
    ids = dict.fromkeys(id_ for one in evaluations for id_ in one.delivery_ids)
    found = [await _delivery(tx, id_) for id_ in ids]
    return tuple(delivery for delivery in found if delivery is not None)


async def _delivery(tx: Transaction, delivery: DeliveryId) -> DeliveryRecord | None:
    try:
        return await tx.deliveries.get(delivery)
    except NotFoundError:  # so many came since that it was forgotten
        return None


def _in_order(evaluations: Sequence[Evaluation]) -> tuple[Evaluation, ...]:
    """Order evaluations by time, each once; the latest when there are too many."""
    once = {evaluation.id: evaluation for evaluation in evaluations}
    return tuple(sorted(once.values(), key=lambda evaluation: evaluation.id)[-MOST:])
