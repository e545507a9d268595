"""What is served without the REST API: the door for forges, health and metrics."""

from typing import Final

from handlers.api.resources.system import (
    is_alive,
    is_ready,
    show_metrics,
    show_version,
)
from handlers.api.schemas.receipts import Alive, Ready, ReceiptResponse
from handlers.api.schemas.service import Version
from handlers.route import MediaType, Route, Surface, plain_route, webhook_route
from handlers.webhooks.endpoint import receiver_of
from service.forges.registry import FORGES

__all__ = ["DOOR_ROUTES"]


# fmt: off
DOOR_ROUTES: Final[tuple[Route, ...]] = (
    # For forges
    *(webhook_route(f"/webhooks/{forge.value}/{{hook_id}}", receiver_of(forge),
                    ReceiptResponse, spec.content_types)
      for forge, spec in FORGES.items()),
    # For machines that look around
    plain_route("/livez", is_alive, Alive, Surface.ALWAYS),
    plain_route("/healthz", is_alive, Alive, Surface.ALWAYS, operation="is_healthy"),
    plain_route("/readyz", is_ready, Ready, Surface.ALWAYS),
    plain_route("/version", show_version, Version, Surface.ALWAYS,
                operation="show_process_version"),
    plain_route("/metrics", show_metrics, MediaType.TEXT, Surface.ALWAYS),
)
# fmt: on
"""A part of `handlers.routes.ROUTES`."""
