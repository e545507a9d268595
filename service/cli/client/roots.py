"""Below which root of the REST API something is asked for: Renku's, or ours."""

from collections.abc import Sequence
from typing import Final

__all__ = ["NOUNS_OF_OURS", "OURS", "RENKU", "root_of"]

RENKU: Final = "/api/data"
OURS: Final = "/api/relaunch"
NOUNS_OF_OURS: Final = frozenset(
    {
        "build_options",
        "builds",
        "dead_letters",
        "deliveries",
        "events",
        "explanations",
        "hooks",
        "pause",
        "pauses",
        "session_launchers",
        "sign_in_links",
        "simulations",
        "sources",
        "statistics",
        "status",
        "tokens",
        "usage",
    }
)
"""What is read below `/api/relaunch`; all else has Renku's shapes only."""
OURS_INSIDE: Final = frozenset({"builds", "pause", "repositories", "session_launchers"})
"""What is read there of Renku's nouns, such as a project."""


def root_of(path: Sequence[str]) -> str:
    """Return the root for a path, given as its segments."""
    ours = path[0] in NOUNS_OF_OURS or path[-1] in OURS_INSIDE
    # Renku serves logs of builds below /api/data, and only the stream is ours.
    return OURS if ours and path[-1] != "logs" else RENKU
