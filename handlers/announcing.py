"""The announcer of an application."""

from aiohttp import web

from handlers.keys import CLOCK, IDS, METRICS
from service.announcing import Announcer

__all__ = ["announcer_of"]


def announcer_of(app: web.Application) -> Announcer:
    """Return what writes events into the outbox of a transaction."""
    return Announcer(clock=app[CLOCK], ids=app[IDS], metrics=app[METRICS])
