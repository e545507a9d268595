"""The operator's page: what runs, who waits for what, and what nobody could handle."""

from collections.abc import Iterable, Mapping
from contextlib import suppress

from aiohttp import web

from handlers.app_keys import BUILD_DESCRIBER, BUS, CLOCK, STORE, USAGE
from handlers.page.context import show, surroundings
from handlers.page.live import UPDATES, Parts, digest_of, send_parts
from handlers.page.rendering import RENDERER
from handlers.usecases.operation import gather_operation
from service.domain.rights.caller import ProjectId
from service.errors import NotFoundError
from service.ports.store import Transaction

__all__ = [
    "drop_letter",
    "requeue_letter",
    "show_operation",
    "show_storage",
    "stream_operation",
]


async def show_operation(request: web.Request) -> web.Response:
    """Show the whole service."""
    parts, _ = await _render(request)
    stream = f"/live/operation?seen={digest_of(parts)}"
    return show(request, "operation.html", parts=parts, stream=stream)


async def show_storage(request: web.Request) -> web.Response:
    """Show what is stored; apart, since it reads every row that it counts."""
    usage = await request.app[USAGE].read()
    async with request.app[STORE].reading() as tx:
        names = await _names(tx, [each.project_id for each in usage.projects])
    return show(request, "operation_storage.html", usage=usage, names=names)


async def stream_operation(request: web.Request) -> web.StreamResponse:
    """Send the page again whenever it changed."""

    async def render() -> tuple[Parts, bool]:
        return await _render(request)

    return await send_parts(request, request.app[UPDATES], render)


async def requeue_letter(request: web.Request) -> web.Response:
    """Give a message that nobody could handle to its role again."""
    await request.app[BUS].requeue(request.match_info["letter_id"])
    return _back()


async def drop_letter(request: web.Request) -> web.Response:
    """Forget a message that nobody could handle."""
    await request.app[BUS].drop(request.match_info["letter_id"])
    return _back()


async def _names(tx: Transaction, projects: Iterable[str]) -> Mapping[str, str]:
    found = {}
    for name in projects:
        with suppress(NotFoundError):
            found[name] = (await tx.projects.get(ProjectId(name))).name
    return found


async def _render(request: web.Request) -> tuple[Parts, bool]:
    app = request.app
    letters = await app[BUS].dead_letters()
    async with app[STORE].reading() as tx:
        view = await gather_operation(tx, app[BUILD_DESCRIBER], app[CLOCK].now())
    markup = app[RENDERER].text(
        "operation_now.html", view=view, letters=letters, **surroundings(request)
    )
    return {"now": markup}, bool(view.unfinished)


def _back() -> web.Response:
    return web.Response(status=303, headers={"Location": "/operation"})
