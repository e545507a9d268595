"""Deliveries of forges: what arrived, and what became of it at the door."""

from aiohttp import web

from handlers.answering import tell, tell_all
from handlers.keys import STORE
from handlers.reading import named, read_query
from handlers.shapes.deliveries import DeliveryTold
from handlers.shapes.service import DeliveriesQuery
from service.domain.delivery import DeliveryId
from service.domain.hook import HookId

__all__ = ["list_deliveries", "show_delivery"]


async def list_deliveries(request: web.Request) -> web.Response:
    """List deliveries, newest first."""
    query = read_query(request, DeliveriesQuery)
    hook = HookId(query.hook) if query.hook else None
    async with request.app[STORE].reading() as tx:
        records = await tx.deliveries.list(hook=hook, limit=query.limit)
    return tell_all([DeliveryTold.of(it) for it in records])


async def show_delivery(request: web.Request) -> web.Response:
    """Show a delivery; secrets in its headers are masked."""
    delivery_id = DeliveryId(named(request, "delivery_id", what="Delivery"))
    async with request.app[STORE].reading() as tx:
        return tell(DeliveryTold.of(await tx.deliveries.get(delivery_id)))
