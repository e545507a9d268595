"""The whole HTTP side: every method and path, what goes in and what comes out.

For who serves the REST API: with it come all handlers and shapes.
"""

from typing import Final

from handlers.api.openapi import show_spec
from handlers.api.platform_routes import PLATFORM_ROUTES
from handlers.api.project_routes import PROJECT_ROUTES
from handlers.api.resources.builds import (
    add_build,
    change_build,
    list_builds,
    list_environment_builds,
    show_build,
    show_build_options,
    stream_logs,
)
from handlers.api.resources.dead_letters import (
    drop_dead_letter,
    list_dead_letters,
    requeue_dead_letter,
)
from handlers.api.resources.deliveries import (
    list_deliveries,
    replay_delivery,
    show_delivery,
)
from handlers.api.resources.events import show_contract, stream_events
from handlers.api.resources.explanations import explain
from handlers.api.resources.hooks import (
    add_hook,
    check_hook,
    list_hooks,
    remove_hook,
    retire_secret,
    rotate_secret,
    show_hook,
    test_hook,
)
from handlers.api.resources.launchers import (
    add_launcher,
    change_launcher,
    list_launchers,
    list_project_launchers,
    move_launcher,
    remove_launcher,
    show_launcher,
)
from handlers.api.resources.renku.builds import (
    add_session_build,
    change_session_build,
    list_session_builds,
    show_logs,
    show_session_build,
)
from handlers.api.resources.renku.environments import (
    add_environment,
    change_environment,
    list_environments,
    remove_environment,
    show_environment,
)
from handlers.api.resources.renku.launchers import (
    add_session_launcher,
    change_session_launcher,
    list_project_session_launchers,
    list_session_launchers,
    remove_session_launcher,
    show_session_launcher,
)
from handlers.api.resources.retries import retry_builds
from handlers.api.resources.simulations import simulate
from handlers.api.resources.sources import (
    list_evaluations,
    list_sources,
    request_evaluation,
)
from handlers.api.resources.status import show_status
from handlers.api.resources.system import show_reference, show_version
from handlers.api.resources.usage import show_usage
from handlers.api.schemas.builds import BuildDetails, BuildOptionsResponse
from handlers.api.schemas.dead_letters import DeadLetterResponse, DeadLettersQuery
from handlers.api.schemas.deliveries import DeliveryResponse
from handlers.api.schemas.explanations import Explanation, ExplanationQuery
from handlers.api.schemas.hooks import HookRequest, HookResponse, NewHook
from handlers.api.schemas.launchers import (
    LauncherDetails,
    LauncherPatch,
    LauncherPost,
    MoveRequest,
)
from handlers.api.schemas.receipts import ReceiptResponse
from handlers.api.schemas.renku.builds import (
    Build,
    BuildLogs,
    BuildPatch,
    LogsQuery,
    QueueQuery,
)
from handlers.api.schemas.renku.environment_responses import Environment
from handlers.api.schemas.renku.environments import (
    EnvironmentPatch,
    EnvironmentPost,
    EnvironmentsQuery,
)
from handlers.api.schemas.renku.launchers import (
    SessionLauncher,
    SessionLauncherPatch,
    SessionLauncherPost,
)
from handlers.api.schemas.retries import RetriesResponse, RetryRequest
from handlers.api.schemas.service import (
    BuildsQuery,
    CursorQuery,
    DeliveriesQuery,
    LauncherSearch,
    LaunchersQuery,
    LimitQuery,
    Version,
)
from handlers.api.schemas.simulations import Simulation, SimulationRequest
from handlers.api.schemas.sources import (
    EvaluationQueued,
    EvaluationResponse,
    SourceResponse,
)
from handlers.api.schemas.status import StatusResponse
from handlers.api.schemas.usage import UsageResponse
from handlers.api.update_routes import UPDATE_ROUTES
from handlers.door_routes import DOOR_ROUTES
from handlers.route import (
    ACCEPTED,
    OK,
    OURS,
    ListOf,
    MediaType,
    Route,
    Surface,
    delete,
    get,
    patch,
    plain_route,
    post,
)
from service.domain.rights.decision import Permission

