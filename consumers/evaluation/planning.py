"""A recorded evaluation → what its launchers want, a page in each transaction."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from consumers.evaluation.observation import HeadObservation
from service.domain.building.build import (
    EnvironmentId,
    Rebuild,
    build_key,
)
from service.domain.definition import Definition
from service.domain.evaluation.comparison import Evaluation, Observed
from service.domain.evaluation.plan import Known, Planned, plan
from service.domain.launcher import Launcher
from service.domain.reconciliation import RECENT
from service.domain.source import Source
from service.events.spans import evaluation_step
from service.events.trace import child_traceparent
from service.ports.store import BATCH, Transaction
from service.ports.time import Ids
from service.usecases.publish_events import EventRecorder
from service.usecases.reconcile import Reconciliation

__all__ = ["LauncherPlanner", "Planning"]


@dataclass(slots=True, kw_only=True)
class Planning:
    """One evaluation, and how far its launchers are planned."""

    observation: HeadObservation
    evaluation: Evaluation
    source: Source
    """As the evaluation left it."""
    last: Launcher | None = None
    """The last launcher that was planned."""
    is_done: bool = False
    announced: set[object] = field(default_factory=set)
    """The images whose request was published: one event each, not one a launcher."""


# One per consuming process, stateless: how far an evaluation came is in its `Planning`,
# which ends with the process. The requests are then still queued, and another
# evaluation plans all launchers anew.
class LauncherPlanner:
    """Writes what launchers want, and requests the rebuilds that they need.

    Args:
        ids: Makes the ids of rebuilds.
        recorder: Publishes the requests.
        reconciliation: Makes build specs.
    """

    def __init__(
        self, *, ids: Ids, recorder: EventRecorder, reconciliation: Reconciliation
    ) -> None:
        self._ids = ids
        self._recorder = recorder
        self._reconciliation = reconciliation

    async def plan_page(self, tx: Transaction, planning: Planning) -> Sequence[Rebuild]:
        """Plan the next launchers; return the rebuilds of theirs that get no plan.

        Those waited for an evaluation that found no definition.
        """
        launchers = await tx.launchers.page_of_source(
            planning.source.id, limit=BATCH, after=planning.last
        )
        # By pages, as a source may have ten thousand launchers: one transaction for all
        # of them would hold the lock of the source, and the writer of SQLite, for long.
        planning.is_done = len(launchers) < BATCH
        if not launchers:
            return ()
        planning.last = launchers[-1]
        # One query for both: what waits for the evaluation, and what was under way.
        unfinished = await tx.rebuilds.unfinished_of(
            launcher.environment_id for launcher in launchers
        )
        waiting = _pending_rebuilds(planning.observation, unfinished)
        found = planning.observation.definition
        if found is not None:
            known = Known(
                launchers=launchers,
                pending=waiting,
                rebuilds=await self._rebuilds(tx, planning, launchers, unfinished),
                is_pushed=planning.observation.has_push,
                pause=self._reconciliation.pause,
                paused=await tx.pauses.of_projects(
                    launcher.project_id for launcher in launchers
                ),
                traceparent=child_traceparent(
                    planning.observation.traceparent,
                    evaluation_step(planning.evaluation.id),
                ),
            )
            await self._plan(tx, planning, found, known)
            return ()
        # Not for a ref that is missing or a repository that cannot be read: what is
        # wanted then is unknown, and the key that was wanted before stays.
        if isinstance(planning.observation.observed, Observed):
            await self._want_nothing(tx, planning, launchers)
        return waiting

    async def _plan(
        self, tx: Transaction, planning: Planning, found: Definition, known: Known
    ) -> None:
        planned = list(
            plan(
                planning.evaluation,
                found,
                known,
                spec=partial(self._reconciliation.spec, source=planning.source),
                new_id=self._ids.new,
            )
        )
        await _save(tx, planned, {rebuild.id for rebuild in known.pending})
        await self._announce(tx, planning, planned)

    async def _rebuilds(
        self,
        tx: Transaction,
        planning: Planning,
        launchers: Iterable[Launcher],
        unfinished: Iterable[Rebuild],
    ) -> Mapping[EnvironmentId, Sequence[Rebuild]]:
        """Read what counts for those that may be behind; most have what they want."""
        found = planning.observation.definition
        busy = {rebuild.environment_id for rebuild in unfinished}
        asked = [
            launcher.environment_id
            for launcher in launchers
            if launcher.environment_id in busy
            or found is None
            or launcher.image_key
            != build_key(
                found.meaning,
                found.kind,
                self._reconciliation.spec(launcher, planning.source),
            )
        ]
        return await tx.rebuilds.of_environments(asked, limit=RECENT) if asked else {}

    async def _announce(
        self, tx: Transaction, planning: Planning, planned: Iterable[Planned]
    ) -> None:
        """Publish the request of each image once, by its first rebuild."""
        wanting = defaultdict[object, list[Rebuild]](list)
        for rebuild in (item for one in planned for item in one.rebuilds):
            key = rebuild.plan.key if rebuild.plan else None
            wanting[key, rebuild.is_fresh, rebuild.trigger].append(rebuild)
        for image, rebuilds in wanting.items():
            # The scheduler looks for all rebuilds without a build, so one event wakes
            # it for every launcher of the image.
            if image not in planning.announced:
                planning.announced.add(image)
                is_alone = planning.is_done and len(rebuilds) == 1
                await self._recorder.requested(
                    tx, planning.source, rebuilds[0], is_alone=is_alone
                )

    async def _want_nothing(
        self, tx: Transaction, planning: Planning, launchers: Iterable[Launcher]
    ) -> None:
        """Write that there is no definition at the head: nobody is behind it."""
        spec = self._reconciliation.spec
        await tx.launchers.save_wanted(
            replace(
                launcher,
                wanted_key=None,
                wanted_generation=planning.evaluation.generation,
                wanted_builder=spec(launcher, planning.source).builder_image,
            )
            for launcher in launchers
        )


async def _save(
    tx: Transaction, planned: Sequence[Planned], waiting: Iterable[str]
) -> None:
    there = set(waiting)
    rebuilds = [rebuild for one in planned for rebuild in one.rebuilds]
    await tx.launchers.save_wanted(one.launcher for one in planned)
    await tx.rebuilds.add_all(item for item in rebuilds if item.id not in there)
    # Rebuilds that people requested have a row already, made with their request; the
    # evaluation gives it its plan.
    await tx.rebuilds.save_all(item for item in rebuilds if item.id in there)


def _pending_rebuilds(
    observation: HeadObservation, unfinished: Iterable[Rebuild]
) -> Sequence[Rebuild]:
    """Return the rebuilds without a plan that this evaluation answers.

    Those that its requests name, and those that were there when it began: another
    request may have been faster than the one that names them.
    """
    named = {id_ for _, request in observation.requests for id_ in request.rebuild_ids}
    return [
        rebuild
        for rebuild in unfinished
        if rebuild.plan is None
        # Not the ones made since and not named: their launchers may want a commit that
        # was pushed after this evaluation read the head.
        and (rebuild.id in named or rebuild.created_at <= observation.started_at)
    ]
