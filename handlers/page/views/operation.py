"""The operator's page: what runs, who waits for what, and what nobody could handle."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from handlers.app_keys import (
    BUILD_DESCRIBER,
    BUS,
    CLOCK,
    HOOK_DESCRIBER,
    STORE,
    USAGE,
)
from handlers.page.context import show, surroundings
from handlers.page.live import UPDATES, Parts, digest_of, send_parts
from handlers.page.rendering import RENDERER
from handlers.page.views.duration_plot import plot_lengths
from handlers.usecases.operation import gather_operation
from service.domain.rights.caller import ProjectId
from service.errors import NotFoundError, TransientError
from service.ports.bus import Bus, DeadLetter, QueueDepth
from service.ports.store import PageRequest, Transaction

__all__ = [
    "drop_letter",
    "requeue_letter",
    "show_operation",
    "show_storage",
    "stream_operation",
]

_HOOKS: Final = PageRequest(offset=0, limit=500)
"""More are counted by the metrics."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BusView:
    """What waits on the bus, and what nobody could handle."""

    queues: Sequence[QueueDepth] = ()
    letters: Sequence[DeadLetter] = ()
    problem: str = ""
    """Why nothing is known of it; empty where it answers."""


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
    async with app[STORE].reading() as tx:
        view = await gather_operation(tx, app[BUILD_DESCRIBER], app[CLOCK].now())
        hooks = await tx.hooks.list(_HOOKS)
        shown = await app[HOOK_DESCRIBER].describe(tx, hooks)
    markup = app[RENDERER].text(
        "operation_now.html",
        view=view,
        plot=plot_lengths(tuple(reversed(view.durations))),
        bus=await _view_bus(app[BUS]),
        hooks=Counter(hook.status for hook in shown),
        hook_count=hooks.total,
        **surroundings(request),
    )
    return {"now": markup}, bool(view.unfinished)


async def _view_bus(bus: Bus) -> BusView:
    try:
        return BusView(queues=await bus.depths(), letters=await bus.dead_letters())
    except TransientError as exc:
        # The page for the hour in which something is out of order.
        return BusView(problem=str(exc))


def _back() -> web.Response:
    return web.Response(status=303, headers={"Location": "/operation"})
