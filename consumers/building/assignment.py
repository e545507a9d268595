"""New rebuilds → builds: which image or build serves each rebuild that has none yet."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

import structlog

from consumers.building.interruptions import count_interruptions
from consumers.building.transitions import BuildTransitions
from service.domain.building.build import (
    Build,
    BuildKey,
    BuildSpec,
    Image,
    Rebuild,
    RebuildId,
)
from service.domain.building.schedule import AssignmentState, ConcurrencyLimits, assign
from service.domain.launcher import LauncherId
from service.errors import TransientError
from service.ports.builder import Builder
from service.ports.store import BATCH, Store, Transaction
from service.ports.time import Clock

__all__ = ["Assigner", "Unassigned"]

log = structlog.get_logger(__name__)

FOREIGN: Final = timedelta(seconds=15)
"""How long a rebuild that another builder is named for waits until it is planned anew:
whoever leads may change to and fro, and an older process may have planned it."""
ELSEWHERE: Final = timedelta(seconds=1)
"""How often queued builds are looked through: a push that is built at once waits for
no more than its own."""
FIRSTS: Final = 50
"""Sources of which a rebuild is decided for between two pages."""
_EVERY: Final = ConcurrencyLimits(in_all=BATCH, per_project=BATCH)


@dataclass(frozen=True, slots=True, kw_only=True)
class _RebuildPage:
    """Rebuilds to decide for, and the images of what they want."""

    rebuilds: Sequence[Rebuild]
    images: Mapping[BuildKey, Image]
    """Those on record; once they were looked for, those that are there."""
    recorded: Mapping[BuildKey, Image]
    """Those on record when the page was read, also those that are gone."""
    unsure: Collection[BuildKey] = ()
    """Of these it is not known at present whether the image is there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unassigned:
    """What the next transaction decides for."""

    pages: Sequence[_RebuildPage]
    is_cut: bool
    """Whether more rebuilds are left."""
    is_round: bool = False
    """Whether all were seen since the last such one."""


