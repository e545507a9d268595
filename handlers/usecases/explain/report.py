"""Explain what happened: the report, and the sentences that it yields."""

from collections.abc import Iterable, Sequence
from typing import Literal

from handlers.api.schemas.builds import BuildDetails
from handlers.api.schemas.deliveries import DeliveryResponse
from handlers.api.schemas.explanations import (
    BuildTrace,
    DefinitionFileResponse,
    EvaluationTrace,
    Explanation,
    PackageChange,
    PackageChanges,
)
from handlers.api.schemas.launchers import LauncherDetails
from handlers.api.schemas.sources import EvaluationResponse, plain_path
from handlers.read_your_writes import wait_for_record
from handlers.usecases.behind_reason import behind_reason
from handlers.usecases.build_descriptions import (
    BuildDescriber,
    describe_builds,
    upcoming_of,
    with_surroundings,
)
from handlers.usecases.explain.sentences import write_sentences
from handlers.usecases.explain.trace import (
    CausalTrace,
    find_trace,
    nothing_known,
)
from handlers.usecases.explain.visibility import limit_trace
from service.domain.building.build import Rebuild
from service.domain.building.packages import (
    ChangedPackage,
    compare_packages,
)
from service.domain.building.pause import Pause
from service.domain.building.upcoming import NOTHING
from service.domain.definition import ABSENT, Item
from service.domain.evaluation.comparison import Evaluation
from service.domain.launcher import Launcher, LauncherId
from service.domain.rights.caller import Caller
from service.errors import NotFoundError
from service.ports.store import Store, Transaction
from service.ports.time import Clock
from service.usecases.rights.authorize import Authorizer
from service.usecases.updates.compare_images import find_image, find_previous
from service.usecases.wait_forecast import ForecastContext

__all__ = ["Explainer", "compared"]

LOOKED_BACK = 50
"""How many evaluations or builds are searched for the one before."""


class Explainer:
    """Explain why something happened, or did not.

    Args:
        store: Where it is on record.
        clock: Gives the time.
        describer: Describes builds.
        authorizer: Decides what a caller may see.
    """

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        describer: BuildDescriber,
        authorizer: Authorizer,
    ) -> None:
        self._store = store
        self._clock = clock
        self._describer = describer
        self._authorizer = authorizer

    async def explain(self, text: str, caller: Caller) -> Explanation:
        """Explain a delivery, commit, launcher, build or evaluation.

        Only what belongs to a project that the caller may read is shown.

        Raises:
            NotFoundError: Nothing that the caller may see has this id, name or commit.
        """
        await wait_for_record(text, store=self._store, clock=self._clock)
        async with self._store.reading() as tx:
            found = await find_trace(tx, text, visible=caller.filter())
            trace = await limit_trace(tx, found, caller, self._authorizer)
            if trace is None:
                raise nothing_known(text)
            return await _build_report(tx, text, trace, self._describer.context())


async def _build_report(
    tx: Transaction, of: str, thread: CausalTrace, context: ForecastContext
) -> Explanation:
    evaluations = [
        await _trace_evaluation(tx, evaluation, thread.rebuilds, context)
        for evaluation in thread.evaluations
    ]
    shown = {
        build.build.id for evaluation in evaluations for build in evaluation.builds
    }
    waiting = [rebuild for rebuild in thread.rebuilds or () if rebuild.id not in shown]
    pause = await _pause(tx, thread.launcher)
    explanation = Explanation(
        of=of,
        about=thread.about,
        lines=(),
        deliveries=tuple(
            DeliveryResponse.of(delivery)
            for delivery in sorted(
                thread.deliveries, key=lambda delivery: delivery.received_at
            )
        ),
        evaluations=tuple(evaluations),
        waiting=tuple(await describe_builds(tx, waiting, context)),
        launcher=await _launcher(tx, thread.launcher, context),
        behind=behind_reason(thread.launcher, thread.rebuilds or (), pause)
        if thread.launcher
        else None,
    )
    return explanation.model_copy(update={"lines": tuple(write_sentences(explanation))})


async def _pause(tx: Transaction, launcher: Launcher | None) -> Pause | None:
    if launcher is None:
        return None
    return (await tx.pauses.of_projects([launcher.project_id])).get(launcher.project_id)


