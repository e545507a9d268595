"""Describe builds and launchers with what their own rows do not hold."""

from collections.abc import Iterable, Mapping, Sequence

from handlers.api.schemas.builds import (
    BuildDetails,
    BuildFacts,
    LatestBuild,
    WaitingResponse,
)
from handlers.api.schemas.launchers import LauncherDetails
from handlers.api.schemas.renku.builds import Build
from handlers.api.schemas.renku.launchers import SessionLauncher
from service.domain.building.build import Build as Work, BuildId, Image, Rebuild
from service.domain.building.environment import GlobalEnvironment
from service.domain.building.upcoming import NOTHING, Upcoming, find_next_rebuild
from service.domain.building.waiting import Limits
from service.domain.launcher import Launcher, LauncherId
from service.domain.reconciliation import RECENT
from service.domain.source import Source, SourceId
from service.ports.builder import BuilderIdentity
from service.ports.store import SETTINGS, Transaction
from service.ports.time import Clock
from service.usecases.updates.compare_images import find_work, image_of_work
from service.usecases.wait_forecast import ForecastContext, explain_wait, forecast_wait

__all__ = [
    "BuildDescriber",
    "describe_builds",
    "describe_session_builds",
    "upcoming_of",
    "with_surroundings",
]


class BuildDescriber:
    """Describe builds and launchers as they are now.

    Args:
        clock: Gives the time.
        limits: What bounds builds.
        builder: Identifies what would build now.
    """

    def __init__(
        self, *, clock: Clock, limits: Limits, builder: BuilderIdentity
    ) -> None:
        self._clock = clock
        self._limits = limits
        self._builder = builder

    def context(self) -> ForecastContext:
        """Return what descriptions depend on beside the tables, as of now."""
        return ForecastContext(
            now=self._clock.now(), limits=self._limits, builder=self._builder
        )

    async def describe_builds(
        self, tx: Transaction, rebuilds: Sequence[Rebuild]
    ) -> list[BuildDetails]:
        """Describe builds, in their order, in a few queries."""
        return await describe_builds(tx, rebuilds, self.context())

    async def describe_wait(
        self, tx: Transaction, rebuild: Rebuild
    ) -> WaitingResponse | None:
        """Describe what a build waits for; None when for nothing."""
        forecast = await explain_wait(tx, [rebuild], self.context())
        waiting = forecast.waiting.get(rebuild.id)
        return WaitingResponse.of(waiting) if waiting else None

    async def describe_session_launchers(
        self, tx: Transaction, launchers: Sequence[Launcher]
    ) -> list[SessionLauncher]:
        """Describe launchers as Renku does, in their order, in one query."""
        return [
            SessionLauncher.of(*described)
            for described in await with_surroundings(tx, launchers)
        ]

    async def describe_launchers(
        self, tx: Transaction, launchers: Iterable[Launcher]
    ) -> list[LauncherDetails]:
        """Describe launchers with their newest builds, in their order."""
        shown = tuple(launchers)
        latest = await _describe_latest(tx, shown, self.context())
        pauses = await tx.pauses.of_projects(launcher.project_id for launcher in shown)
        coming = await upcoming_of(tx, shown)
        return [
            LauncherDetails.with_facts(
                *described,
                latest.get(described[0].id),
                coming=coming.get(described[0].id, NOTHING),
                builder=self._builder,
                pause=pauses.get(described[0].project_id),
            )
            for described in await with_surroundings(tx, shown)
        ]


async def with_surroundings(
    tx: Transaction, launchers: Sequence[Launcher]
) -> Sequence[tuple[Launcher, Source | None, GlobalEnvironment | None]]:
    """Return launchers with what they track and share, in two queries at most."""
    followed = {item.source_id for item in launchers if item.source_id}
    taken = {
        item.global_environment_id for item in launchers if item.global_environment_id
    }
    found = await tx.sources.get_many(followed) if followed else ()
    sources = {source.id: source for source in found}
    shared = await tx.environments.get_many(taken) if taken else ()
    environments = {environment.id: environment for environment in shared}
    return [
        (
            launcher,
            sources[launcher.source_id] if launcher.source_id else None,
            environments[launcher.global_environment_id]
            if launcher.global_environment_id
            else None,
        )
        for launcher in launchers
    ]


async def describe_session_builds(
    tx: Transaction, rebuilds: Sequence[Rebuild]
) -> list[Build]:
    """Describe rebuilds as Renku does, in their order, in one query."""
    built = {SourceId(rebuild.source_id) for rebuild in rebuilds}
    urls = {item.id: item.repository.url for item in await tx.sources.get_many(built)}
    return [
        Build.of(rebuild, urls[SourceId(rebuild.source_id)]) for rebuild in rebuilds
    ]


async def describe_builds(
    tx: Transaction, rebuilds: Sequence[Rebuild], context: ForecastContext
) -> list[BuildDetails]:
    """Describe rebuilds as of one moment, in their order."""
    urls: dict[str, str] = {}
    works: dict[BuildId, Work | None] = {}
    forecast = await forecast_wait(tx, rebuilds, context)
    described = []
    for rebuild in rebuilds:
        if rebuild.source_id not in urls:
            source = await tx.sources.get(SourceId(rebuild.source_id))
            urls[rebuild.source_id] = source.repository.url
        if (
            rebuild.build_id
            and rebuild.state.is_final
            and rebuild.build_id not in works
        ):
            works[rebuild.build_id] = await find_work(tx, rebuild.build_id)
        work = works.get(rebuild.build_id) if rebuild.build_id else None
        facts = BuildFacts(
            repository_url=urls[rebuild.source_id],
            packages=_count(await image_of_work(tx, rebuild, work)),
            phases=work.phases if work and rebuild.reason != "reused" else (),
            queue_position=forecast.queue_position(rebuild),
            expected_at=forecast.expected_end(rebuild),
            waiting=forecast.waiting.get(rebuild.id),
        )
        described.append(BuildDetails.with_facts(rebuild, facts))
    return described


async def _describe_latest(
    tx: Transaction, launchers: Sequence[Launcher], context: ForecastContext
) -> dict[str, LatestBuild]:
    """Gather the newest build of each launcher's environment, in a few queries."""
    owners = {launcher.environment_id: launcher.id for launcher in launchers}
    newest = await tx.rebuilds.newest(owners)
    waiting = (await explain_wait(tx, newest, context)).waiting
    return {
        owners[rebuild.environment_id]: LatestBuild.of(rebuild, waiting.get(rebuild.id))
        for rebuild in newest
    }


async def upcoming_of(
    tx: Transaction, launchers: Iterable[Launcher]
) -> Mapping[LauncherId, Upcoming]:
    """Return when the schedule of each launcher that has one rebuilds its image."""
    scheduled = [each for each in launchers if each.schedule.interval is not None]
    if not scheduled:
        return {}
    recent = await tx.rebuilds.of_environments(
        (launcher.environment_id for launcher in scheduled), limit=RECENT
    )
    changed_at = await tx.bases.fingerprint_at(SETTINGS)
    return {
        launcher.id: find_next_rebuild(
            launcher,
            recent.get(launcher.environment_id, ()),
            settings_changed_at=changed_at,
        )
        for launcher in scheduled
    }


def _count(image: Image | None) -> int | None:
    return len(image.packages) if image and image.packages else None
