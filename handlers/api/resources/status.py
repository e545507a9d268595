"""The service at a glance, for operators."""

from aiohttp import web

from handlers.api.responses import json_response
from handlers.api.schemas.status import StatusResponse
from handlers.app_keys import BUS, CLOCK, RECEIVER, STORE, VERSION
from service.ports.store import LEADER

__all__ = ["show_status"]


async def show_status(request: web.Request) -> web.Response:
    """Show what waits, and since when."""
    app = request.app
    # Before the transaction: a broker that is slow must not hold a connection.
    depths = await app[BUS].depths()
    async with app[STORE].reading() as tx:
        now = app[CLOCK].now()
        state = await tx.state.read(now)
        without_build = await tx.launchers.count_without_build()
        # One process that is the whole service takes no lease.
        has_leader = app[RECEIVER].is_alone or await tx.leases.is_held(LEADER, now=now)
    found = StatusResponse.of(
        state,
        depths,
        now=now,
        version=app[VERSION],
        has_leader=has_leader,
        without_build=without_build,
    )
    return json_response(found)
