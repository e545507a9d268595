"""Deliveries of forges: what arrived, and what became of it at the door."""

from http import HTTPStatus

from aiohttp import web

from handlers.answering import tell, tell_all
from handlers.keys import CLOCK, RECEIVER, STORE
from handlers.reading import named, read_query
from handlers.shapes.deliveries import DeliveryTold
from handlers.shapes.receipts import ReceiptTold
from handlers.shapes.service import DeliveriesQuery
from handlers.written_first import wait_for_record
from service.domain.delivery import DeliveryId
from service.domain.hook import Hook, HookId
from service.errors import ConflictError, NotFoundError
from service.ports.store import DeliveryRecord, Transaction

__all__ = ["list_deliveries", "replay_delivery", "show_delivery"]


async def list_deliveries(request: web.Request) -> web.Response:
    """List deliveries, newest first."""
    query = read_query(request, DeliveriesQuery)
    hook = HookId(query.hook) if query.hook else None
    async with request.app[STORE].reading() as tx:
        records = await tx.deliveries.list(hook=hook, limit=query.limit)
    return tell_all([DeliveryTold.of(it) for it in records])


async def show_delivery(request: web.Request) -> web.Response:
    """Show a delivery; secrets in its headers are masked."""
    delivery_id, store = _id(request), request.app[STORE]
    await wait_for_record(delivery_id, store=store, clock=request.app[CLOCK])
    async with store.reading() as tx:
        return tell(DeliveryTold.of(await tx.deliveries.get(delivery_id)))


async def replay_delivery(request: web.Request) -> web.Response:
    """Send a recorded delivery down the road again; the look says that it was so.

    Who follows its ref now is looked at, by the evidence `replay`. 409 for one that
    was refused or told of no ref, and when its hook was removed.
    """
    delivery_id, store = _id(request), request.app[STORE]
    await wait_for_record(delivery_id, store=store, clock=request.app[CLOCK])
    async with store.reading() as tx:
        record = await tx.deliveries.get(delivery_id)
        hook = await _hook(tx, record)
    receipt = await request.app[RECEIVER].replay(record, hook)
    told = ReceiptTold.model_validate(receipt, from_attributes=True)
    return tell(told, status=HTTPStatus.ACCEPTED)


async def _hook(tx: Transaction, record: DeliveryRecord) -> Hook:
    try:
        return await tx.hooks.get(record.hook_id)
    except NotFoundError as exc:
        raise ConflictError(
            f"the hook {record.hook_id} of this delivery was removed"
        ) from exc


def _id(request: web.Request) -> DeliveryId:
    return DeliveryId(named(request, "delivery_id", what="Delivery"))
