"""Recorded evaluations → what their launchers want, by pages.

One transaction plans all launchers of several evaluations, or a page of one.
"""

from collections import defaultdict
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from consumers.evaluation.observation import HeadObservation
from service.domain.building.build import (
    EnvironmentId,
    Rebuild,
    build_key,
)
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

__all__ = ["LauncherPlanner", "PlannedPage", "Planning"]


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

    def pass_page(self, page: "PlannedPage") -> None:
        """Note that a page is planned."""
        self.is_done = page.is_last
        if page.launchers:
            self.last = page.launchers[-1]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedPage:
    """Launchers of one evaluation that are planned in one transaction."""

    planning: Planning
    launchers: Sequence[Launcher]
    # By pages, as a source may have ten thousand launchers: one transaction for all of
    # them would hold the lock of the source, and the writer of SQLite, for long.
    is_last: bool


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

    async def next_page(self, tx: Transaction, planning: Planning) -> PlannedPage:
        """Return the next launchers of an evaluation."""
        launchers = await tx.launchers.page_of_source(
            planning.source.id, limit=BATCH, after=planning.last
        )
        return PlannedPage(
            planning=planning, launchers=launchers, is_last=len(launchers) < BATCH
        )

    async def plan(
        self, tx: Transaction, pages: Sequence[PlannedPage]
    ) -> Sequence[Sequence[Rebuild]]:
        """Plan launchers; return for each page the rebuilds that get no plan.

        Those waited for an evaluation that found no definition.
        """
        known = await self._known(tx, pages)
        planned_of: list[Sequence[Planned]] = []
        nothing: list[Launcher] = []
        for page, some in zip(pages, known, strict=True):
            page.planning.pass_page(page)
            planned_of.append(self._planned(page.planning, some))
            nothing += self._want_nothing(page)
        planned = [one for some in planned_of for one in some]
        await tx.launchers.save_wanted((*(one.launcher for one in planned), *nothing))
        waiting = {rebuild.id for some in known for rebuild in some.pending}
        await _save_rebuilds(tx, planned, waiting)
        for page, ours in zip(pages, planned_of, strict=True):
            await self._announce(tx, page.planning, ours)
        return [
            () if page.planning.observation.definition else some.pending
            for page, some in zip(pages, known, strict=True)
        ]

    async def _known(
        self, tx: Transaction, pages: Iterable[PlannedPage]
    ) -> Sequence[Known]:
        """Read for all pages together what their planning starts from."""
        launchers = [launcher for page in pages for launcher in page.launchers]
        if not launchers:
            return [
                Known(launchers=(), pause=self._reconciliation.pause) for _ in pages
            ]
        # One query for both: what waits for the evaluation, and what was under way.
        unfinished = defaultdict[EnvironmentId, list[Rebuild]](list)
        for rebuild in await tx.rebuilds.unfinished_of(
            launcher.environment_id for launcher in launchers
        ):
            unfinished[rebuild.environment_id].append(rebuild)
        asked = [id_ for page in pages for id_ in self._behind(page, unfinished)]
        recent = await tx.rebuilds.of_environments(asked, limit=RECENT) if asked else {}
        paused = await tx.pauses.of_projects(
            launcher.project_id for launcher in launchers
        )
        return [
            Known(
                launchers=page.launchers,
                pending=_pending_rebuilds(page, unfinished),
                rebuilds=recent,
                is_pushed=page.planning.observation.has_push,
                pause=self._reconciliation.pause,
                paused=paused,
                traceparent=child_traceparent(
                    page.planning.observation.traceparent,
                    evaluation_step(page.planning.evaluation.id),
                ),
            )
            for page in pages
        ]

    def _behind(
        self, page: PlannedPage, unfinished: Container[EnvironmentId]
    ) -> Iterable[EnvironmentId]:
        """Return whose rebuilds count: of those that may be behind; most are not."""
        found = page.planning.observation.definition
        if found is None:
            return
        for launcher in page.launchers:
            spec = self._reconciliation.spec(launcher, page.planning.source)
            wanted = build_key(found.meaning, found.kind, spec)
            if launcher.environment_id in unfinished or launcher.image_key != wanted:
                yield launcher.environment_id

    def _planned(self, planning: Planning, known: Known) -> Sequence[Planned]:
        found = planning.observation.definition
        if found is None:
            return ()
        return tuple(
            plan(
                planning.evaluation,
                found,
                known,
                spec=partial(self._reconciliation.spec, source=planning.source),
                new_id=self._ids.new,
            )
        )

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

    def _want_nothing(self, page: PlannedPage) -> Iterable[Launcher]:
        """Return launchers that want nothing: without a definition nobody is behind it.

        Not for a ref that is missing or a repository that cannot be read: what is
        wanted then is unknown, and the key that was wanted before stays.
        """
        planning = page.planning
        found = planning.observation.observed
        if planning.observation.definition or not isinstance(found, Observed):
            return
        spec = self._reconciliation.spec
        for launcher in page.launchers:
            yield replace(
                launcher,
                wanted_key=None,
                wanted_generation=planning.evaluation.generation,
                wanted_builder=spec(launcher, planning.source).builder_image,
            )


async def _save_rebuilds(
    tx: Transaction, planned: Iterable[Planned], waiting: Container[str]
) -> None:
    rebuilds = [rebuild for one in planned for rebuild in one.rebuilds]
    if not rebuilds:
        return
    await tx.rebuilds.add_all(item for item in rebuilds if item.id not in waiting)
    # Rebuilds that people requested have a row already, made with their request; the
    # evaluation gives it its plan.
    await tx.rebuilds.save_all(item for item in rebuilds if item.id in waiting)


def _pending_rebuilds(
    page: PlannedPage, unfinished: Mapping[EnvironmentId, Sequence[Rebuild]]
) -> Sequence[Rebuild]:
    """Return the rebuilds without a plan that this evaluation answers.

    Those that its requests name, and those that were there when it began: another
    request may have been faster than the one that names them.
    """
    observation = page.planning.observation
    named = {id_ for _, request in observation.requests for id_ in request.rebuild_ids}
    return [
        rebuild
        for launcher in page.launchers
        for rebuild in unfinished.get(launcher.environment_id, ())
        if rebuild.plan is None
        # Not the ones made since and not named: their launchers may want a commit that
        # was pushed after this evaluation read the head.
        and (rebuild.id in named or rebuild.created_at <= observation.started_at)
    ]
