"""The routes of pins, pauses, comparisons and statistics."""

from typing import Final

from handlers.api.resources.updates.pauses import (
    list_pauses,
    pause_everything,
    pause_project,
    resume_everything,
    resume_project,
)
from handlers.api.resources.updates.pins import (
    list_earlier_images,
    pin_launcher,
    roll_back_launcher,
    unpin_launcher,
)
from handlers.api.resources.updates.reports import compare_builds, show_statistics
from handlers.api.schemas.builds import BuildDetails
from handlers.api.schemas.launchers import LauncherDetails
from handlers.api.schemas.updates.pauses import (
    PauseRequest,
    PauseResponse,
    RollBackRequest,
)
from handlers.api.schemas.updates.reports import (
    ComparisonQuery,
    ImageComparison,
    StatisticsQuery,
    StatisticsResponse,
)
from handlers.route import OK, OURS, ListOf, Route, delete, get, post
from service.domain.rights.decision import Permission

__all__ = ["UPDATE_ROUTES"]

VIEWER: Final = Permission.VIEWER
EDITOR: Final = Permission.EDITOR
ADMIN: Final = Permission.ADMIN

# fmt: off
UPDATE_ROUTES: Final[tuple[Route, ...]] = (
    post("/session_launchers/{launcher_id}/pin", pin_launcher, LauncherDetails, None,
         OK, needs=EDITOR, below=OURS),
    post("/session_launchers/{launcher_id}/unpin", unpin_launcher, LauncherDetails,
         None, OK, needs=EDITOR, below=OURS),
    post("/session_launchers/{launcher_id}/rollback", roll_back_launcher,
         LauncherDetails, RollBackRequest, OK, needs=EDITOR, below=OURS),
    get("/session_launchers/{launcher_id}/images", list_earlier_images,
        ListOf(BuildDetails), needs=VIEWER, below=OURS),
    get("/builds/{build_id}/comparison", compare_builds, ImageComparison,
        ComparisonQuery, needs=VIEWER, below=OURS),
    get("/statistics", show_statistics, StatisticsResponse, StatisticsQuery,
        needs=Permission.ANYONE, below=OURS),
    get("/pauses", list_pauses, ListOf(PauseResponse), needs=Permission.ANYONE,
        below=OURS),
    post("/pause", pause_everything, PauseResponse, PauseRequest, OK, needs=ADMIN,
         below=OURS),
    delete("/pause", resume_everything, needs=ADMIN, below=OURS),
    post("/projects/{project_id}/pause", pause_project, PauseResponse, PauseRequest,
         OK, needs=EDITOR, below=OURS),
    delete("/projects/{project_id}/pause", resume_project, needs=EDITOR, below=OURS),
)
# fmt: on
"""How launchers are updated, and what that saved."""
