"""Global environments: ready images that launchers of all projects may take."""

from http import HTTPStatus

from aiohttp import web

from handlers.api.build_requests import environment_id_of
from handlers.api.preconditions import check_version, entity_tag, with_etag
from handlers.api.requests import read_body, read_query
from handlers.api.resources.renku.commands import command_to_edit, new_image
from handlers.api.responses import json_list, json_response, no_content
from handlers.api.schemas.renku.environment_responses import Environment
from handlers.api.schemas.renku.environments import (
    EnvironmentPatch,
    EnvironmentPost,
    EnvironmentsQuery,
)
from handlers.app_keys import ENVIRONMENTS, STORE
from service.domain.building.environment import GlobalEnvironment
from service.ports.store import Transaction
from service.usecases.environments.editor import EnvironmentGuard

__all__ = [
    "add_environment",
    "change_environment",
    "list_environments",
    "remove_environment",
    "show_environment",
]


async def list_environments(request: web.Request) -> web.Response:
    """List the global environments, oldest first; archived ones where asked for."""
    query = read_query(request, EnvironmentsQuery)
    async with request.app[STORE].reading() as tx:
        found = await tx.environments.list(with_archived=query.include_archived)
    return json_list([Environment.of(environment) for environment in found])


async def add_environment(request: web.Request) -> web.Response:
    """Add a global environment."""
    asked = await read_body(request, EnvironmentPost)
    environment = await request.app[ENVIRONMENTS].add(
        new_image(asked), is_archived=asked.is_archived
    )
    return _answer(request, environment, status=HTTPStatus.CREATED)


async def show_environment(request: web.Request) -> web.Response:
    """Show a global environment; those of one launcher are shown with it."""
    async with request.app[STORE].reading() as tx:
        environment = await tx.environments.get(environment_id_of(request))
    return _answer(request, environment)


async def change_environment(request: web.Request) -> web.Response:
    """Change a global environment, for all launchers that take it."""
    asked = await read_body(request, EnvironmentPatch)
    environment = await request.app[ENVIRONMENTS].change(
        environment_id_of(request), command_to_edit(asked), _guard(request)
    )
    return _answer(request, environment)


async def remove_environment(request: web.Request) -> web.Response:
    """Remove a global environment that no launcher takes; one gone stays so."""
    await request.app[ENVIRONMENTS].remove(environment_id_of(request), _guard(request))
    return no_content()


def _guard(request: web.Request) -> EnvironmentGuard:
    async def guard(tx: Transaction, environment: GlobalEnvironment) -> None:
        del tx
        check_version(request, Environment.of(environment))

    return guard


def _answer(
    request: web.Request,
    environment: GlobalEnvironment,
    *,
    status: HTTPStatus = HTTPStatus.OK,
) -> web.Response:
    shown = Environment.of(environment)
    return with_etag(request, json_response(shown, status=status), entity_tag(shown))
