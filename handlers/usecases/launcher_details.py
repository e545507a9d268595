"""Gather what a person wants to know of one launcher: its image, and its builds."""

from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

from handlers.usecases.behind_reason import behind_reason
from handlers.usecases.build_descriptions import BuildDescriber
from handlers.usecases.launcher_overview import LauncherOverview, gather_overviews
from service.domain.building.build import BuildState, Image, Rebuild
from service.domain.launcher import LauncherId
from service.domain.rights.caller import ProjectId
from service.domain.rights.project import Project
from service.errors import InvalidRequestError, NotFoundError
from service.ports.store import Transaction
from service.usecases.updates.compare_images import (
    ImageDifference,
    compare_images,
    find_image,
)

__all__ = ["SHOWN_BUILDS", "LauncherView", "gather_launcher"]

SHOWN_BUILDS = 25
"""How many builds the page of a launcher lists."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LauncherView:
    """A launcher with its image, what differs in it, and its newest builds."""

    overview: LauncherOverview
    project: Project | None
    """None for a launcher of a project that was never made: rows of older versions."""
    image: Image | None
    difference: ImageDifference | None
    """To the image before; None without one, or where packages are not known."""
    builds: Sequence[Rebuild]
    """Newest first."""
    earlier: Sequence[Rebuild]
    """What it can be rolled back to, newest first."""
    behind: str | None
    """Why it does not have the image of the definition at the head."""

    @property
    def unfinished(self) -> Rebuild | None:
        """The build that is in progress."""
        latest = self.overview.latest
        return latest if latest and not latest.state.is_final else None

    @property
    def grown(self) -> int | None:
        """How many bytes its image has more than the one before; None if not known."""
        if self.difference is None:
            return None
        before, after = self.difference.before_image, self.difference.after_image
        return after.size - before.size if before.size and after.size else None

    @property
    def durations(self) -> Sequence[tuple[Rebuild, timedelta]]:
        """How long builds took, the oldest first."""
        return [
            (rebuild, rebuild.completed_at - rebuild.started_at)
            for rebuild in reversed(self.builds)
            if rebuild.started_at and rebuild.completed_at
        ]


async def gather_launcher(
    tx: Transaction, launcher_id: LauncherId, describer: BuildDescriber
) -> LauncherView:
    """Gather the view of a launcher.

    Raises:
        NotFoundError: There is no such launcher.
    """
    launcher = await tx.launchers.get(launcher_id)
    (overview,) = await gather_overviews(tx, [launcher], describer)
    builds = await tx.rebuilds.of_environment(
        launcher.environment_id, limit=SHOWN_BUILDS
    )
    served = next(
        (
            rebuild
            for rebuild in builds
            if rebuild.image and rebuild.image == launcher.image
        ),
        None,
    )
    difference = None
    if served is not None:
        with suppress(InvalidRequestError):
            difference = await compare_images(tx, served)
    project = None
    with suppress(NotFoundError):
        project = await tx.projects.get(ProjectId(launcher.project_id))
    return LauncherView(
        overview=overview,
        project=project,
        image=await find_image(tx, served) if served else None,
        difference=difference,
        builds=builds,
        earlier=_earlier(builds, {launcher.image, launcher.available_image}),
        behind=behind_reason(launcher, builds),
    )


def _earlier(
    builds: Sequence[Rebuild], newer: Collection[str | None]
) -> Sequence[Rebuild]:
    """Return one build for each other image, newest first.

    Args:
        builds: Newest first.
        newer: The image in use, and the one that is offered: neither lies back.
    """
    found: dict[str, Rebuild] = {}
    for rebuild in builds:
        is_built = rebuild.state is BuildState.SUCCEEDED and rebuild.image
        if is_built and rebuild.image and rebuild.image not in newer:
            found.setdefault(rebuild.image, rebuild)
    return list(found.values())
