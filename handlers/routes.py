"""The whole HTTP side: every method and path, what goes in and what comes out."""

from typing import Final

from handlers.builds import (
    add_build,
    change_build,
    list_builds,
    list_environment_builds,
    show_build,
    show_logs,
    stream_logs,
)
from handlers.dead_letters import (
    drop_dead_letter,
    list_dead_letters,
    requeue_dead_letter,
)
from handlers.deliveries import list_deliveries, replay_delivery, show_delivery
from handlers.events import show_contract, stream_events
from handlers.explain import explain
from handlers.health import is_alive, is_ready
from handlers.hooks import (
    add_hook,
    check_hook,
    list_hooks,
    remove_hook,
    retire_secret,
    rotate_secret,
    show_hook,
    test_hook,
)
from handlers.landing import show_landing
from handlers.launchers import (
    add_launcher,
    change_launcher,
    list_launchers,
    list_project_launchers,
    move_launcher,
    remove_launcher,
    show_launcher,
)
from handlers.metrics import show_metrics
from handlers.openapi import show_spec
from handlers.retries import retry_builds
from handlers.route import (
    ACCEPTED,
    OK,
    Kind,
    Many,
    Part,
    Route,
    bare,
    delete,
    get,
    hook,
    patch,
    post,
)
from handlers.shapes.builds import Build, BuildLogs, BuildPatch, LogsQuery
from handlers.shapes.dead_letters import DeadLettersQuery, DeadLetterTold
from handlers.shapes.deliveries import DeliveryTold
from handlers.shapes.explanations import ExplanationQuery, Story
from handlers.shapes.hooks import HookPost, HookTold, NewHook
from handlers.shapes.launchers import (
    LauncherPatch,
    LauncherPost,
    MoveRequest,
    SessionLauncher,
)
from handlers.shapes.receipts import Alive, Ready, ReceiptTold
from handlers.shapes.retries import RetriesTold, RetryPost
from handlers.shapes.service import (
    DeliveriesQuery,
    LaunchersQuery,
    LimitQuery,
    PageQuery,
    Version,
)
from handlers.shapes.simulations import Simulation, SimulationPost
from handlers.shapes.sources import Asked, EvaluationTold, SourceTold
from handlers.simulate import simulate
from handlers.sources import list_evaluations, list_sources, look_now
from handlers.version import show_version
from handlers.webhooks import receive_from_github, receive_from_gitlab

__all__ = ["ROUTES"]

# fmt: off
ROUTES: Final[tuple[Route, ...]] = (
    # Renku's
    get("/session_launchers", list_launchers, Many(SessionLauncher), LaunchersQuery),
    post("/session_launchers", add_launcher, SessionLauncher, LauncherPost),
    get("/session_launchers/{launcher_id}", show_launcher, SessionLauncher),
    patch("/session_launchers/{launcher_id}", change_launcher,
          SessionLauncher, LauncherPatch),
    delete("/session_launchers/{launcher_id}", remove_launcher),
    get("/projects/{project_id}/session_launchers", list_project_launchers,
        Many(SessionLauncher), LaunchersQuery),
    get("/environments/{environment_id}/builds", list_environment_builds,
        Many(Build), LimitQuery),
    post("/environments/{environment_id}/builds", add_build, Build),
    get("/builds/{build_id}", show_build, Build),
    patch("/builds/{build_id}", change_build, Build, BuildPatch),
    get("/builds/{build_id}/logs", show_logs, BuildLogs, LogsQuery),
    get("/version", show_version, Version),
    # Ours beside
    post("/session_launchers/{launcher_id}/move", move_launcher,
         SessionLauncher, MoveRequest, OK),
    get("/builds", list_builds, Many(Build), LimitQuery),
    post("/builds/retry", retry_builds, RetriesTold, RetryPost, ACCEPTED),
    get("/builds/{build_id}/logs/stream", stream_logs, Kind.STREAM),
    get("/hooks", list_hooks, Many(HookTold), PageQuery),
    post("/hooks", add_hook, NewHook, HookPost),
    get("/hooks/{hook_id}", show_hook, HookTold),
    delete("/hooks/{hook_id}", remove_hook),
    post("/hooks/{hook_id}/rotate", rotate_secret, NewHook, None, OK),
    post("/hooks/{hook_id}/retire", retire_secret, HookTold, None, OK),
    post("/hooks/{hook_id}/check", check_hook, HookTold, None, OK),
    post("/hooks/{hook_id}/test", test_hook, Kind.NOTHING),
    get("/sources", list_sources, Many(SourceTold), PageQuery),
    get("/sources/{source_id}/evaluations", list_evaluations,
        Many(EvaluationTold), LimitQuery),
    post("/sources/{source_id}/look", look_now, Asked, None, ACCEPTED),
    get("/deliveries", list_deliveries, Many(DeliveryTold), DeliveriesQuery),
    get("/deliveries/{delivery_id}", show_delivery, DeliveryTold),
    post("/deliveries/{delivery_id}/replay", replay_delivery,
         ReceiptTold, None, ACCEPTED),
    get("/explanations", explain, Story, ExplanationQuery),
    post("/simulations", simulate, Simulation, SimulationPost, OK),
    get("/events/stream", stream_events, Kind.STREAM),
    get("/dead_letters", list_dead_letters, Many(DeadLetterTold), DeadLettersQuery),
    post("/dead_letters/{letter_id}/requeue", requeue_dead_letter, Kind.NOTHING),
    delete("/dead_letters/{letter_id}", drop_dead_letter),
    # For forges
    hook("/webhooks/github/{hook_id}", receive_from_github, ReceiptTold),
    hook("/webhooks/gitlab/{hook_id}", receive_from_gitlab, ReceiptTold),
    # For people and machines that look around
    bare("/", show_landing, Kind.HTML, Part.API),
    bare("/api/spec.json", show_spec, Kind.JSON, Part.API),
    bare("/api/events", show_contract, Kind.JSON, Part.API),
    bare("/healthz", is_alive, Alive, Part.ALWAYS),
    bare("/readyz", is_ready, Ready, Part.ALWAYS),
    bare("/metrics", show_metrics, Kind.TEXT, Part.ALWAYS),
)
# fmt: on
"""Every route, on one screen."""
