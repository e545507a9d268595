"""What builds, and who was last seen when something else did."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from service.domain.source import SourceId

__all__ = ["Bases", "Outdated"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outdated:
    """A source with launchers whose images something else builds by now."""

    source_id: SourceId
    images: int
    """How many images that is: launchers with one frontend share theirs."""
    is_held: bool
    """Whether a failure or a wait holds one of them back: it has nothing newer."""


class Bases(Protocol):
    """The digests of builder and run images, and who is behind them."""

    async def digests(self) -> Mapping[str, str]:
        """Return what each image named by tag was last seen to be."""
        ...

    async def save(self, reference: str, *, digest: str, at: datetime) -> None: ...

    async def builders(self) -> Collection[tuple[str, str]]:
        """Return frontends with what would have built them, of launchers not manual."""
        ...

    async def outdated(
        self, builders: Collection[tuple[str, str]], *, limit: int
    ) -> Sequence[Outdated]:
        """Return sources of launchers that were last seen with one of these.

        Those that are held back first, then those without an image, then the oldest
        image. Not those that somebody asks to look at, and not of manual launchers.
        """
        ...
