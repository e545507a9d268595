"""Why did this happen, or not? One text in, the whole chain out."""

from aiohttp import web

from handlers.answering import tell
from handlers.keys import CLOCK, STORE
from handlers.reading import read_query
from handlers.shapes.explanations import ExplanationQuery
from handlers.stories import tell_story
from handlers.threads import find_thread
from handlers.waiting_facts import view_of
from handlers.written_first import wait_for_record

__all__ = ["explain"]


async def explain(request: web.Request) -> web.Response:
    """Explain a delivery, commit, launcher, build or evaluation."""
    text, store = read_query(request, ExplanationQuery).of.strip(), request.app[STORE]
    await wait_for_record(text, store=store, clock=request.app[CLOCK])
    async with store.reading() as tx:
        thread = await find_thread(tx, text)
        return tell(await tell_story(tx, text, thread, view_of(request.app)))
