"""What is live on the page of a webhook: its state, and what its deliveries led to."""

from collections.abc import Iterable, Mapping
from typing import Final

from aiohttp import web

from handlers.app_keys import AUTHORIZER, HOOK_DESCRIBER, STORE
from handlers.auth import caller_of, normalize_id
from handlers.page.context import surroundings
from handlers.page.live import UPDATES, Parts, digest_of, send_parts
from handlers.page.rendering import RENDERER
from service.domain.delivery import DeliveryId
from service.domain.evaluation.comparison import Evaluation
from service.domain.hook import HookId
from service.domain.rights.caller import MemberRole
from service.domain.rights.decision import Subject
from service.ports.store import DeliveryRecord, Transaction

__all__ = ["hook_id_of", "hook_stream_url", "render_hook", "stream_hook"]

_DELIVERIES: Final = 30
"""How many are listed; the command line lists the others."""


async def stream_hook(request: web.Request) -> web.StreamResponse:
    """Send the state of a webhook again whenever it changed."""
    hook_id = hook_id_of(request)

    async def render() -> tuple[Parts, bool]:
        _, parts = await render_hook(request, hook_id)
        return parts, True

    return await send_parts(request, request.app[UPDATES], render)


def hook_id_of(request: web.Request) -> HookId:
    """Return the webhook that the path names."""
    return HookId(normalize_id(request.match_info["hook_id"]))


def hook_stream_url(hook_id: HookId, parts: Parts) -> str:
    """Return where a page that shows these parts gets the next ones."""
    return f"/live/hooks/{hook_id}?seen={digest_of(parts)}"


async def render_hook(request: web.Request, hook_id: HookId) -> tuple[object, Parts]:
    """Describe a webhook, and render its state and its deliveries."""
    async with request.app[STORE].reading() as tx:
        hook = await tx.hooks.get(hook_id)
        (shown,) = await request.app[HOOK_DESCRIBER].describe(tx, [hook])
        records = await tx.deliveries.list(
            hook=hook_id, limit=_DELIVERIES, visible=caller_of(request).filter()
        )
        outcomes = await _outcomes(tx, request, records)
    context = {"hook": shown, "deliveries": records, "outcomes": outcomes}
    text = request.app[RENDERER].text
    frame = surroundings(request)
    return shown, {
        "hook": text("hook_state.html", **context, **frame),
        "deliveries": text("hook_deliveries.html", **context, **frame),
    }


async def _outcomes(
    tx: Transaction, request: web.Request, records: Iterable[DeliveryRecord]
) -> Mapping[DeliveryId, Evaluation]:
    """Return the newest evaluation of each delivery that the caller may see."""
    accepted = {
        record.id for record in records if record.status == "accepted" and record.ref
    }
    seen: dict[str, bool] = {}
    found: dict[DeliveryId, Evaluation] = {}
    for evaluation in await tx.evaluations.of_deliveries(accepted):
        source = evaluation.source_id
        if source not in seen:
            seen[source] = await request.app[AUTHORIZER].has_role(
                tx, caller_of(request), MemberRole.VIEWER, Subject.SOURCE, source
            )
        if seen[source]:
            for delivery in accepted.intersection(evaluation.delivery_ids):
                found.setdefault(delivery, evaluation)
    return found
