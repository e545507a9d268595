"""Deliveries of forges: what arrived, and what became of it at the door."""

from http import HTTPStatus

from aiohttp import web

from handlers.api.access import visible_to
from handlers.api.cursors import read_cursor
from handlers.api.requests import named, read_query
from handlers.api.responses import json_history, json_response
from handlers.api.schemas.deliveries import DeliveryResponse
from handlers.api.schemas.receipts import ReceiptResponse
from handlers.api.schemas.service import DeliveriesQuery
from handlers.app_keys import AUTHORIZER, CLOCK, REPLAYER, STORE
from handlers.auth import caller_of
from handlers.read_your_writes import wait_for_record
from service.domain.delivery import DeliveryId
from service.domain.hook import Hook, HookId
from service.domain.rights.decision import Permission, Subject
from service.errors import ConflictError, NotFoundError
from service.ports.store import Cursor, DeliveryRecord, Transaction

__all__ = ["list_deliveries", "replay_delivery", "show_delivery"]


async def list_deliveries(request: web.Request) -> web.Response:
    """List deliveries, newest first."""
    query = read_query(request, DeliveriesQuery)
    hook = HookId(query.hook) if query.hook else None
    after = read_cursor(request, query.after)
    async with request.app[STORE].reading() as tx:
        records = await tx.deliveries.list(
            hook=hook, limit=query.limit, after=after, visible=visible_to(request)
        )
    # What a hook that was removed had taken stays on record; where there is nothing,
    # its id may be misspelt.
    if hook and not records and after is None:
        await _check_hook(request, hook)
    shown = [DeliveryResponse.of(record) for record in records]
    last = records[-1] if records else None
    cursor = Cursor(at=last.received_at, id=last.id) if last else None
    return json_history(request, shown, limit=query.limit, last=cursor)


async def show_delivery(request: web.Request) -> web.Response:
    """Show a delivery; secrets in its headers are masked."""
    delivery_id, store = _id(request), request.app[STORE]
    await wait_for_record(delivery_id, store=store, clock=request.app[CLOCK])
    async with store.reading() as tx:
        return json_response(DeliveryResponse.of(await tx.deliveries.get(delivery_id)))


async def replay_delivery(request: web.Request) -> web.Response:
    """Replay a recorded delivery; the evaluation has the trigger `replay`.

    The sources that follow its ref now are evaluated. 409 for one that
    was refused or named no ref, and when its hook was removed.
    """
    delivery_id, store = _id(request), request.app[STORE]
    await wait_for_record(delivery_id, store=store, clock=request.app[CLOCK])
    async with store.reading() as tx:
        record = await tx.deliveries.get(delivery_id)
        hook = await _hook(tx, record)
    receipt = await request.app[REPLAYER].replay(record, hook)
    response = ReceiptResponse.model_validate(receipt, from_attributes=True)
    return json_response(response, status=HTTPStatus.ACCEPTED)


async def _check_hook(request: web.Request, hook: HookId) -> None:
    """Check that there is a hook; one that the caller may not see is not there."""
    await request.app[AUTHORIZER].check(
        caller_of(request), Permission.VIEWER, Subject.HOOK, hook
    )
    async with request.app[STORE].reading() as tx:
        await tx.hooks.get(hook)


async def _hook(tx: Transaction, record: DeliveryRecord) -> Hook:
    try:
        return await tx.hooks.get(record.hook_id)
    except NotFoundError as exc:
        raise ConflictError(
            f"the hook {record.hook_id} of this delivery was removed"
        ) from exc


def _id(request: web.Request) -> DeliveryId:
    return DeliveryId(named(request, "delivery_id", what="Delivery"))