# One per scheduler. It remembers only since when rebuilds for another builder are seen;
# a new leader waits FOREIGN once more.
class Assigner:
    """Decide for rebuilds that have no build yet, a page in each transaction.

    Args:
        store: Knows the rebuilds.
        builder: Knows which images exist, and who it is.
        clock: Measures how long rebuilds wait for another builder.
        transitions: Writes decisions down.
    """

    def __init__(
        self,
        *,
        store: Store,
        builder: Builder,
        clock: Clock,
        transitions: BuildTransitions,
    ) -> None:
        self._store = store
        self._builder = builder
        self._clock = clock
        self._transitions = transitions
        self._foreign: dict[tuple[RebuildId, str], datetime] = {}
        """Since when rebuilds are seen that another builder is named for, by plan."""
        self._seen: dict[tuple[RebuildId, str], datetime] = {}
        """The same, as far as the round through all pages has come."""
        self._elsewhere_at = clock.now()
        """When queued builds are next looked through for those of other builders."""
        self._last = ""
        """The last rebuild of that round; empty before its first page."""
        self._has_let_pass = False
        """Whether the turn before was for the first rebuilds of all sources."""

    def is_ours(self, spec: BuildSpec) -> bool:
        """Return whether this process builds by this build spec."""
        return spec.builder_image == self._builder.identity(frontend=spec.frontend)

    async def read(self) -> Unassigned:
        """Read a page of rebuilds without a build, and look for their images.

        Builds start between the pages: evaluations may add rebuilds as fast as they are
        decided for, and a turn that waited for the last one would start nothing. With
        the last page come those that were planned elsewhere, once in `ELSEWHERE`.

        Raises:
            TransientError: The database did not answer.
        """
        if self._last and (firsts := await self._let_pass()):
            return Unassigned(pages=[await self._looked_for(firsts)], is_cut=True)
        page = await self._page(self._last)
        is_cut = len(page.rebuilds) == BATCH
        self._last = page.rebuilds[-1].id if is_cut else ""
        pages = [await self._looked_for(page)]
        now = self._clock.now()
        # A clock that was set back makes nobody wait longer.
        if is_cut or timedelta() < self._elsewhere_at - now <= ELSEWHERE:
            return Unassigned(pages=pages, is_cut=is_cut)
        self._elsewhere_at = now + ELSEWHERE
        pages.append(await self._looked_for(await self._queued_elsewhere()))
        return Unassigned(pages=pages, is_cut=False, is_round=True)

    async def assign(self, tx: Transaction, unassigned: Unassigned) -> None:
        """Decide for what was read; the transaction holds the lock of the schedule."""
        # Launchers before rebuilds, as evaluations lock them: what is decided below
        # reads a new build's launcher, and moves those that get an image at once. Those
        # of all pages together: one more behind the rebuilds of the page before could
        # be an evaluation's that waits for those.
        launchers = {
            LauncherId(rebuild.launcher_id)
            for page in unassigned.pages
            for rebuild in page.rebuilds
        }
        if launchers:
            await tx.launchers.some(launchers)
        for page in unassigned.pages:
            if page.rebuilds:
                await self._assign(tx, page)
        if unassigned.is_round:
            # Replaced by what was seen since, so entries of rebuilds that ended
            # disappear; the plan's evaluation is a part of the key, as a new plan
            # starts the wait again.
            self._foreign, self._seen = self._seen, {}

    async def _page(self, after: str) -> _RebuildPage:
        # What was changed between its queries is read again under the lock.
        async with self._store.reading(is_single=True) as tx:
            rebuilds = await tx.schedule.unassigned(limit=BATCH, after=after)
            return await _page_of(tx, rebuilds)

    async def _let_pass(self) -> _RebuildPage | None:
        """Return one rebuild of each source before the next page, if any waits.

        A source with ten thousand launchers is many pages long, and a page takes a
        hundred times as long as the rebuild of another source, whose build is to start.
        Every other turn is a page's, however many sources are pushed to.
        """
        self._has_let_pass = not self._has_let_pass
        if not self._has_let_pass:
            return None
        async with self._store.reading() as tx:
            firsts = await tx.schedule.first_unassigned(limit=FIRSTS, after=self._last)
            page = await _page_of(tx, firsts)
        self._has_let_pass = len({rebuild.source_id for rebuild in firsts}) > 1
        return page if self._has_let_pass else None

    async def _queued_elsewhere(self) -> _RebuildPage:
        """Return rebuilds of queued builds that another builder is named for."""
        async with self._store.reading() as tx:
            queued = await tx.schedule.startable(_EVERY, now=self._clock.now())
            foreign = [build for build in queued if not self.is_ours(build.spec)]
            rebuilds = [
                rebuild
                for build in foreign
                for rebuild in await tx.rebuilds.attached(build.id, limit=BATCH)
            ]
            return await _page_of(tx, rebuilds)

    async def _assign(self, tx: Transaction, page: _RebuildPage) -> None:
        environments = {rebuild.environment_id for rebuild in page.rebuilds}
        # All unfinished ones of these environments, not only the page: which of them is
        # the newest decides what is superseded.
        unfinished = await tx.rebuilds.unfinished_of(environments)
        rebuilds = _decidable(unfinished, page.unsure)
        keys = {rebuild.plan.key for rebuild in rebuilds if rebuild.plan}
        builds = await tx.schedule.builds_of(keys)
        made = await _made_meanwhile(tx, page, rebuilds, builds)
        rebuilds = _decidable(rebuilds, made)
        state = AssignmentState(
            rebuilds=rebuilds,
            builds=builds,
            images=page.images,
            interruptions=await count_interruptions(tx, rebuilds),
            is_ours=self.is_ours,
            overdue=self._overdue(rebuilds),
        )
        await self._transitions.apply(tx, assign(state))

    async def _looked_for(self, page: _RebuildPage) -> _RebuildPage:
        """Return a page with the images that can still be started from.

        And the keys of images whose state is unknown now: those wait, others go on.
        """
        # Before the lock: a registry that takes ten seconds would hold up every
        # transaction that settles a build.
        present: dict[BuildKey, Image] = {}
        unsure: set[BuildKey] = set()
        for key, image in sorted(page.images.items()):
            try:
                if await self._builder.has(image):
                    present[key] = image
            except TransientError as exc:
                log.warning("image not found nor missed", key=key, error=str(exc))
                # Neither present nor missing. Building it again would waste a build
                # when the registry is only away; reusing it could move a launcher to an
                # image that is gone.
                unsure.add(key)
        return replace(page, images=present, unsure=unsure)

    def _overdue(self, rebuilds: Sequence[Rebuild]) -> set[RebuildId]:
        """Return those that this process saw for long and may not build."""
        now = self._clock.now()
        overdue = set()
        for rebuild in rebuilds:
            if rebuild.plan is None or self.is_ours(rebuild.plan.spec):
                continue
            place = (rebuild.id, rebuild.plan.evaluation_id)
            self._seen[place] = self._foreign.get(place, now)
            if now - self._seen[place] >= FOREIGN:
                overdue.add(rebuild.id)
        return overdue


async def _page_of(tx: Transaction, rebuilds: Sequence[Rebuild]) -> _RebuildPage:
    keys = {item.plan.key for item in rebuilds if item.plan and not item.is_fresh}
    images = await tx.schedule.images_of(keys) if keys else {}
    return _RebuildPage(rebuilds=rebuilds, images=images, recorded=images)


async def _made_meanwhile(
    tx: Transaction,
    page: _RebuildPage,
    rebuilds: Iterable[Rebuild],
    builds: Iterable[Build],
) -> Collection[BuildKey]:
    """Return the keys of images that were made after the page was read.

    They would be built once more; the next turn looks for them.
    """
    under_way = {build.key for build in builds}
    missing = {
        rebuild.plan.key
        for rebuild in rebuilds
        if rebuild.plan and rebuild.build_id is None and not rebuild.is_fresh
    } - {*page.images, *under_way}
    # Where no registry was asked, the page was read an instant ago: then only rebuilds
    # that came since may want an image that is there.
    if not page.recorded:
        missing -= {rebuild.plan.key for rebuild in page.rebuilds if rebuild.plan}
    if not missing:
        return ()
    found = await tx.schedule.images_of(missing)
    return {key for key, image in found.items() if image != page.recorded.get(key)}


def _decidable(
    rebuilds: Iterable[Rebuild], unsure: Collection[BuildKey]
) -> Sequence[Rebuild]:
    """Return those with a plan that depend on no image whose state is unknown now."""
    return [
        rebuild
        for rebuild in rebuilds
        if rebuild.plan is not None
        and (
            rebuild.plan.key not in unsure
            or rebuild.build_id is not None
            or rebuild.is_fresh
        )
    ]
