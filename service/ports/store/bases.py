"""The port of base images: current digests, and launchers built with older ones."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from service.domain.source import SourceId

__all__ = ["Bases", "Outdated"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outdated:
    """A source with launchers whose images were built with an older builder."""

    source_id: SourceId
    images: int
    """How many images are outdated: launchers with the same frontend share one."""
    is_held: bool
    """Whether one of the launchers is held after a failure or a cancellation."""


class Bases(Protocol):
    """The digests of builder and run images, and the sources that are outdated."""

    async def digests(self) -> Mapping[str, str]:
        """Return the last known digest of each image that is named by tag."""
        ...

    async def save(self, reference: str, *, digest: str, at: datetime) -> None: ...

    async def fingerprint(self, name: str) -> str | None:
        """Return the last saved fingerprint, such as that of the settings, if any."""
        ...

    async def fingerprint_at(self, name: str) -> datetime | None:
        """Return when the fingerprint was saved; None when there is none."""
        ...

    async def save_fingerprint(
        self, name: str, fingerprint: str, *, at: datetime
    ) -> None: ...

    async def builders(self) -> Collection[tuple[str, str]]:
        """Return the pairs of frontend and builder image of launchers not manual."""
        ...

    async def outdated(
        self, builders: Collection[tuple[str, str]], *, limit: int
    ) -> Sequence[Outdated]:
        """Return sources of launchers whose last evaluation used one of these builders.

        Held ones first, then those without an image, then by the oldest image. Without
        sources whose evaluation is queued, and without manual launchers.
        """
        ...
