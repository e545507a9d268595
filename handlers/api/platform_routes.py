"""The routes that Renku's pages need beside launchers, environments and builds."""

from typing import Final

from handlers.api.resources.renku.platform import (
    check_image,
    list_alerts,
    list_resource_classes,
    list_resource_pools,
    show_persisted_logs,
    show_pool_class,
    show_repository,
    show_resource_class,
    show_resource_pool,
)
from handlers.api.schemas.renku.platform import (
    Alert,
    AlertsQuery,
    ClassesQuery,
    ImageCheck,
    ImageQuery,
    PersistedLogs,
    PoolResponse,
    PoolsQuery,
    RepositoryInfo,
    RepositoryQuery,
    ResourceClassResponse,
)
from handlers.route import ListOf, Route, get
from service.domain.rights.decision import Permission

__all__ = ["PLATFORM_ROUTES"]

ANYONE: Final = Permission.ANYONE

# fmt: off
PLATFORM_ROUTES: Final[tuple[Route, ...]] = (
    get("/persisted_logs/builds/{build_id}", show_persisted_logs, PersistedLogs,
        needs=Permission.VIEWER),
    get("/repository", show_repository, RepositoryInfo, RepositoryQuery, needs=ANYONE),
    get("/sessions/images", check_image, ImageCheck, ImageQuery, needs=ANYONE),
    get("/resource_pools", list_resource_pools, ListOf(PoolResponse), PoolsQuery,
        needs=ANYONE),
    get("/resource_pools/{pool_id}", show_resource_pool, PoolResponse, needs=ANYONE),
    get("/resource_pools/{pool_id}/classes", list_resource_classes,
        ListOf(ResourceClassResponse), ClassesQuery, needs=ANYONE),
    get("/resource_pools/{pool_id}/classes/{class_id}", show_pool_class,
        ResourceClassResponse, needs=ANYONE),
    get("/classes/{class_id}", show_resource_class, ResourceClassResponse,
        needs=ANYONE),
    get("/alerts", list_alerts, ListOf(Alert), AlertsQuery, needs=Permission.USER),
)
# fmt: on
"""Repositories, images, resource pools, alerts and kept logs."""
