"""The port of what is kept for a while only: what is old, and what nobody uses."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from service.domain.building.build import Build, BuildId, Rebuild

__all__ = ["IMAGES_KEPT", "ProjectUsage", "Retention", "StoredPart", "UnusedImage"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredPart:
    """How much of one kind is stored, and how much of it is old."""

    count: int
    size: int
    """Bytes, or characters of text; 0 where nobody measures it."""
    oldest: datetime | None
    old: int
    """How many are from before the time that was asked about, in use or not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectUsage:
    """What is stored for one project."""

    project_id: str
    builds: int
    images: int
    image_size: int
    """Bytes of images that are there, as their builders measured them."""
    log_size: int
    """Characters of build logs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnusedImage:
    """An image that nothing names, and the build that made it."""

    build: Build
    is_environment_gone: bool
    """Whether the environment that it was built for has no launcher any more."""

    @property
    def reference(self) -> str:
        """The image."""
        assert self.build.image is not None
        return self.build.image.reference


class Retention(Protocol):
    """Removal in batches: each call removes at most `limit` of what is old enough.

    What is unfinished, and what something kept refers to, stays whatever its age.
    """

    async def remove_logs(self, before: datetime, *, limit: int) -> int:
        """Remove logs of builds that ended before; return how many.

        The build and its outcome stay.
        """
        ...

    async def remove_evaluations(self, before: datetime, *, limit: int) -> int:
        """Remove evaluations but for the last of each source, and those of rebuilds."""
        ...

    async def remove_deliveries(self, before: datetime, *, limit: int) -> int:
        """Remove records of deliveries."""
        ...

    async def remove_rebuilds(self, before: datetime, *, limit: int) -> int:
        """Remove finished rebuilds but for those that `used_images` reads."""
        ...

    async def remove_builds(self, before: datetime, *, limit: int) -> int:
        """Remove finished builds, with their logs, that no rebuild refers to.

        A build whose image is still there stays.
        """
        ...

    async def unused_images(
        self, before: datetime, *, limit: int, after: Build | None = None
    ) -> tuple[Sequence[UnusedImage], Build | None]:
        """Return of some builds that ended before, oldest first, images nobody names.

        Returns:
            The images of builds among the next `limit` ones, and the last of these,
            to go on after; None when there are no more.
        """
        ...

    async def used_images(self, candidates: Sequence[Build]) -> Collection[str]:
        """Return which images of these builds something names or may need.

        That is: a launcher or a global environment starts from it or is offered it; it
        is the newest image of a key that a launcher has or wants; it is one of the last
        `IMAGES_KEPT` good ones of a launcher; or an unfinished build reuses it.
        """
        ...

    async def mark_removed(self, build: BuildId, at: datetime | None) -> None:
        """Note that the image of a build is about to be removed, so nobody takes it.

        Args:
            build: The build; its image is its key's no longer.
            at: When; None takes the note back.
        """
        ...

    async def removed_images(self, of: Sequence[Rebuild]) -> Collection[str]:
        """Return which images of these rebuilds were removed."""
        ...

    async def measure(self, before: datetime | None, *, part: str) -> StoredPart:
        """Count a part of those that `RetentionPolicy` names."""
        ...

    async def usage_of_projects(self, *, limit: int) -> Sequence[ProjectUsage]:
        """Return what the largest projects store, largest images first."""
        ...


IMAGES_KEPT = 3
"""How many good images of each launcher stay whatever their age: the last good state,
and two to roll back to."""
