"""Session launchers with what Renku lacks: how they are updated, and how they fare."""

from datetime import datetime
from typing import ClassVar, Literal

from pydantic import Field

from handlers.api.schemas.builds import LatestBuild
from handlers.api.schemas.models import RequestModel
from handlers.api.schemas.renku.launchers import (
    SessionLauncher,
    SessionLauncherPatch,
    SessionLauncherPost,
)
from service.domain.building.environment import GlobalEnvironment
from service.domain.building.pause import Pause
from service.domain.building.upcoming import NOTHING, Upcoming
from service.domain.launcher import Launcher
from service.domain.source import Source
from service.ports.builder import BuilderIdentity

__all__ = ["LauncherDetails", "LauncherPatch", "LauncherPost", "MoveRequest"]

Policy = Literal["automatic", "notify", "manual"]
Schedule = Literal["never", "weekly", "monthly"]


class LauncherPost(SessionLauncherPost):
    """A new launcher, and how it is updated."""

    update_policy: Policy = "automatic"
    rebuild_schedule: Schedule = "never"


class LauncherPatch(SessionLauncherPatch):
    """What is to change in a launcher; what is not sent stays, nulls reset."""

    update_policy: Policy | None = None
    rebuild_schedule: Schedule | None = None


class MoveRequest(RequestModel):
    """Which image the launcher is to take."""

    image: Literal["available"]


class LauncherDetails(SessionLauncher):
    """Renku's launcher, and all else that is known of it."""

    # The tag is of what Renku has of it: the rest changes as builds go on.
    is_etag_of_all: ClassVar[bool] = False

    update_policy: Policy
    rebuild_schedule: Schedule = Field(
        description="How often its image is built anew while its definition, which"
        " leaves versions open, stays the same."
    )
    next_rebuild_at: datetime | None = Field(
        default=None, description="When that is due next; absent while it is not."
    )
    next_rebuild_note: str | None = Field(
        default=None, description="Why it is not due, or what put it off."
    )
    source_id: str | None = Field(
        default=None, description="What it tracks; absent unless built from code."
    )
    generation: int = Field(description="Of the image it starts from; only grows.")
    available_image: str | None = Field(
        default=None,
        description="What its definition asks for now, built, and not taken yet.",
    )
    pinned_at: datetime | None = Field(
        default=None, description="When a person pinned it to its image."
    )
    paused: str | None = Field(
        default=None, description="Why nothing is built for it by itself at present."
    )
    outdated: bool = Field(description="Its definition asks for another image by now.")

    image_pull_secret: str | None = Field(
        default=None,
        description="The Secret with which sessions pull the image, where it is of a"
        " private repository and kept apart from others.",
    )
    latest_build: LatestBuild | None = Field(
        default=None, description="How its newest build fares, or ended."
    )

    @classmethod
    def with_facts(
        cls,
        launcher: Launcher,
        source: Source | None,
        shared: GlobalEnvironment | None,
        latest: LatestBuild | None = None,
        *,
        builder: BuilderIdentity,
        coming: Upcoming = NOTHING,
        pause: Pause | None = None,
    ) -> "LauncherDetails":
        """Report a launcher with its newest build and its next scheduled one."""
        wanted = launcher.wanted_key
        return cls.model_validate(
            {
                **dict(SessionLauncher.of(launcher, source, shared)),
                "update_policy": launcher.policy.value,
                "rebuild_schedule": launcher.schedule.value,
                "next_rebuild_at": coming.at,
                "next_rebuild_note": coming.why or None,
                "source_id": launcher.source_id,
                "generation": launcher.generation,
                "available_image": launcher.available_image
                if launcher.has_offer
                else None,
                "image_pull_secret": builder.pull_secret(launcher.image or "") or None,
                "latest_build": latest,
                "pinned_at": launcher.pinned_at,
                "paused": f"{pause.clause}." if pause else None,
                "outdated": wanted is not None and wanted != launcher.image_key,
            }
        )
