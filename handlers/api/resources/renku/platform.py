"""What Renku's pages ask beside launchers: repositories, images, pools, alerts."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final

from aiohttp import web

from handlers.api.access import visible_to
from handlers.api.build_requests import build_id_of
from handlers.api.preconditions import entity_tag, with_etag
from handlers.api.requests import read_query
from handlers.api.responses import json_list, json_response
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
    RepositoryMetadata,
    RepositoryQuery,
    ResourceClassResponse,
)
from handlers.app_keys import ALERTS, CLOCK, POOLS, REPOSITORIES, STORE
from handlers.auth import caller_of
from service.domain.building.build import BuildId, Rebuild
from service.domain.building.resource_pool import ResourceClass, ResourcePool
from service.errors import NotFoundError
from service.ports.store import LogLine, PageRequest, Transaction
from service.usecases.platform.failure_alerts import FailureAlert
from service.usecases.platform.repository_lookup import (
    FoundRepository,
    UrlProblem,
)

__all__ = [
    "check_image",
    "check_resource_class",
    "join_sentences",
    "list_alerts",
    "list_resource_classes",
    "list_resource_pools",
    "show_persisted_logs",
    "show_pool_class",
    "show_repository",
    "show_resource_class",
    "show_resource_pool",
]

LAUNCHERS: Final = 20
"""How many launchers of an image are read: one that the caller sees is enough."""
ALERTED: Final = timedelta(days=30)
"""How long a failure is listed; whoever left it that long knows."""


async def show_repository(request: web.Request) -> web.Response:
    """Show whether a repository can be built from, and whether the caller reads it.

    304 to who has this answer already.
    """
    url = read_query(request, RepositoryQuery).url
    found = await request.app[REPOSITORIES].find(caller_of(request), url)
    answer = _describe(found)
    return with_etag(request, json_response(answer), entity_tag(answer))


def _describe(found: FoundRepository | UrlProblem | None) -> RepositoryInfo:
    match found:
        case FoundRepository(url=url, is_private=is_private):
            is_page = url.startswith(("https://", "http://"))
            return RepositoryInfo(
                status="valid",
                metadata=RepositoryMetadata(
                    git_url=url,
                    web_url=url.removesuffix(".git") if is_page else None,
                    pull_permission=True,
                    visibility="private" if is_private else "public",
                ),
            )
        case UrlProblem.UNKNOWN:
            return RepositoryInfo(status="unknown", error_code=UrlProblem.UNKNOWN.value)
        case UrlProblem():
            return RepositoryInfo(status="invalid", error_code=found.value)
        case None:
            return RepositoryInfo(status="unknown")


async def check_image(request: web.Request) -> web.Response:
    """Check that the caller may start sessions from an image.

    Known are the images of global environments and of launchers that the caller sees,
    and what was built for those; registries are not asked.
    """
    image = read_query(request, ImageQuery).image_url
    async with request.app[STORE].reading() as tx:
        platforms = await _platforms(request, tx, image)
    if platforms is None:
        return json_response(ImageCheck(accessible=False))
    return json_response(ImageCheck.of(platforms))


async def _platforms(
    request: web.Request, tx: Transaction, image: str
) -> list[str] | None:
    """Return the known platforms of an image; None where it is not the caller's."""
    found = await tx.launchers.list(
        PageRequest(limit=LAUNCHERS), image=image, visible=visible_to(request)
    )
    if found.items:
        return [launcher.platform for launcher in found if launcher.platform]
    shared = await tx.environments.list(with_archived=True)
    return [] if any(environment.image == image for environment in shared) else None


async def list_resource_pools(request: web.Request) -> web.Response:
    """List the resource pools that the installation's settings name."""
    query = read_query(request, PoolsQuery)
    return json_list([PoolResponse.of(pool, query) for pool in request.app[POOLS]])


async def show_resource_pool(request: web.Request) -> web.Response:
    """Show a resource pool."""
    return json_response(PoolResponse.of(_pool(request)))


