"""What holds storage, whose it is, and what retention would remove."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from service.domain.building.retention import RetentionPolicy
from service.ports.store import Store
from service.ports.store.retention import ProjectUsage, StoredPart, UnusedImage
from service.ports.time import Clock

__all__ = ["PartUsage", "StorageUsage", "UsageReader"]

PROJECTS = 20
"""How many of the largest projects are listed."""
IMAGES = 1000
"""How many images are searched for those that nobody uses, oldest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PartUsage:
    """How much of one kind is stored, and how long it is kept."""

    name: str
    stored: StoredPart
    kept: timedelta
    """Zero for ever."""
    before: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageUsage:
    """All of it."""

    parts: Sequence[PartUsage]
    projects: Sequence[ProjectUsage]
    unused_images: Sequence[UnusedImage]
    """What the next rounds would remove, the oldest first; not all of it, if it is
    much."""


class UsageReader:
    """Measures what is stored; changes nothing."""

    def __init__(self, *, store: Store, clock: Clock, policy: RetentionPolicy) -> None:
        self._store = store
        self._clock = clock
        self._policy = policy

    async def read(self) -> StorageUsage:
        """Return what is stored now; it reads every row that it counts."""
        cutoffs = self._policy.cutoffs(self._clock.now())
        async with self._store.reading() as tx:
            parts = [
                PartUsage(
                    name=name,
                    stored=await tx.retention.measure(cutoffs.get(name), part=name),
                    kept=kept,
                    before=cutoffs.get(name),
                )
                for name, kept in self._policy.parts()
            ]
            projects = await tx.retention.usage_of_projects(limit=PROJECTS)
            unused: Sequence[UnusedImage] = []
            if "images" in cutoffs:
                unused, _ = await tx.retention.unused_images(
                    cutoffs["images"], limit=IMAGES
                )
        return StorageUsage(parts=parts, projects=projects, unused_images=unused)
