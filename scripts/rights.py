"""The table of routes and roles, made from the route table: a part of `make docs`."""

from collections.abc import Iterable, Mapping
from typing import Final

from handlers.route import Route
from handlers.routes import ROUTES
from service.domain.rights.decision import Permission

__all__ = ["ANSWERS", "CALLERS", "rights"]

CALLERS: Final = ("anonymous", "viewer", "editor", "owner", "admin")
"""The columns: what a caller is in the project of what is named."""

_YES: Final = "yes"
_OWN: Final = "own"
"""The answer holds only what is the caller's; of a body, the project that it names."""


_NEEDS_NOTHING: Final = (_YES,) * len(CALLERS)
_EDITORS: Final = ("401", "404", _YES, _YES, _YES)
ANSWERS: Final[Mapping[Permission, tuple[str, ...]]] = {
    Permission.OPEN: _NEEDS_NOTHING,
    Permission.SIGNATURE: _NEEDS_NOTHING,
    Permission.ANYONE: (_OWN, _OWN, _OWN, _OWN, _YES),
    Permission.USER: ("401", _OWN, _OWN, _OWN, _YES),
    Permission.VIEWER: ("404", _YES, _YES, _YES, _YES),
    Permission.EDITOR: _EDITORS,
    Permission.EDITOR_BY_BODY: _EDITORS,
    Permission.OWNER: ("401", "404", "404", _YES, _YES),
    Permission.ADMIN: ("401", "403", "403", "403", _YES),
}
"""What each caller gets: `yes`, `own` or the status of the refusal."""


def rights() -> str:
    """Return the table in Markdown."""
    lines = [
        f"| | {' | '.join(CALLERS)} |",
        f"|---|{'---|' * len(CALLERS)}",
        *(_line(route) for route in _sorted(ROUTES)),
    ]
    return "\n".join(lines)


def _sorted(routes: Iterable[Route]) -> list[Route]:
    return sorted(routes, key=lambda route: (route.path, route.method))


def _line(route: Route) -> str:
    cells = " | ".join(ANSWERS[route.needs])
    return f"| `{route.method} {route.path}` | {cells} |"
