"""Puts the pages into the application."""

from collections.abc import Sequence
from dataclasses import dataclass

from aiohttp import web

from handlers import app_keys as keys
from handlers.page.guard import PageGuard
from handlers.page.keys import OPTIONS, PROBER, PageOptions
from handlers.page.live import UPDATES, PageUpdates
from handlers.route import Handler
from service.usecases.environments.probe import RepositoryProber

__all__ = ["PageRoute", "add_pages"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PageRoute:
    """One page, with its own way in."""

    method: str
    path: str
    handler: Handler
    guard: PageGuard


def add_pages(
    app: web.Application,
    options: PageOptions,
    prober: RepositoryProber,
) -> Sequence[PageRoute]:
    """Add what pages need beside the use cases; return their routes."""
    # A receiver of webhooks alone starts without the library of templates.
    from handlers.page.rendering import RENDERER, Renderer  # noqa: PLC0415
    from handlers.page.routes import PAGES  # noqa: PLC0415

    app[OPTIONS], app[PROBER] = options, prober
    app[RENDERER] = renderer = Renderer(version=app[keys.VERSION])
    app[UPDATES] = updates = PageUpdates(
        bus=app[keys.BUS],
        clock=app[keys.CLOCK],
        prepare=renderer.compile_templates,
    )
    app[keys.ERROR_PAGE] = renderer.error
    app.on_shutdown.append(updates.close)
    return [
        PageRoute(
            method=page.method,
            path=page.path,
            handler=page.handler,
            guard=PageGuard.of(page.guard),
        )
        for page in PAGES
    ]