async def _launcher(
    tx: Transaction, launcher: Launcher | None, context: ForecastContext
) -> LauncherDetails | None:
    if launcher is None:
        return None
    (described,) = await with_surroundings(tx, [launcher])
    coming = await upcoming_of(tx, [launcher])
    return LauncherDetails.with_facts(
        *described,
        coming=coming.get(launcher.id, NOTHING),
        builder=context.builder,
    )


async def _trace_evaluation(
    tx: Transaction,
    evaluation: Evaluation,
    only: Sequence[Rebuild] | None,
    context: ForecastContext,
) -> EvaluationTrace:
    source = await tx.sources.get(evaluation.source_id)
    before = await _before(tx, evaluation)
    ids = None if only is None else {item.id for item in only}
    rebuilds = [
        item
        for item in await tx.rebuilds.of_evaluation(evaluation.id)
        if ids is None or item.id in ids
    ]
    builds = await describe_builds(tx, rebuilds, context)
    return EvaluationTrace(
        evaluation=EvaluationResponse.of(evaluation),
        repository=source.repository.url,
        files=compared(before.items if before else (), evaluation.items),
        builds=tuple(
            [
                await _trace_build(tx, rebuild, build)
                for rebuild, build in zip(rebuilds, builds, strict=True)
            ]
        ),
    )


async def _before(tx: Transaction, evaluation: Evaluation) -> Evaluation | None:
    """Return the evaluation that saw what this one compared with."""
    latest = await tx.evaluations.of_source(evaluation.source_id, limit=LOOKED_BACK)
    earlier = [item for item in latest if item.id < evaluation.id and item.items]
    return max(earlier, key=lambda item: item.id, default=None)


def compared(
    old: Sequence[Item], new: Sequence[Item]
) -> tuple[DefinitionFileResponse, ...]:
    """Set two closures side by side, sorted by path."""
    before = {item.path: item for item in old}
    after = {item.path: item for item in new}
    return tuple(
        _file(before.get(path), after.get(path)) for path in sorted({*before, *after})
    )


def _file(old: Item | None, new: Item | None) -> DefinitionFileResponse:
    known = new or old
    assert known is not None
    return DefinitionFileResponse(
        path=plain_path(known.path),
        role=known.role,
        change=_change(old, new),
        old=(old.oid or None) if old else None,
        new=(new.oid or None) if new else None,
    )


def _change(
    old: Item | None, new: Item | None
) -> Literal["same", "changed", "added", "removed", "absent"]:
    was = old is not None and old.mode != ABSENT
    is_there = new is not None and new.mode != ABSENT
    if was and is_there:
        assert old is not None
        assert new is not None
        return "same" if (old.mode, old.oid) == (new.mode, new.oid) else "changed"
    if was:
        return "removed"
    return "added" if is_there else "absent"


async def _trace_build(
    tx: Transaction, rebuild: Rebuild, build: BuildDetails
) -> BuildTrace:
    try:
        launcher = await tx.launchers.get(LauncherId(rebuild.launcher_id))
    except NotFoundError:
        launcher = None
    image = launcher.image if launcher else None
    return BuildTrace(
        build=build,
        launcher_name=launcher.name if launcher else None,
        serves=image is not None and image == rebuild.image,
        seconds=_seconds(build),
        packages=await _package_changes(tx, rebuild),
    )


def _seconds(build: BuildDetails) -> float | None:
    if build.started_at is None or build.completed_at is None:
        return None
    return round((build.completed_at - build.started_at).total_seconds(), 1)


async def _package_changes(tx: Transaction, rebuild: Rebuild) -> PackageChanges | None:
    image = await find_image(tx, rebuild)
    previous = await find_previous(tx, rebuild) if image else None
    before = await find_image(tx, previous) if previous else None
    if image is None or before is None:
        return None
    difference = compare_packages(before, image)
    if difference is None:
        return None
    return PackageChanges(
        since=before.reference,
        added=_changes(difference.added),
        removed=_changes(difference.removed),
        changed=_changes(difference.changed),
    )


def _changes(changes: Iterable[ChangedPackage]) -> tuple[PackageChange, ...]:
    return tuple(
        PackageChange(name=change.name, old=change.before, new=change.after)
        for change in changes
    )
