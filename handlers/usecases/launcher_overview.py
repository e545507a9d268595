"""Gather what a person wants to know of launchers at a glance."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from handlers.usecases.build_descriptions import BuildDescriber, with_surroundings
from service.domain.building.build import BuildState, Rebuild
from service.domain.building.waiting import Waiting
from service.domain.launcher import Launcher
from service.domain.reconciliation import RECENT
from service.domain.source import Source
from service.ports.store import Transaction
from service.usecases.wait_forecast import explain_wait

__all__ = ["ImageOrigin", "LauncherOverview", "gather_overviews"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageOrigin:
    """What the image of a launcher was made of."""

    reference: str
    kind: str = ""
    """The kind of its definition, such as `conda`; empty when it is not known."""
    commit: str = ""
    path: str = ""
    """The definition file."""
    built_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LauncherOverview:
    """A launcher with its newest build and the image that it starts from."""

    launcher: Launcher
    source: Source | None
    latest: Rebuild | None
    waiting: Waiting | None
    image: ImageOrigin | None

    @property
    def is_busy(self) -> bool:
        """Whether a build of it is in progress."""
        return self.latest is not None and not self.latest.state.is_final

    @property
    def states(self) -> Sequence[str]:
        """What is shown of it: the newest build's state first."""
        states = [self.latest.state.value] if self.latest else []
        if self.latest is None:
            states.append("ready" if self.launcher.image else "none")
        elif self.launcher.image and self._has_older_image:
            states.append("older")
        if self.launcher.has_offer:
            states.append("update")
        return states

    @property
    def _has_older_image(self) -> bool:
        """Whether its image is there although its newest build made none."""
        without = {BuildState.FAILED, BuildState.CANCELLED}
        return self.latest is not None and self.latest.state in without


async def gather_overviews(
    tx: Transaction, launchers: Sequence[Launcher], describer: BuildDescriber
) -> Sequence[LauncherOverview]:
    """Gather the overviews of launchers, in their order."""
    newest = await tx.rebuilds.newest([each.environment_id for each in launchers])
    latest = {rebuild.environment_id: rebuild for rebuild in newest}
    waiting = (await explain_wait(tx, newest, describer.context())).waiting
    recent = await tx.rebuilds.of_environments(
        (each.environment_id for each in launchers if each.image), limit=RECENT
    )
    overviews = []
    for launcher, source, _ in await with_surroundings(tx, launchers):
        rebuild = latest.get(launcher.environment_id)
        overviews.append(
            LauncherOverview(
                launcher=launcher,
                source=source,
                latest=rebuild,
                waiting=waiting.get(rebuild.id) if rebuild else None,
                image=_origin(launcher, recent.get(launcher.environment_id, ())),
            )
        )
    return overviews


def _origin(launcher: Launcher, rebuilds: Sequence[Rebuild]) -> ImageOrigin | None:
    if launcher.image is None:
        return None
    plans = [
        rebuild.plan
        for rebuild in rebuilds
        if rebuild.image == launcher.image and rebuild.plan is not None
    ]
    if not plans:
        return ImageOrigin(reference=launcher.image, built_at=launcher.built_at)
    return ImageOrigin(
        reference=launcher.image,
        kind=plans[0].kind.value,
        commit=plans[0].commit,
        path=plans[0].path,
        built_at=launcher.built_at,
    )
