"""How long what happened stays, and images that nobody starts from."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self

__all__ = ["RetentionPolicy"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionPolicy:
    """How long each part is kept; zero is for ever."""

    log_lines: timedelta
    """After the end of the build."""
    evaluations: timedelta
    deliveries: timedelta
    builds: timedelta
    """Finished rebuilds and builds."""
    images: timedelta
    """Images that nothing names, after their build."""

    @classmethod
    def forever(cls) -> Self:
        """Return the policy that removes nothing."""
        never = timedelta(0)
        return cls(
            log_lines=never,
            evaluations=never,
            deliveries=never,
            builds=never,
            images=never,
        )

    def parts(self) -> Iterator[tuple[str, timedelta]]:
        """Yield what is measured and removed, with how long it is kept."""
        yield "log_lines", self.log_lines
        yield "evaluations", self.evaluations
        yield "deliveries", self.deliveries
        yield "rebuilds", self.builds
        yield "builds", self.builds
        yield "images", self.images

    def cutoffs(self, now: datetime) -> dict[str, datetime]:
        """Return before when each part is old; what is kept for ever is left out."""
        return {name: now - kept for name, kept in self.parts() if kept}