__all__ = ["ROUTES"]

OPEN: Final = Permission.OPEN
ANYONE: Final = Permission.ANYONE
USER: Final = Permission.USER
VIEWER: Final = Permission.VIEWER
EDITOR: Final = Permission.EDITOR
EDITOR_BY_BODY: Final = Permission.EDITOR_BY_BODY
ADMIN: Final = Permission.ADMIN


# fmt: off
ROUTES: Final[tuple[Route, ...]] = (
    # Renku's
    get("/session_launchers", list_session_launchers, ListOf(SessionLauncher),
        LaunchersQuery, needs=ANYONE),
    post("/session_launchers", add_session_launcher, SessionLauncher,
         SessionLauncherPost, needs=EDITOR_BY_BODY),
    get("/session_launchers/{launcher_id}", show_session_launcher, SessionLauncher,
        needs=VIEWER),
    patch("/session_launchers/{launcher_id}", change_session_launcher,
          SessionLauncher, SessionLauncherPatch, needs=EDITOR),
    delete("/session_launchers/{launcher_id}", remove_session_launcher, needs=EDITOR),
    get("/projects/{project_id}/session_launchers", list_project_session_launchers,
        ListOf(SessionLauncher), LaunchersQuery, needs=VIEWER),
    get("/environments", list_environments, ListOf(Environment), EnvironmentsQuery,
        needs=ANYONE),
    post("/environments", add_environment, Environment, EnvironmentPost, needs=ADMIN),
    get("/environments/{environment_id}", show_environment, Environment,
        needs=ANYONE),
    patch("/environments/{environment_id}", change_environment, Environment,
          EnvironmentPatch, needs=ADMIN),
    delete("/environments/{environment_id}", remove_environment, needs=ADMIN),
    get("/environments/{environment_id}/builds", list_session_builds,
        ListOf(Build), LimitQuery, needs=VIEWER),
    post("/environments/{environment_id}/builds", add_session_build, Build,
         query=QueueQuery, needs=EDITOR),
    get("/builds/{build_id}", show_session_build, Build, needs=VIEWER),
    patch("/builds/{build_id}", change_session_build, Build, BuildPatch, needs=EDITOR),
    get("/builds/{build_id}/logs", show_logs, BuildLogs, LogsQuery, needs=VIEWER),
    get("/version", show_version, Version, needs=OPEN),
    *PLATFORM_ROUTES,
    *PROJECT_ROUTES,
    *UPDATE_ROUTES,
    # Renku's nouns, with all that is known of them
    get("/session_launchers", list_launchers, ListOf(LauncherDetails),
        LauncherSearch, needs=ANYONE, below=OURS),
    post("/session_launchers", add_launcher, LauncherDetails, LauncherPost,
         needs=EDITOR_BY_BODY, below=OURS),
    get("/session_launchers/{launcher_id}", show_launcher, LauncherDetails,
        needs=VIEWER, below=OURS),
    patch("/session_launchers/{launcher_id}", change_launcher, LauncherDetails,
          LauncherPatch, needs=EDITOR, below=OURS),
    delete("/session_launchers/{launcher_id}", remove_launcher,
           needs=EDITOR, below=OURS),
    post("/session_launchers/{launcher_id}/move", move_launcher,
         LauncherDetails, MoveRequest, OK, needs=EDITOR, below=OURS),
    get("/projects/{project_id}/session_launchers", list_project_launchers,
        ListOf(LauncherDetails), LaunchersQuery, needs=VIEWER, below=OURS),
    get("/environments/{environment_id}/builds", list_environment_builds,
        ListOf(BuildDetails), LimitQuery, needs=VIEWER, below=OURS),
    post("/environments/{environment_id}/builds", add_build, BuildDetails,
         query=QueueQuery, needs=EDITOR, below=OURS),
    get("/build_options", show_build_options, BuildOptionsResponse, needs=ANYONE,
        below=OURS),
    get("/builds", list_builds, ListOf(BuildDetails), BuildsQuery,
        needs=ANYONE, below=OURS),
    get("/builds/{build_id}", show_build, BuildDetails, needs=VIEWER, below=OURS),
    patch("/builds/{build_id}", change_build, BuildDetails, BuildPatch,
          needs=EDITOR, below=OURS),
    get("/builds/{build_id}/logs/stream", stream_logs, MediaType.STREAM,
        needs=VIEWER, below=OURS),
    post("/builds/retry", retry_builds, RetriesResponse, RetryRequest, ACCEPTED,
         needs=ADMIN, below=OURS),
    # Ours alone
    get("/hooks", list_hooks, ListOf(HookResponse), CursorQuery, needs=USER,
        below=OURS),
    post("/hooks", add_hook, NewHook, HookRequest, needs=EDITOR_BY_BODY, below=OURS),
    get("/hooks/{hook_id}", show_hook, HookResponse, needs=EDITOR, below=OURS),
    delete("/hooks/{hook_id}", remove_hook, needs=EDITOR, below=OURS),
    post("/hooks/{hook_id}/rotate", rotate_secret, NewHook, None, OK,
         needs=EDITOR, below=OURS),
    post("/hooks/{hook_id}/retire", retire_secret, HookResponse, None, OK,
         needs=EDITOR, below=OURS),
    post("/hooks/{hook_id}/check", check_hook, HookResponse, None, OK,
         needs=EDITOR, below=OURS),
    post("/hooks/{hook_id}/test", test_hook, MediaType.NOTHING,
         needs=EDITOR, below=OURS),
    get("/sources", list_sources, ListOf(SourceResponse), CursorQuery,
        needs=ANYONE, below=OURS),
    get("/sources/{source_id}/evaluations", list_evaluations,
        ListOf(EvaluationResponse), LimitQuery, needs=VIEWER, below=OURS),
    post("/sources/{source_id}/evaluations", request_evaluation,
        EvaluationQueued, None, ACCEPTED, needs=EDITOR, below=OURS),
    get("/deliveries", list_deliveries, ListOf(DeliveryResponse), DeliveriesQuery,
        needs=ANYONE, below=OURS),
    get("/deliveries/{delivery_id}", show_delivery, DeliveryResponse,
        needs=VIEWER, below=OURS),
    post("/deliveries/{delivery_id}/replay", replay_delivery,
         ReceiptResponse, None, ACCEPTED, needs=EDITOR, below=OURS),
    get("/explanations", explain, Explanation, ExplanationQuery,
        needs=ANYONE, below=OURS),
    post("/simulations", simulate, Simulation, SimulationRequest, OK,
         needs=USER, below=OURS),
    get("/events/stream", stream_events, MediaType.STREAM, needs=USER, below=OURS),
    get("/dead_letters", list_dead_letters, ListOf(DeadLetterResponse),
        DeadLettersQuery, needs=ADMIN, below=OURS),
    post("/dead_letters/{letter_id}/requeue", requeue_dead_letter, MediaType.NOTHING,
         needs=ADMIN, below=OURS),
    delete("/dead_letters/{letter_id}", drop_dead_letter, needs=ADMIN, below=OURS),
    get("/usage", show_usage, UsageResponse, needs=ADMIN, below=OURS),
    get("/status", show_status, StatusResponse, needs=ADMIN, below=OURS),
    # For people and machines that look around
    plain_route("/api/docs", show_reference, MediaType.HTML, Surface.API),
    plain_route("/api/spec.json", show_spec, MediaType.JSON, Surface.API),
    plain_route("/api/events", show_contract, MediaType.JSON, Surface.API),
    *DOOR_ROUTES,
)
# fmt: on
"""Every route, on one screen."""
