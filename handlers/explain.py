"""Why did this happen, or not? One text in, the whole chain out."""

from aiohttp import web

from handlers.answering import tell
from handlers.keys import RECEIVER, STORE
from handlers.reading import read_query
from handlers.shapes.explanations import ExplanationQuery
from handlers.stories import tell_story
from handlers.threads import Thread, find_thread
from service.errors import NotFoundError
from service.ports.store import Transaction

__all__ = ["explain"]


async def explain(request: web.Request) -> web.Response:
    """Explain a delivery, commit, launcher, build or evaluation."""
    text = read_query(request, ExplanationQuery).of.strip()
    async with request.app[STORE].reading() as tx:
        thread = await _thread(request, tx, text)
        return tell(await tell_story(tx, text, thread))


async def _thread(request: web.Request, tx: Transaction, text: str) -> Thread:
    """Find what a text names; a delivery may not be written down yet."""
    # Read first: whatever is written from now on is still here.
    arrived = request.app[RECEIVER].waiting(text)
    try:
        return await find_thread(tx, text)
    except NotFoundError:
        if not arrived:
            raise
        return Thread(about="delivery", deliveries=tuple(arrived))