async def list_resource_classes(request: web.Request) -> web.Response:
    """List the classes of a resource pool."""
    begins = read_query(request, ClassesQuery).name or ""
    return json_list(
        [
            ResourceClassResponse.of(known)
            for known in _pool(request).classes
            if known.name.startswith(begins)
        ]
    )


async def show_pool_class(request: web.Request) -> web.Response:
    """Show a class of a resource pool."""
    return _answer_class(request, _pool(request).classes)


async def show_resource_class(request: web.Request) -> web.Response:
    """Show a resource class, of whatever pool."""
    return _answer_class(request, _classes(request))


def _answer_class(
    request: web.Request, classes: Iterable[ResourceClass]
) -> web.Response:
    name = request.match_info["class_id"]
    for known in classes:
        if str(known.id) == name:
            return json_response(ResourceClassResponse.of(known))
    raise NotFoundError(f"The resource class with ID {name[:60]} cannot be found")


def _classes(request: web.Request) -> Sequence[ResourceClass]:
    return [each for pool in request.app[POOLS] for each in pool.classes]


def _pool(request: web.Request) -> ResourcePool:
    name = request.match_info["pool_id"]
    for pool in request.app[POOLS]:
        if str(pool.id) == name:
            return pool
    raise NotFoundError(f"The resource pool with id {name[:60]} cannot be found.")


def check_resource_class(request: web.Request, asked: int | None) -> None:
    """Check that a class of resources exists, where the settings name any.

    Raises:
        NotFoundError: It does not.
    """
    known = [each.id for each in _classes(request)]
    if asked is not None and known and asked not in known:
        raise NotFoundError(
            f"Resource class with id '{asked}' does not exist; expected one of "
            f"{', '.join(map(str, known))}."
        )


async def list_alerts(request: web.Request) -> web.Response:
    """List the builds of the caller's launchers whose last attempt failed.

    An alert ends with the next build of its launcher.
    """
    if read_query(request, AlertsQuery).session_name is not None:
        return json_list([])  # alerts of sessions are Renku's own
    user = caller_of(request).user
    since = request.app[CLOCK].now() - ALERTED
    alerts = await request.app[ALERTS].list(caller_of(request), since=since)
    return json_list([_alert(alert, user.id if user else "") for alert in alerts])


def _alert(alert: FailureAlert, user: str) -> Alert:
    failure, launcher = alert.rebuild.failure, alert.launcher
    why = (failure.message, failure.hint) if failure else ("It failed",)
    kept = "Sessions start from the image before." if launcher.image else ""
    return Alert(
        id=alert.rebuild.id,
        title=f"The environment of {launcher.name} could not be built",
        message=join_sentences(*why, kept),
        event_type="build_failed",
        user_id=user,
        creation_date=alert.rebuild.completed_at or alert.rebuild.created_at,
    )


def join_sentences(*texts: str) -> str:
    """Return texts as sentences, one behind the other; empty ones are left out."""
    given = (text.strip() for text in texts)
    ends = (".", "!", "?", ":", "…")
    return " ".join(
        text if text.endswith(ends) else f"{text}." for text in given if text
    )


async def show_persisted_logs(request: web.Request) -> web.Response:
    """Show the log of a build by phase, as long as it is kept."""
    async with request.app[STORE].reading() as tx:
        rebuild = await tx.rebuilds.get(build_id_of(request))
        lines = await _lines(tx, rebuild.build_id) if rebuild.build_id else []
    return json_response(PersistedLogs.of(lines, _began(rebuild)))


def _began(rebuild: Rebuild) -> datetime:
    return rebuild.started_at or rebuild.created_at


async def _lines(tx: Transaction, build: BuildId) -> list[LogLine]:
    lines: list[LogLine] = []
    while page := await tx.logs.read(build, after=lines[-1].seq if lines else 0):
        lines += page
    return lines
