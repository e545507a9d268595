"""Pauses: nothing is built by itself in a project, or in all of them.

Deliveries are still taken and recorded, and sources evaluated: a launcher says what it
misses. What people request is built. When the pause ends, reconciliation finds every
launcher that is behind, so nothing has to be caught up by hand.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

__all__ = ["EVERYWHERE", "Pause"]

EVERYWHERE: Final = "*"
"""The scope of a pause of all projects."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """A pause of all automatic work, somewhere."""

    scope: str
    """The id of a project, or `EVERYWHERE`."""
    since: datetime
    by: str | None = None
    """The id of the user who paused it; None where users have none."""
    reason: str = ""
    """What they wrote about it."""

    @property
    def where(self) -> str:
        """Where nothing is built by itself, in words."""
        return "everywhere" if self.scope == EVERYWHERE else "in this project"

    @property
    def sentence(self) -> str:
        """What it means for a launcher."""
        return (
            f"Not rebuilt: {self.clause}; whoever is behind is rebuilt when the pause "
            "ends."
        )

    @property
    def clause(self) -> str:
        """What it is, as part of a sentence."""
        because = f" ({self.reason})" if self.reason else ""
        return (
            f"automatic work is paused {self.where} since "
            f"{self.since:%Y-%m-%d %H:%M} UTC{because}"
        )
